#include "http/message/target.h"

#include "http/message/authority.h"
#include "http/message/chars.h"
#include "http/message/path.h"

/* The lengths of "http://" and "https://". */
enum { TARGET_HTTP = 7, TARGET_HTTPS = 8 };

/* The length of the scheme, 0 if it is neither. */
static size_t
target_scheme(struct span target)
{
    if (target.len >= TARGET_HTTP && chars_equal_nocase(target.data, "http://", TARGET_HTTP))
        return TARGET_HTTP;
    if (target.len >= TARGET_HTTPS && chars_equal_nocase(target.data, "https://", TARGET_HTTPS))
        return TARGET_HTTPS;
    return 0;
}

/* absolute-form; RFC 9110 section 4.2 refuses an empty host, section 4.2.4 user names, and
 * section 7.4 what needs a secured connection, which none is here. */
static int
target_absolute(struct http_request *req)
{
    const char *end = req->path.data + req->path.len;
    size_t scheme = target_scheme(req->target);
    const char *host = req->target.data + scheme;
    const char *p = host;

    if (scheme == 0)
        return HTTP_BAD_TARGET;
    while (p < end && *p != '/')
        p++;
    if (p == host || !http_host_valid(host, (size_t)(p - host)))
        return HTTP_BAD_TARGET;
    if (scheme == TARGET_HTTPS)
        return HTTP_NOT_SECURED;
    if (p < end) {
        req->path = (struct span){p, (size_t)(end - p)};
        return 0;
    }
    req->path = (struct span){"/", 1};
    if (req->method == HTTP_OPTIONS && end == req->target.data + req->target.len)
        req->flags |= HTTP_SERVER_WIDE;
    return 0;
}

/* All but origin-form. */
static int
target_other(struct http_request *req)
{
    if (req->target.len == 1 && req->target.data[0] == '*') {
        if (req->method != HTTP_OPTIONS)
            return HTTP_BAD_TARGET;
        req->flags |= HTTP_SERVER_WIDE;
        return 0;
    }
    return target_absolute(req);
}

/* CONNECT has its own form and is for proxies: no resource here can ever take it. */
static int
target_unknown(const struct http_request *req)
{
    if (req->method == HTTP_CONNECT &&
        !http_host_valid_with_port(req->target.data, req->target.len))
        return HTTP_BAD_TARGET;
    return HTTP_UNKNOWN_METHOD;
}

int
http_target_check(struct http_request *req, char *scratch)
{
    ssize_t n;
    int r;

    if ((req->flags & HTTP_TARGET_OTHER) == 0)
        return 0;
    if (req->method >= HTTP_CONNECT)
        return target_unknown(req);
    r = req->target.data[0] == '/' ? 0 : target_other(req);
    if (r < 0 || (req->flags & HTTP_SERVER_WIDE) != 0)
        return r;
    n = http_path_normalise(req->path.data, req->path.len, scratch);
    if (n < 0)
        return (int)n;
    req->path = (struct span){scratch, (size_t)n};
    return 0;
}

struct span
http_target_path(struct span target)
{
    const char *end = memchr(target.data, '?', target.len);
    const char *p = target.data + target_scheme(target);

    if (end == NULL)
        end = target.data + target.len;
    if (p != target.data)
        while (p < end && *p != '/')
            p++;
    return p == end ? (struct span){"/", 1} : (struct span){p, (size_t)(end - p)};
}

struct span
http_target_query(struct span target)
{
    const char *mark = memchr(target.data, '?', target.len);

    if (mark == NULL)
        return (struct span){0};
    return (struct span){mark + 1, target.len - (size_t)(mark + 1 - target.data)};
}

struct span
http_target_host(struct span target)
{
    const char *p = target.data + target_scheme(target);
    const char *end = p;

    if (p == target.data)
        return (struct span){0};
    while (end < target.data + target.len && *end != '/' && *end != '?')
        end++;
    return (struct span){p, (size_t)(end - p)};
}
