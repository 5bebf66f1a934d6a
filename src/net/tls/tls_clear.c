/* HTTP without TLS on a port that speaks TLS: a reply without TLS, because browsers show an alert
 * as a broken connection. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/tls/tls_parts.h"

#define CLEAR_TEXT "This port speaks TLS: use https:// instead of http://.\n"

static void
tls_clear_send(struct conn *c, const char *reply, size_t len)
{
    (void)conn_send_sealed(c, reply, len);
}

static void
tls_clear_refuse(struct conn *c)
{
    char reply[512];
    int n = snprintf(reply, sizeof(reply),
                     "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
                     "Content-Length: %zu\r\nConnection: close\r\n\r\n" CLEAR_TEXT,
                     strlen(CLEAR_TEXT));

    tls_clear_send(c, reply, (size_t)n);
}

/* A span of characters that cannot end a line or a URL. */
static bool
tls_clear_is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] > '~' || strchr("\"<>\\^`{|}", text[i]))
            return false;
    return len > 0;
}

/* The value of Host; its length, 0: there is none. */
static size_t
tls_clear_host(const char *data, const char *end, const char **ret)
{
    for (const char *line = data; line < end;) {
        const char *eol = memchr(line, '\n', (size_t)(end - line));
        const char *stop = eol ? eol : end;

        if (stop - line > 5 && strncasecmp(line, "host:", 5) == 0) {
            const char *from = line + 5;

            while (from < stop && *from == ' ')
                from++;
            while (stop > from && (stop[-1] == '\r' || stop[-1] == ' '))
                stop--;
            *ret = from;
            return (size_t)(stop - from);
        }
        if (!eol)
            break;
        line = eol + 1;
    }
    return 0;
}

/* The target of `METHOD /target HTTP/1.1`; its length, 0: it is no path. */
static size_t
tls_clear_target(const char *data, const char *end, const char **ret)
{
    const char *from = memchr(data, ' ', (size_t)(end - data)), *to;

    if (!from || from + 1 == end || from[1] != '/')
        return 0;
    to = memchr(from + 1, ' ', (size_t)(end - from - 1));
    *ret = from + 1;
    return to ? (size_t)(to - from - 1) : 0;
}

static bool
tls_clear_redirect(struct conn *c, const char *data, const char *end)
{
    const char *host, *target;
    size_t host_len = tls_clear_host(data, end, &host);
    size_t target_len = tls_clear_target(data, end, &target);
    char reply[TLS_CLEAR_MAX + 256];
    int n;

    if (host_len > 255 || !tls_clear_is_plain(host, host_len) || memchr(host, '/', host_len) ||
        target_len > TLS_CLEAR_MAX || !tls_clear_is_plain(target, target_len))
        return false;
    n = snprintf(reply, sizeof(reply),
                 "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://%.*s%.*s\r\n"
                 "Content-Length: 0\r\nConnection: close\r\n\r\n",
                 (int)host_len, host, (int)target_len, target);
    tls_clear_send(c, reply, (size_t)n);
    return true;
}

bool
tls_clear_answer(struct conn *c, const char *data, size_t len)
{
    const char *end = memmem(data, len, "\r\n\r\n", 4);

    if (!end && len < TLS_CLEAR_MAX)
        return false;
    if (!end || !tls_context_of(c)->server->policy.redirect || !tls_clear_redirect(c, data, end))
        tls_clear_refuse(c);
    return true;
}
