/* Evaluates the headers that a server must obey: Host, Connection, Content-Length,
 * Transfer-Encoding, Expect. */
#pragma once

#include "http/message/request.h"
#include "http/message/text/chars.h"
#include "http/message/verdict.h"

/* http_semantics_check() for any request. */
int http_semantics_check_all(struct http_request *req);

/* Whether the Host equals the last valid one. Clients rarely change it. */
static hot bool
http_semantics_host_known(const struct http_request *req, const struct http_field *host)
{
    return host->value_len == req->host_memo_len &&
           http_bytes_equal(host->value, req->host_memo, host->value_len);
}

/* Whether the client offers to upgrade to a protocol, RFC 9110 section 7.8; name in lower case. */
bool http_request_upgrades(const struct http_request *req, const char *protocol);

/* Whether a field is that header. */
static inline bool
http_field_is(const struct http_field *f, const char *name, size_t len)
{
    return f->name_len == len && http_chars_equal_any(f->name, name, len);
}

/* Check the headers, and set content_length and the flags that follow from them.
 *
 * Returns  0 or an enum http_verdict.
 */
static inline int
http_semantics_check(struct http_request *req)
{
    const struct http_field *host = &req->fields[req->at[HTTP_KNOWN_HOST]];

    /* the most common request by far */
    if (likely((req->seen | (uint32_t)req->repeated << 16) == 1U << HTTP_KNOWN_HOST &&
               !(req->flags & HTTP_OLD) && http_semantics_host_known(req, host)))
        return 0;
    return http_semantics_check_all(req);
}
