/* What is known of a request beside what it says itself, where an option asks for it: when it
 * began, for whom it is, and by which name it is told in logs.
 *
 * Where one does every request has HTTP_INFORMED, which takes it off the shortest way; where none
 * does, nothing of this is ever called. */
#pragma once

#include "http/log/log.h"

/* Parse the networks of the options, and see whether requests need it. 0; -EINVAL after
 * goevd_refuse(); -ENOMEM. http_request_info_fini() in either case. */
int http_request_info_init(struct http_log *log);
void http_request_info_fini(struct http_log *log);

/* On this poller. 0; -errno of getrandom(2). */
int http_request_info_local_init(struct http_log_local *local);

/* That of a request whose head is good and has come by that connection. */
void http_request_info_begin(struct http_log_local *local, struct goevd_conn *c,
                             const struct http_request *req, struct http_request_info *ret);

/* That of what is answered and is no request. */
void http_request_info_begin_none(struct http_log_local *local, struct goevd_conn *c,
                                  struct http_request_info *ret);

void http_request_info_copy(struct http_request_info *to, const struct http_request_info *from);

static inline struct http_span
http_request_info_id(const struct http_request_info *info)
{
    return (struct http_span){info->id, info->id_len};
}
