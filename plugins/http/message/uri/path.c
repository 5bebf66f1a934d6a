#include "http/message/uri/path.h"

#include "http/message/text/chars.h"
#include "http/message/util.h"

/* Decode escapes, RFC 3986 section 2.1. */
static ssize_t
http_path_decode(const char *path, size_t len, char *to, char *escaped)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = path[i];

        if (escaped)
            escaped[n] = c == '%';
        if (c == '%') {
            int high = len - i > 2 ? http_chars_hex(path[i + 1]) : -1;
            int low = len - i > 2 ? http_chars_hex(path[i + 2]) : -1;

            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return HTTP_BAD_PATH;
            c = (char)(high << 4 | low);
            i += 2;
        }
        to[n++] = c;
    }
    return (ssize_t)n;
}

static bool
http_path_is_dots(const char *segment, size_t len, size_t dots)
{
    return len == dots && memcmp(segment, "..", dots) == 0;
}

/* Remove dot segments in place, RFC 3986 section 5.2.4. The output ends with "/" before each
 * segment and never overtakes the input. */
static ssize_t
http_path_remove_dots(char *path, size_t len, char *escaped)
{
    size_t written = 1;
    size_t at = 1;

    while (at < len) {
        const char *segment = path + at;
        const char *slash = memchr(segment, '/', len - at);
        size_t n = !slash ? len - at : (size_t)(slash - segment);

        at += n + 1;
        if (http_path_is_dots(segment, n, 2)) {
            if (written == 1)
                return HTTP_BAD_PATH;
            while (path[--written - 1] != '/')
                ;
        } else if (n != 0 && !http_path_is_dots(segment, n, 1)) {
            size_t whole = n + (slash != NULL);

            memmove(path + written, segment, whole);
            if (escaped)
                memmove(escaped + written, escaped + (segment - path), whole);
            written += whole;
        }
    }
    return (ssize_t)written;
}

ssize_t
http_path_normalise(const char *path, size_t len, char *ret_path)
{
    return http_path_normalise_noting(path, len, ret_path, NULL);
}

ssize_t
http_path_normalise_noting(const char *path, size_t len, char *ret_path, char *ret_escaped)
{
    ssize_t n = http_path_decode(path, len, ret_path, ret_escaped);

    return n < 0 ? n : http_path_remove_dots(ret_path, (size_t)n, ret_escaped);
}
