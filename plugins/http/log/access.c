#include "http/log/access.h"

#include <goevd/conn.h>
#include <goevd/logfile.h>

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>

static_assert(HTTP_ACCESS_LINE_MAX <= GOEVD_LOGFILE_LINE_MAX, "a line is one");

int
http_access_init(struct http_log *log)
{
    const struct http_options_access_log *o = log->options->access_log;

    if (!o)
        return 0;
    return goevd_logfile_new(log->self, "access_log", "access_log.target", o->target.data,
                             (size_t)o->buffer, &log->lines);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static char *
http_access_byte(char *p, uint8_t n)
{
    if (n >= 100)
        *p++ = (char)('0' + n / 100);
    if (n >= 10)
        *p++ = (char)('0' + n / 10 % 10);
    *p++ = (char)('0' + n % 10);
    return p;
}

/* Formats the address by hand, because inet_ntop(3) calls printf(3), and this runs for each
 * request. */
static size_t
http_access_ipv4(const uint8_t *bytes, char *to)
{
    char *p = to;

    for (unsigned i = 0; i < 4; i++) {
        p = http_access_byte(p, bytes[i]);
        *p++ = '.';
    }
    return (size_t)(p - 1 - to);
}

static struct http_span
http_access_client(const union http_forwarded_address *client, char text[HTTP_ACCESS_CLIENT_MAX])
{
    if (client->sa.sa_family == AF_INET)
        return (struct http_span){text,
                                  http_access_ipv4((const uint8_t *)&client->in.sin_addr, text)};
    if (client->sa.sa_family != AF_INET6)
        return (struct http_span){"unix", strlen("unix")};
    if (IN6_IS_ADDR_V4MAPPED(&client->in6.sin6_addr))
        return (struct http_span){text, http_access_ipv4(client->in6.sin6_addr.s6_addr + 12, text)};
    inet_ntop(AF_INET6, &client->in6.sin6_addr, text, HTTP_ACCESS_CLIENT_MAX);
    return (struct http_span){text, strlen(text)};
}

static struct http_span
http_access_tls(struct goevd_conn *c, enum goevd_tls_fact fact)
{
    struct goevd_str text = goevd_conn_tls(c, fact);

    return (struct http_span){text.data, text.len};
}

void
http_access_write(struct http_log_local *local, struct http_access_event event)
{
    const struct http_log *log = local->log;
    const char *listener = goevd_conn_listener(event.c);
    char client[HTTP_ACCESS_CLIENT_MAX];
    struct http_access_answer a = {.id = http_request_info_id(event.info),
                                   .trace = &event.info->trace,
                                   .status = event.status,
                                   .bytes = event.bytes,
                                   .aborted = event.aborted};
    char *line;
    size_t len;

    if (!log->lines)
        return;
    line = goevd_logfile_reserve(log->lines, local->poller, HTTP_ACCESS_LINE_MAX);
    if (!line)
        return;
    a.client = http_access_client(&event.info->client, client);
    if (listener)
        a.listener = (struct http_span){listener, strlen(listener)};
    if (event.info->begun_ns != 0)
        a.duration_ns = goevd_now() - event.info->begun_ns;
    a.tls = http_access_tls(event.c, GOEVD_TLS_VERSION);
    if (a.tls.len != 0) {
        a.cipher = http_access_tls(event.c, GOEVD_TLS_CIPHER);
        a.resumed = http_access_tls(event.c, GOEVD_TLS_RESUMED).len != 0;
    }
    clock_gettime(CLOCK_REALTIME_COARSE, &a.at);
    len = log->options->access_log->format == HTTP_OPTIONS_ACCESS_JSON
              ? http_access_line_json(line, &local->second, &event.request, &a)
              : http_access_line_combined(line, &local->second, &event.request, &a);
    goevd_logfile_commit(log->lines, local->poller, len);
}
