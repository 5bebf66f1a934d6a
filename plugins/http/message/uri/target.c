#include "http/message/uri/target.h"

#include "http/message/text/chars.h"
#include "http/message/uri/authority.h"
#include "http/message/uri/path.h"

/* The lengths of "http://" and "https://". */
enum { HTTP_TARGET_SCHEME_HTTP = 7, HTTP_TARGET_SCHEME_HTTPS = 8 };

/* Length of the scheme with "://"; 0: any other scheme. */
static size_t
http_target_scheme(struct http_span target)
{
    if (target.len >= HTTP_TARGET_SCHEME_HTTP &&
        http_chars_equal_nocase(target.data, "http://", HTTP_TARGET_SCHEME_HTTP))
        return HTTP_TARGET_SCHEME_HTTP;
    if (target.len >= HTTP_TARGET_SCHEME_HTTPS &&
        http_chars_equal_nocase(target.data, "https://", HTTP_TARGET_SCHEME_HTTPS))
        return HTTP_TARGET_SCHEME_HTTPS;
    return 0;
}

/* Check absolute-form. RFC 9110 section 4.2 forbids an empty host and section 4.2.4 user names.
 * Section 7.4 lets a server refuse https on a connection that is not secured: the caller does. */
static int
http_target_absolute(struct http_request *req)
{
    const char *end = req->path.data + req->path.len;
    size_t scheme = http_target_scheme(req->target);
    const char *host = req->target.data + scheme;
    const char *p = host;

    if (scheme == 0)
        return HTTP_BAD_TARGET;
    while (p < end && *p != '/')
        p++;
    if (p == host || !http_authority_valid(host, (size_t)(p - host)))
        return HTTP_BAD_TARGET;
    if (scheme == HTTP_TARGET_SCHEME_HTTPS)
        req->flags |= HTTP_TARGET_SECURED;
    if (p < end) {
        req->path = (struct http_span){p, (size_t)(end - p)};
        return 0;
    }
    req->path = (struct http_span){"/", 1};
    if (req->method == HTTP_OPTIONS && end == req->target.data + req->target.len)
        req->flags |= HTTP_SERVER_WIDE;
    return 0;
}

/* Check any form but origin-form. */
static int
http_target_other(struct http_request *req)
{
    if (req->target.len == 1 && req->target.data[0] == '*') {
        if (req->method != HTTP_OPTIONS)
            return HTTP_BAD_TARGET;
        req->flags |= HTTP_SERVER_WIDE;
        return 0;
    }
    return http_target_absolute(req);
}

/* Check CONNECT, whose form is for proxies: no resource of this server can accept it. */
static int
http_target_unknown(const struct http_request *req)
{
    if (req->method == HTTP_CONNECT &&
        !http_authority_valid_with_port(req->target.data, req->target.len))
        return HTTP_BAD_TARGET;
    return HTTP_UNKNOWN_METHOD;
}

int
http_target_check(struct http_request *req, char *scratch)
{
    ssize_t n;
    int r;

    if (!(req->flags & HTTP_TARGET_OTHER))
        return 0;
    if (req->method >= HTTP_CONNECT)
        return http_target_unknown(req);
    r = req->target.data[0] == '/' ? 0 : http_target_other(req);
    if (r < 0 || (req->flags & HTTP_SERVER_WIDE))
        return r;
    n = http_path_normalise(req->path.data, req->path.len, scratch);
    if (n < 0)
        return (int)n;
    req->path = (struct http_span){scratch, (size_t)n};
    return 0;
}

struct http_span
http_target_path(struct http_span target)
{
    const char *end = memchr(target.data, '?', target.len);
    const char *p = target.data + http_target_scheme(target);

    if (!end)
        end = target.data + target.len;
    if (p != target.data)
        while (p < end && *p != '/')
            p++;
    return p == end ? (struct http_span){"/", 1} : (struct http_span){p, (size_t)(end - p)};
}

struct http_span
http_target_query(struct http_span target)
{
    const char *mark = memchr(target.data, '?', target.len);

    if (!mark)
        return (struct http_span){0};
    return (struct http_span){mark + 1, target.len - (size_t)(mark + 1 - target.data)};
}

struct http_span
http_target_host(struct http_span target)
{
    const char *p = target.data + http_target_scheme(target);
    const char *end = p;

    if (p == target.data)
        return (struct http_span){0};
    while (end < target.data + target.len && *end != '/' && *end != '?')
        end++;
    return (struct http_span){p, (size_t)(end - p)};
}
