/* Metadata of a request that its head does not contain: start time, client address, request id and
 * trace.
 *
 * If an option needs it, every request has HTTP_INFORMED, which excludes it from the shortest path.
 * Otherwise no function of this file is called for requests. */
#pragma once

#include "http/log/log.h"

/* Parse the networks of the options, and determine whether requests need an info. 0; -EINVAL after
 * goevd_refuse(); -ENOMEM. Call http_request_info_fini() in any case. */
int http_request_info_init(struct http_log *log);
void http_request_info_fini(struct http_log *log);

/* Initialize the state on this poller. 0; -errno of getrandom(2). */
int http_request_info_local_init(struct http_log_local *local);

/* Fill in the info of a request that has arrived by that connection and has a valid head. */
void http_request_info_begin(struct http_log_local *local, struct goevd_conn *c,
                             const struct http_request *req, struct http_request_info *ret);

/* Fill in the info for malformed input that gets an error reply. */
void http_request_info_begin_none(struct http_log_local *local, struct goevd_conn *c,
                                  struct http_request_info *ret);

void http_request_info_copy(struct http_request_info *to, const struct http_request_info *from);

static inline struct http_span
http_request_info_id(const struct http_request_info *info)
{
    return (struct http_span){info->id, info->id_len};
}
