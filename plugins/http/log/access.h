/* The access log: one line for each request, when it is known what became of it; nothing where
 * there is no log. */
#pragma once

#include "http/log/request_info.h"

/* Of a client that has gone before its answer began, as nginx has it. */
#define HTTP_ACCESS_STATUS_GONE 499

/* A request that is over. */
struct http_access_event {
    struct http_access_request request;
    const struct http_request_info *info;
    struct goevd_conn *c; /* by whose listener it came */
    int status;
    uint64_t bytes; /* of content that was sent */
    bool aborted;   /* the reply had begun, and not all of it was sent */
};

/* Open it; nothing without. 0; -EINVAL after goevd_refuse(); -ENOMEM. */
int http_access_init(struct http_log *log);

/* Whether there is a log. */
static inline bool
http_access_wanted(const struct http_log_local *local)
{
    return local->log->lines != NULL;
}

/* Write the line, if there is a log. */
void http_access_write(struct http_log_local *local, struct http_access_event event);
