#include <errno.h>
#include <limits.h>
#include <string.h>

#include "download/bytes/escape.h"
#include "download/download.h"

#define ALLOW "GET, HEAD"

int
dl_refusal_method(struct goevd_http_request *r)
{
    return goevd_http_refuse_method(r, ALLOW);
}

/* Redirect: the path of a directory lacks its "/". */
static int
dl_refusal_redirect(struct goevd_http_request *r)
{
    static const char text[] = "301 Moved Permanently\n";
    struct goevd_str query = goevd_http_query(r);
    char to[DL_ESCAPE_PATH_FACTOR * PATH_MAX];
    size_t len = dl_escape_path_as(goevd_http_path(r), goevd_http_raw_path(r), to, sizeof(to) - 1);
    int result;

    if (len + 3 + query.len >= sizeof(to))
        return goevd_http_reply(r, 414, NULL, NULL, 0);
    to[len++] = '/';
    if (query.data) {
        to[len++] = '?';
        memcpy(to + len, query.data, query.len);
        len += query.len;
    }
    result = goevd_http_add_header_bytes(r, "Location", to, len);
    return result < 0 ? result
                      : goevd_http_reply(r, 301, "text/plain; charset=utf-8", text, strlen(text));
}

/* The reason in the log; the client gets the status only. */
static const char *
dl_refusal_words(int error, struct goevd_str path)
{
    switch (-error) {
    case EACCES:
        return path.len == 0 || path.data[path.len - 1] == '/'
                   ? "has no index that may be read, and is not listed"
                   : "may not be read";
    case ELOOP:
        return "leads over a symbolic link that is not followed";
    case EXDEV:
        return "leads out of root";
    case EOVERFLOW:
        return "has more files than listing_max";
    case EAGAIN:
        return "too much waits for the threads of work_pool, or directories are being moved";
    case EUSERS:
        return "the client's downloads have reached client_max";
    default:
        return strerror(-error);
    }
}

/* The log level. client_max is only logged at INFO, because a client controls how often it is
 * exceeded. */
static enum goevd_log_level
dl_refusal_level(int error, int status)
{
    if (error == -EUSERS)
        return GOEVD_LOG_INFO;
    return status == 403 || error == -EAGAIN ? GOEVD_LOG_NOTICE : GOEVD_LOG_WARNING;
}

static int
dl_refusal_tell(struct dl_local *l, struct goevd_http_request *r, int error, int status)
{
    const struct dl_instance *d = l->download;
    struct goevd_str path = goevd_http_param(r, "*");

    if (!path.data) /* the route has no "*" */
        path = (struct goevd_str){"", 0};
    goevd_log(d->self, dl_refusal_level(error, status), "%d: %s/%.*s: %s", status,
              d->options->root.data, (int)path.len, path.data, dl_refusal_words(error, path));
    if (status != 403)
        dl_local_count(l, d->metrics.failed, 1);
    return goevd_http_reply(r, status, NULL, NULL, 0);
}

int
dl_refusal_error(struct dl_local *l, struct goevd_http_request *r, int error)
{
    switch (-error) {
    case ENOENT:
    case ENOTDIR:
        return goevd_http_next(r);
    case EISDIR:
        return dl_refusal_redirect(r);
    case EACCES:
    case EPERM:
    case ELOOP:
    case EXDEV:
    case EOVERFLOW: /* the directory is too large to be listed */
        return dl_refusal_tell(l, r, error, 403);
    case ENAMETOOLONG:
        return goevd_http_reply(r, 414, NULL, NULL, 0);
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
    case EUSERS:
        return dl_refusal_tell(l, r, error, 503);
    default:
        return dl_refusal_tell(l, r, error, 500);
    }
}
