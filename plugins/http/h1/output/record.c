#include "http/h1/output/record.h"

#include <errno.h>
#include <stdlib.h>

#include "http/exchange/exchange.h"
#include "http/log/access.h"

/* Log data that does not fit into struct http_h1_conn, which has the record's number instead. */
struct http_h1_record {
    struct http_request_info info;
    struct http_access_request request;
    struct http_buffer text; /* memory that the spans point into */
    unsigned reply;
    unsigned next; /* number of the next free record, plus 1; 0: none */
};

/* conn.reply has 16 bits. */
#define RECORDS_MAX 65535

/* ---- Lines ----------------------------------------------------------------------------------- */

static enum goevd_http_version
http_h1_record_version(const struct http_request *req)
{
    return req->flags & HTTP_OLD ? GOEVD_HTTP_1_0 : GOEVD_HTTP_1_1;
}

/* A reply made at start has answered the request. */
static void
http_h1_record_write(struct http_h1_batch *b, const struct http_request_info *info,
                     const struct http_access_request *r, unsigned number, bool head_only)
{
    const struct http_reply *reply = &b->local->http->routes.replies.all[number];
    struct http_access_event event = {
        .request = *r,
        .info = info,
        .c = b->c,
        .status = reply->status,
        .bytes = head_only ? 0 : reply->body.len,
    };

    http_access_write(&b->local->log, event);
}

void
http_h1_record_answered(struct http_h1_batch *b, unsigned reply, bool head_only)
{
    const struct http_request *req = b->h1->request;
    struct http_access_request r;

    if (!http_access_wanted(&b->local->log))
        return;
    http_access_request_read(req, http_h1_record_version(req), &r);
    http_h1_record_write(b, &b->h1->info, &r, reply, head_only);
}

/* The first line of malformed input. */
static struct http_span
http_h1_record_first_line(const struct http_h1_batch *b)
{
    const char *p = b->at, *end;

    while (p < b->end && (*p == '\r' || *p == '\n'))
        p++;
    for (end = p; end < b->end && *end != '\r' && *end != '\n'; end++)
        ;
    return (struct http_span){p, (size_t)(end - p)};
}

void
http_h1_record_refused(struct http_h1_batch *b, unsigned reply, bool head_only)
{
    struct http_access_request r = {.method = {"", 0}};
    const struct http_request_info *info = &b->h1->info;

    if (b->conn->flags & HTTP_H1_EXCHANGE)
        return; /* logged when the exchange ends */
    if (b->conn->flags & HTTP_H1_INFORMED) {
        http_h1_record_set_reply(b, reply);
        http_h1_record_kept_answered(b, head_only);
    } else if (info->begun_ns != 0 && b->at < b->end) {
        http_h1_record_answered(b, reply, head_only);
    } else if (http_access_wanted(&b->local->log)) {
        if (!b->local->http->options->request_id)
            info = http_h1_record_info(b); /* otherwise the reply to it has assigned an info */
        r.target = http_h1_record_first_line(b);
        http_h1_record_write(b, info, &r, reply, head_only);
    }
}

const struct http_request_info *
http_h1_record_info(struct http_h1_batch *b)
{
    struct http_request_info *info = &b->h1->info;

    if (b->conn->flags & HTTP_H1_EXCHANGE)
        return &b->conn->exchange->info;
    if (b->conn->flags & HTTP_H1_INFORMED)
        return &b->h1->records[b->conn->reply].info;
    if (info->begun_ns == 0 || b->at == b->end)
        http_request_info_begin_none(&b->local->log, b->c, info);
    return info;
}

/* ---- Requests whose body is discarded -------------------------------------------------------- */

static int
http_h1_record_new(struct http_h1_local *h1)
{
    unsigned n = h1->record_free;
    struct http_h1_record *slots;

    if (n != 0) {
        h1->record_free = h1->records[n - 1].next;
        return (int)n - 1;
    }
    n = h1->record_count;
    if (n == RECORDS_MAX)
        return -ENOMEM;
    if ((n & (n - 1)) == 0) {
        slots = reallocarray(h1->records, MAX(n * 2, 1), sizeof(*slots));
        if (!slots)
            return -ENOMEM;
        h1->records = slots;
    }
    h1->records[n] = (struct http_h1_record){0};
    h1->record_count++;
    return (int)n;
}

static void
http_h1_record_free(struct http_h1_local *h1, struct http_h1_conn *conn)
{
    struct http_h1_record *s = &h1->records[conn->reply];

    http_buffer_clear(&s->text, HTTP_ACCESS_LINE_MAX);
    s->next = h1->record_free;
    h1->record_free = (unsigned)conn->reply + 1;
    conn->flags &= (uint16_t)~HTTP_H1_INFORMED;
}

void
http_h1_record_fini(struct http_h1_local *h1)
{
    for (unsigned i = 0; i < h1->record_count; i++)
        http_buffer_clear(&h1->records[i].text, 0);
    free(h1->records);
}

static int
http_h1_record_copy(struct http_h1_record *s)
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
http_h1_record_keep(struct http_h1_batch *b, unsigned reply)
{
    int n = http_h1_record_new(b->h1);
    struct http_h1_record *s;

    if (n < 0)
        return;
    s = &b->h1->records[n];
    http_access_request_read(b->h1->request, http_h1_record_version(b->h1->request), &s->request);
    http_request_info_copy(&s->info, &b->h1->info);
    s->reply = reply;
    b->conn->reply = (uint16_t)n;
    b->conn->flags |= HTTP_H1_INFORMED;
    if (http_h1_record_copy(s) == 0)
        return;
    http_h1_record_free(b->h1, b->conn);
    b->conn->reply = (uint16_t)reply;
}

unsigned
http_h1_record_reply(const struct http_h1_batch *b)
{
    const struct http_h1_conn *conn = b->conn;

    return (conn->flags & HTTP_H1_INFORMED) ? b->h1->records[conn->reply].reply : conn->reply;
}

void
http_h1_record_set_reply(struct http_h1_batch *b, unsigned reply)
{
    struct http_h1_conn *conn = b->conn;

    if (conn->flags & HTTP_H1_INFORMED)
        b->h1->records[conn->reply].reply = reply;
    else
        conn->reply = (uint16_t)reply;
}

void
http_h1_record_kept_answered(struct http_h1_batch *b, bool head_only)
{
    const struct http_h1_record *s = &b->h1->records[b->conn->reply];

    if (http_access_wanted(&b->local->log))
        http_h1_record_write(b, &s->info, &s->request, s->reply, head_only);
    http_h1_record_free(b->h1, b->conn);
}

void
http_h1_record_kept_gone(struct goevd_conn *c, struct http_h1_conn *conn)
{
    struct http_local *local = goevd_conn_local(c);
    const struct http_h1_record *s = &local->h1->records[conn->reply];
    struct http_access_event event = {
        .request = s->request, .info = &s->info, .c = c, .status = HTTP_ACCESS_STATUS_GONE};

    http_access_write(&local->log, event);
    http_h1_record_free(local->h1, conn);
}
