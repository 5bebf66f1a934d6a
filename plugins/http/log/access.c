#include "http/log/access.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include <goevd/conn.h>

_Static_assert(HTTP_ACCESS_LINE_MAX <= GOEVD_LOGFILE_LINE_MAX, "a line is one");

int
http_access_init(struct http *http)
{
    const struct http_options_access_log *o = http->options->access_log;

    if (!o)
        return 0;
    return goevd_logfile_new(http->self, "access_log", "access_log.target", o->target.data,
                           (size_t)o->buffer, &http->access);
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

/* inet_ntop(3) of IPv4 goes through printf(3), for each request. */
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

static void
http_access_write(struct http_local *local, struct goevd_conn *c,
                  const struct http_request_info *info, const struct http_access_request *r,
                  int status, uint64_t bytes)
{
    const struct http *http = local->http;
    const char *listener = goevd_conn_listener(c);
    char *line = goevd_logfile_reserve(http->access, local->poller, HTTP_ACCESS_LINE_MAX);
    char client[HTTP_ACCESS_CLIENT_MAX];
    struct http_access_answer a = {
        .id = http_request_info_id(info), .status = status, .bytes = bytes};
    size_t len;

    if (!line)
        return;
    a.client = http_access_client(&info->client, client);
    if (listener)
        a.listener = (struct http_span){listener, strlen(listener)};
    if (info->begun_ns != 0)
        a.duration_ns = goevd_now() - info->begun_ns;
    clock_gettime(CLOCK_REALTIME_COARSE, &a.at);
    len = http->options->access_log->format == HTTP_OPTIONS_ACCESS_JSON
              ? http_access_line_json(line, &local->access_second, r, &a)
              : http_access_line_combined(line, &local->access_second, r, &a);
    goevd_logfile_commit(http->access, local->poller, len);
}

/* The content of a reply that was made at start. */
static uint64_t
http_access_bytes(const struct http_local *local, unsigned reply, bool head_only)
{
    return head_only ? 0 : local->http->routes.replies[reply].body.len;
}

static void
http_access_write_reply(struct http_h1_batch *b, const struct http_request_info *info,
                        const struct http_access_request *r, unsigned reply, bool head_only)
{
    http_access_write(b->local, b->c, info, r, b->local->http->routes.replies[reply].status,
                      http_access_bytes(b->local, reply, head_only));
}

/* ---- Requests -------------------------------------------------------------------------------- */

void
http_access_answered(struct http_h1_batch *b, unsigned reply, bool head_only)
{
    struct http_access_request r;

    if (!b->local->http->access)
        return;
    http_access_request_read(b->local->request, &r);
    http_access_write_reply(b, &b->local->info, &r, reply, head_only);
}

/* The first line of what is no request. */
static struct http_span
http_access_first_line(const struct http_h1_batch *b)
{
    const char *p = b->at, *end;

    while (p < b->end && (*p == '\r' || *p == '\n'))
        p++;
    for (end = p; end < b->end && *end != '\r' && *end != '\n'; end++)
        ;
    return (struct http_span){p, (size_t)(end - p)};
}

void
http_access_refused(struct http_h1_batch *b, unsigned reply, bool head_only)
{
    struct http_access_request r = {.method = {"", 0}};
    const struct http_request_info *info = &b->local->info;

    if (b->conn->flags & HTTP_H1_EXCHANGE)
        return; /* it is logged when that ends */
    if (b->conn->flags & HTTP_H1_INFORMED) {
        http_access_set_reply(b, reply);
        http_access_kept_answered(b, head_only);
    } else if (b->local->info.begun_ns != 0 && b->at < b->end) {
        http_access_answered(b, reply, head_only);
    } else if (b->local->http->access) {
        if (!b->local->http->options->request_id)
            info = http_request_info_of(b); /* else its reply has been given one */
        r.target = http_access_first_line(b);
        http_access_write_reply(b, info, &r, reply, head_only);
    }
}

/* ---- Requests with a body that nobody wants -------------------------------------------------- */

/* What the connection has no room for; it has the number instead. */
struct http_access_slot {
    struct http_request_info info;
    struct http_access_request request;
    struct http_buffer text; /* what its spans are of */
    unsigned reply;
    unsigned next; /* free one, plus 1; 0: none */
};

/* As conn.reply can tell apart. */
#define ACCESS_SLOTS_MAX 65535

static int
http_access_slot_new(struct http_local *local)
{
    unsigned n = local->access_free;
    struct http_access_slot *slots;

    if (n != 0) {
        local->access_free = local->access_slots[n - 1].next;
        return (int)n - 1;
    }
    n = local->access_slot_count;
    if (n == ACCESS_SLOTS_MAX)
        return -ENOMEM;
    if ((n & (n - 1)) == 0) {
        slots = reallocarray(local->access_slots, MAX(n * 2, 1), sizeof(*slots));
        if (!slots)
            return -ENOMEM;
        local->access_slots = slots;
    }
    local->access_slots[n] = (struct http_access_slot){0};
    local->access_slot_count++;
    return (int)n;
}

static void
http_access_slot_free(struct http_local *local, struct http_h1_conn *conn)
{
    struct http_access_slot *s = &local->access_slots[conn->reply];

    http_buffer_clear(&s->text, HTTP_ACCESS_LINE_MAX);
    s->next = local->access_free;
    local->access_free = (unsigned)conn->reply + 1;
    conn->flags &= (uint16_t)~HTTP_H1_INFORMED;
}

void
http_access_local_fini(struct http_local *local)
{
    for (unsigned i = 0; i < local->access_slot_count; i++)
        http_buffer_clear(&local->access_slots[i].text, 0);
    free(local->access_slots);
}

static int
http_access_copy(struct http_access_slot *s)
{
    struct http_span *spans[HTTP_ACCESS_SPANS] = {&s->request.method, &s->request.target,
                                                  &s->request.host, &s->request.referer,
                                                  &s->request.agent};
    size_t at = 0;

    for (unsigned i = 0; i < HTTP_ACCESS_SPANS; i++) {
        spans[i]->len = MIN(spans[i]->len, HTTP_ACCESS_LINE_MAX);
        if (http_buffer_append(&s->text, spans[i]->data, spans[i]->len) < 0)
            return -ENOMEM;
    }
    for (unsigned i = 0; i < HTTP_ACCESS_SPANS; i++) {
        spans[i]->data = s->text.data + at;
        at += spans[i]->len;
    }
    return 0;
}

void
http_access_keep(struct http_h1_batch *b, unsigned reply)
{
    int n = http_access_slot_new(b->local);
    struct http_access_slot *s;

    if (n < 0)
        return;
    s = &b->local->access_slots[n];
    http_access_request_read(b->local->request, &s->request);
    http_request_info_copy(&s->info, &b->local->info);
    s->reply = reply;
    b->conn->reply = (uint16_t)n;
    b->conn->flags |= HTTP_H1_INFORMED;
    if (http_access_copy(s) == 0)
        return;
    http_access_slot_free(b->local, b->conn);
    b->conn->reply = (uint16_t)reply;
}

const struct http_request_info *
http_access_kept_mark(const struct http_h1_batch *b)
{
    return &b->local->access_slots[b->conn->reply].info;
}

unsigned
http_access_reply(const struct http_h1_batch *b)
{
    const struct http_h1_conn *conn = b->conn;

    return (conn->flags & HTTP_H1_INFORMED) ? b->local->access_slots[conn->reply].reply
                                            : conn->reply;
}

void
http_access_set_reply(struct http_h1_batch *b, unsigned reply)
{
    struct http_h1_conn *conn = b->conn;

    if (conn->flags & HTTP_H1_INFORMED)
        b->local->access_slots[conn->reply].reply = reply;
    else
        conn->reply = (uint16_t)reply;
}

void
http_access_kept_answered(struct http_h1_batch *b, bool head_only)
{
    const struct http_access_slot *s = &b->local->access_slots[b->conn->reply];

    if (b->local->http->access)
        http_access_write_reply(b, &s->info, &s->request, s->reply, head_only);
    http_access_slot_free(b->local, b->conn);
}

void
http_access_kept_gone(struct goevd_conn *c, struct http_h1_conn *conn)
{
    struct http_local *local = goevd_conn_local(c);

    const struct http_access_slot *s = &local->access_slots[conn->reply];

    if (local->http->access)
        http_access_write(local, c, &s->info, &s->request, HTTP_ACCESS_STATUS_GONE, 0);
    http_access_slot_free(local, conn);
}

/* ---- Requests that handlers have ------------------------------------------------------------- */

void
http_access_exchange(struct http_exchange *x)
{
    struct http_access_request r;

    if (!x->local->http->access)
        return;
    http_access_request_read(x->req, &r);
    if (x->flags & HTTP_X_USER)
        r.user = (struct http_span){x->user.data, x->user.len};
    http_access_write(x->local, http_exchange_c(x), &x->info, &r,
                      x->status == 0 ? HTTP_ACCESS_STATUS_GONE : x->status, x->sent);
}
