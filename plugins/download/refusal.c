#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "download/download.h"
#include "download/escape.h"

#define ALLOW "GET, HEAD"

int
refusal_say(struct goevd_http_request *r, int status, const char *words)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "%d %s\n", status, words);

    return goevd_http_reply(r, status, "text/plain; charset=utf-8", text, (size_t)n);
}

int
refusal_method(struct goevd_http_request *r)
{
    int result = goevd_http_add_header(r, "Allow", ALLOW);

    return result < 0 ? result : refusal_say(r, 405, "Method Not Allowed");
}

/* A directory is asked for as if it were a file. */
static int
refusal_redirect(struct goevd_http_request *r)
{
    struct goevd_str query = goevd_http_query(r);
    char to[ESCAPE_PATH_FACTOR * PATH_MAX];
    size_t len = escape_path(goevd_http_path(r), to, sizeof(to) - 1);
    int result;

    if (len + 3 + query.len >= sizeof(to))
        return refusal_say(r, 414, "URI Too Long");
    to[len++] = '/';
    if (query.data != NULL) {
        to[len++] = '?';
        memcpy(to + len, query.data, query.len);
        len += query.len;
    }
    result = goevd_http_add_header_bytes(r, "Location", to, len);
    return result < 0 ? result : refusal_say(r, 301, "Moved Permanently");
}

int
refusal_error(struct local *l, struct goevd_http_request *r, int error)
{
    switch (-error) {
    case ENOENT:
    case ENOTDIR:
        return goevd_http_next(r);
    case EISDIR:
        return refusal_redirect(r);
    case EACCES:
    case EPERM:
    case ELOOP:
    case EXDEV:
    case EOVERFLOW: /* a directory that is too large to be listed */
        return refusal_say(r, 403, "Forbidden");
    case ENAMETOOLONG:
        return refusal_say(r, 414, "URI Too Long");
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
        local_count(l, l->download->figures.failed, 1);
        return refusal_say(r, 503, "Service Unavailable");
    default:
        local_count(l, l->download->figures.failed, 1);
        return refusal_say(r, 500, "Internal Server Error");
    }
}
