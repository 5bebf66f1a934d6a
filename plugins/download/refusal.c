#include <errno.h>
#include <limits.h>

#include "download/download.h"
#include "download/escape.h"

#define ALLOW "GET, HEAD"

int
refusal_method(struct goevd_http_request *r)
{
    int result = goevd_http_add_header(r, "Allow", ALLOW);

    return result < 0 ? result : goevd_http_reply(r, 405, NULL, NULL, 0);
}

/* A directory is asked for as if it were a file. */
static int
refusal_redirect(struct goevd_http_request *r)
{
    static const char text[] = "301 Moved Permanently\n";
    struct goevd_str query = goevd_http_query(r);
    char to[ESCAPE_PATH_FACTOR * PATH_MAX];
    size_t len = escape_path(goevd_http_path(r), to, sizeof(to) - 1);
    int result;

    if (len + 3 + query.len >= sizeof(to))
        return goevd_http_reply(r, 414, NULL, NULL, 0);
    to[len++] = '/';
    if (query.data != NULL) {
        to[len++] = '?';
        memcpy(to + len, query.data, query.len);
        len += query.len;
    }
    result = goevd_http_add_header_bytes(r, "Location", to, len);
    return result < 0 ? result
                      : goevd_http_reply(r, 301, "text/plain; charset=utf-8", text, strlen(text));
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
        return goevd_http_reply(r, 403, NULL, NULL, 0);
    case ENAMETOOLONG:
        return goevd_http_reply(r, 414, NULL, NULL, 0);
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
        local_count(l, l->download->figures.failed, 1);
        return goevd_http_reply(r, 503, NULL, NULL, 0);
    default:
        local_count(l, l->download->figures.failed, 1);
        return goevd_http_reply(r, 500, NULL, NULL, 0);
    }
}
