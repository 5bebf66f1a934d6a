#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "download/download.h"

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

/* Percent-encode what cannot stand in a path. Returns the length, which is less than size. */
static size_t
refusal_encode(struct goevd_str path, char *to, size_t size)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-._~!$&'()*+,;=:@/";
    size_t n = 0;

    for (size_t i = 0; i < path.len && n + 4 < size; i++) {
        char c = path.data[i];

        if (c != '\0' && strchr(plain, c) != NULL)
            to[n++] = c;
        else
            n += (size_t)snprintf(to + n, size - n, "%%%02X", (unsigned char)c);
    }
    return n;
}

/* A directory is asked for as if it were a file. */
static int
refusal_redirect(struct goevd_http_request *r)
{
    struct goevd_str query = goevd_http_query(r);
    char to[3 * PATH_MAX];
    size_t len = refusal_encode(goevd_http_path(r), to, sizeof(to) - 1);
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
