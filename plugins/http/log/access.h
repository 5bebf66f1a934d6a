/* The access log: one line per request, written when its outcome is known. Does nothing unless
 * `access_log` is configured. */
#pragma once

#include "http/log/request_info.h"

/* Status of a request whose client closed the connection before the reply began; the code that
 * nginx uses. */
#define HTTP_ACCESS_STATUS_GONE 499

/* A finished request. */
struct http_access_event {
    struct http_access_request request;
    const struct http_request_info *info;
    struct goevd_conn *c; /* the connection that the request arrived by */
    int status;
    uint64_t bytes; /* bytes of content sent */
    bool aborted;   /* the reply had begun, but was not sent completely */
};

/* Open the log, if one is configured. 0; -EINVAL after goevd_refuse(); -ENOMEM. */
int http_access_init(struct http_log *log);

/* Whether requests are logged. */
static inline bool
http_access_wanted(const struct http_log_local *local)
{
    return local->log->lines != NULL;
}

/* Write the line of a request, if requests are logged. */
void http_access_write(struct http_log_local *local, struct http_access_event event);
