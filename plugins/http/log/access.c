#include "http/log/access.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

_Static_assert(ACCESS_LINE_MAX <= GOEVD_LINE_MAX, "a line is one");

int
access_init(struct http *http)
{
    const struct options_access_log *o = http->options->access_log;

    if (o == NULL)
        return 0;
    return goevd_lines_new(http->self, "access_log", "access_log.target", o->target.data,
                           (size_t)o->buffer, &http->access);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static char *
access_byte(char *p, uint8_t n)
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
access_ipv4(const uint8_t *bytes, char *to)
{
    char *p = to;

    for (unsigned i = 0; i < 4; i++) {
        p = access_byte(p, bytes[i]);
        *p++ = '.';
    }
    return (size_t)(p - 1 - to);
}

static struct span
access_client(const union forwarded_address *client, char text[ACCESS_CLIENT_MAX])
{
    if (client->sa.sa_family == AF_INET)
        return (struct span){text, access_ipv4((const uint8_t *)&client->in.sin_addr, text)};
    if (client->sa.sa_family != AF_INET6)
        return (struct span){"unix", strlen("unix")};
    if (IN6_IS_ADDR_V4MAPPED(&client->in6.sin6_addr))
        return (struct span){text, access_ipv4(client->in6.sin6_addr.s6_addr + 12, text)};
    inet_ntop(AF_INET6, &client->in6.sin6_addr, text, ACCESS_CLIENT_MAX);
    return (struct span){text, strlen(text)};
}

static void
access_write(struct http_local *local, struct goevd_conn *c, const struct mark *mark,
             const struct access_request *r, int status, uint64_t bytes)
{
    const struct http *http = local->http;
    const char *listener = goevd_conn_listener(c);
    char *line = goevd_lines_reserve(http->access, local->poller, ACCESS_LINE_MAX);
    char client[ACCESS_CLIENT_MAX];
    struct access_answer a = {.id = mark_id(mark), .status = status, .bytes = bytes};
    size_t len;

    if (line == NULL)
        return;
    a.client = access_client(&mark->client, client);
    if (listener != NULL)
        a.listener = (struct span){listener, strlen(listener)};
    if (mark->begun_ns != 0)
        a.duration_ns = goevd_now() - mark->begun_ns;
    clock_gettime(CLOCK_REALTIME_COARSE, &a.at);
    len = http->options->access_log->format == OPTIONS_ACCESS_JSON
              ? access_line_json(line, &local->access_second, r, &a)
              : access_line_combined(line, &local->access_second, r, &a);
    goevd_lines_commit(http->access, local->poller, len);
}

/* The content of a reply that was made at start. */
static uint64_t
access_bytes(const struct http_local *local, unsigned reply, bool head_only)
{
    return head_only ? 0 : local->http->routes.replies[reply].body.len;
}

static void
access_write_reply(struct turn *t, const struct mark *mark, const struct access_request *r,
                   unsigned reply, bool head_only)
{
    access_write(t->local, t->c, mark, r, t->local->http->routes.replies[reply].status,
                 access_bytes(t->local, reply, head_only));
}

/* ---- Requests -------------------------------------------------------------------------------- */

void
access_answered(struct turn *t, unsigned reply, bool head_only)
{
    struct access_request r;

    if (t->local->http->access == NULL)
        return;
    access_request_read(t->local->request, &r);
    access_write_reply(t, &t->local->mark, &r, reply, head_only);
}

/* The first line of what is no request. */
static struct span
access_first_line(const struct turn *t)
{
    const char *p = t->at, *end;

    while (p < t->end && (*p == '\r' || *p == '\n'))
        p++;
    for (end = p; end < t->end && *end != '\r' && *end != '\n'; end++)
        ;
    return (struct span){p, (size_t)(end - p)};
}

void
access_refused(struct turn *t, unsigned reply, bool head_only)
{
    struct access_request r = {.method = {"", 0}};
    const struct mark *mark = &t->local->mark;

    if ((t->conn->flags & CONN_EXCHANGE) != 0)
        return; /* it is logged when that ends */
    if ((t->conn->flags & CONN_MARKED) != 0) {
        access_set_reply(t, reply);
        access_kept_answered(t, head_only);
    } else if (t->local->mark.begun_ns != 0 && t->at < t->end) {
        access_answered(t, reply, head_only);
    } else if (t->local->http->access != NULL) {
        if (t->local->http->options->request_id == NULL)
            mark = mark_of(t); /* else its reply has been given one */
        r.target = access_first_line(t);
        access_write_reply(t, mark, &r, reply, head_only);
    }
}

/* ---- Requests with a body that nobody wants -------------------------------------------------- */

/* What the connection has no room for; it has the number instead. */
struct access_slot {
    struct mark mark;
    struct access_request request;
    struct buffer text; /* what its spans are of */
    unsigned reply;
    unsigned next; /* free one, plus 1; 0: none */
};

/* As conn.reply can tell apart. */
#define ACCESS_SLOTS_MAX 65535

static int
access_slot_new(struct http_local *local)
{
    unsigned n = local->access_free;
    struct access_slot *slots;

    if (n != 0) {
        local->access_free = local->access_slots[n - 1].next;
        return (int)n - 1;
    }
    n = local->access_slot_count;
    if (n == ACCESS_SLOTS_MAX)
        return -ENOMEM;
    if ((n & (n - 1)) == 0) {
        slots = reallocarray(local->access_slots, MAX(n * 2, 1), sizeof(*slots));
        if (slots == NULL)
            return -ENOMEM;
        local->access_slots = slots;
    }
    local->access_slots[n] = (struct access_slot){0};
    local->access_slot_count++;
    return (int)n;
}

static void
access_slot_free(struct http_local *local, struct conn *conn)
{
    struct access_slot *s = &local->access_slots[conn->reply];

    buffer_clear(&s->text, ACCESS_LINE_MAX);
    s->next = local->access_free;
    local->access_free = (unsigned)conn->reply + 1;
    conn->flags &= (uint16_t)~CONN_MARKED;
}

void
access_local_fini(struct http_local *local)
{
    for (unsigned i = 0; i < local->access_slot_count; i++)
        buffer_clear(&local->access_slots[i].text, 0);
    free(local->access_slots);
}

static int
access_copy(struct access_slot *s)
{
    struct span *spans[ACCESS_SPANS] = {&s->request.method, &s->request.target, &s->request.host,
                                        &s->request.referer, &s->request.agent};
    size_t at = 0;

    for (unsigned i = 0; i < ACCESS_SPANS; i++) {
        spans[i]->len = MIN(spans[i]->len, ACCESS_LINE_MAX);
        if (buffer_append(&s->text, spans[i]->data, spans[i]->len) < 0)
            return -ENOMEM;
    }
    for (unsigned i = 0; i < ACCESS_SPANS; i++) {
        spans[i]->data = s->text.data + at;
        at += spans[i]->len;
    }
    return 0;
}

void
access_keep(struct turn *t, unsigned reply)
{
    int n = access_slot_new(t->local);
    struct access_slot *s;

    if (n < 0)
        return;
    s = &t->local->access_slots[n];
    access_request_read(t->local->request, &s->request);
    mark_copy(&s->mark, &t->local->mark);
    s->reply = reply;
    t->conn->reply = (uint16_t)n;
    t->conn->flags |= CONN_MARKED;
    if (access_copy(s) == 0)
        return;
    access_slot_free(t->local, t->conn);
    t->conn->reply = (uint16_t)reply;
}

const struct mark *
access_kept_mark(const struct turn *t)
{
    return &t->local->access_slots[t->conn->reply].mark;
}

unsigned
access_reply(const struct turn *t)
{
    const struct conn *conn = t->conn;

    return (conn->flags & CONN_MARKED) != 0 ? t->local->access_slots[conn->reply].reply
                                            : conn->reply;
}

void
access_set_reply(struct turn *t, unsigned reply)
{
    struct conn *conn = t->conn;

    if ((conn->flags & CONN_MARKED) != 0)
        t->local->access_slots[conn->reply].reply = reply;
    else
        conn->reply = (uint16_t)reply;
}

void
access_kept_answered(struct turn *t, bool head_only)
{
    const struct access_slot *s = &t->local->access_slots[t->conn->reply];

    if (t->local->http->access != NULL)
        access_write_reply(t, &s->mark, &s->request, s->reply, head_only);
    access_slot_free(t->local, t->conn);
}

void
access_kept_gone(struct goevd_conn *c, struct conn *conn)
{
    struct http_local *local = goevd_conn_local(c);

    const struct access_slot *s = &local->access_slots[conn->reply];

    if (local->http->access != NULL)
        access_write(local, c, &s->mark, &s->request, ACCESS_STATUS_GONE, 0);
    access_slot_free(local, conn);
}

/* ---- Requests that handlers have ------------------------------------------------------------- */

void
access_exchange(struct exchange *x)
{
    struct access_request r;

    if (x->local->http->access == NULL)
        return;
    access_request_read(x->req, &r);
    if ((x->flags & X_USER) != 0)
        r.user = (struct span){x->user.data, x->user.len};
    access_write(x->local, exchange_c(x), &x->mark, &r,
                 x->status == 0 ? ACCESS_STATUS_GONE : x->status, x->sent);
}
