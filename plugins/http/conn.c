#include "http/conn.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>

#include "http/access.h"
#include "http/discard.h"
#include "http/exchange.h"
#include "http/headers.h"
#include "http/target.h"

/* ---- Requests ------------------------------------------------------------------------------ */

cold static int
conn_fail_head(struct turn *t, int verdict)
{
    mark_begin_none(t->local);
    return turn_fail(t, verdict, t->end - t->at >= 5 && memcmp(t->at, "HEAD ", 5) == 0);
}

/* What the head says, as an exchange knows it. */
cold static unsigned
conn_exchange_flags(const struct http_request *req, enum http_persist persist)
{
    unsigned flags = req->method == HTTP_HEAD ? X_HEAD : 0;

    flags |= (req->flags & HTTP_OLD) != 0 ? X_OLD : 0;
    flags |= (req->flags & HTTP_LENGTH) != 0 ? X_LENGTH : 0;
    flags |= (req->flags & HTTP_CHUNKED) != 0 ? X_CHUNKED : 0;
    flags |= (req->flags & HTTP_CONTINUE) != 0 ? X_CONTINUE : 0;
    flags |= (req->flags & HTTP_MARKED) != 0 ? X_MARKED : 0;
    flags |= persist == HTTP_PERSIST_CLOSE ? X_CLOSE : 0;
    return flags | (persist == HTTP_PERSIST_TOLD ? X_TELL : 0);
}

/* What a request is for, RFC 9112 section 3.3: the host of its target, or of its Host header. */
static const struct site *
conn_site(const struct http_local *local, const struct http_request *req)
{
    const struct http_field *f = &req->fields[req->at[HTTP_KNOWN_HOST]];
    struct span host = http_target_host(req->target);

    if (host.data == NULL && (req->seen & 1U << HTTP_KNOWN_HOST) != 0)
        host = (struct span){f->value, f->value_len};
    return routes_site(&local->http->routes, host);
}

/* Whether the connection ends with this request. A chunked body that nobody wants is counted where
 * requests are, so it does too. */
static bool
conn_is_last(const struct turn *t, unsigned reply)
{
    uint64_t max = (uint64_t)t->local->http->options->requests_max;
    bool chunked = (t->local->request->flags & HTTP_CHUNKED) != 0;

    return max != 0 && (t->conn->requests + 1 >= max || (chunked && !routes_is_handler(reply)));
}

/* A request has been answered, or will be. With the last one of a worker, and again after as many,
 * for what is asked may fail. */
static void
conn_count(struct turn *t)
{
    const struct http *http = t->local->http;
    uint64_t max = (uint64_t)http->options->worker_requests_max;

    if ((t->conn->flags & CONN_CHUNKED) == 0)
        t->conn->requests++;
    if (max != 0 &&
        (atomic_fetch_add_explicit(t->local->worker_requests, 1, memory_order_relaxed) + 1) % max ==
            0)
        goevd_worker_replace(http->self, "worker_requests_max is reached");
}

/* Let it be answered. Returns as conn_request(). */
static int
conn_answer(struct turn *t, unsigned reply, enum http_persist persist, size_t head_len)
{
    const struct http_request *req = t->local->request;
    bool head_only = req->method == HTTP_HEAD;
    int r;

    if (routes_is_handler(reply)) {
        mark_copy(&t->local->fresh->mark, &t->local->mark);
        return exchange_handle(t, routes_handler(reply), head_len,
                               conn_exchange_flags(req, persist));
    }
    if ((req->flags & HTTP_BODY) != 0)
        return discard_begin(t, head_len, reply, persist);
    r = turn_reply_marked(t, reply, persist, head_only, head_len);
    if (r < 0)
        return r;
    t->at += head_len;
    if ((req->flags & HTTP_MARKED) != 0)
        access_answered(t, reply, head_only);
    return 0;
}

/* Any request; r is what http_headers_check() said. */
static int
conn_request_any(struct turn *t, size_t head_len, int r)
{
    struct http_local *local = t->local;
    struct http_request *req = local->request;
    enum http_persist persist = t->persist;
    bool marked;
    unsigned reply = ROUTES_SERVER_WIDE;

    if ((req->flags & HTTP_MARKED) != 0)
        mark_begin(local, t->c);
    if ((req->flags & HTTP_OTHER_HOST) != 0)
        local->site =
            routes_site(&local->http->routes, (struct span){req->host_memo, req->host_memo_len});
    if (r == 0)
        r = http_target_check(req, local->scratch);
    if (r < 0)
        return turn_fail(t, r, req->method == HTTP_HEAD);
    if ((req->flags & HTTP_SERVER_WIDE) == 0)
        reply = routes_find(conn_site(local, req), req);
    if ((req->flags & HTTP_CLOSE) != 0)
        persist = HTTP_PERSIST_CLOSE;
    else if ((req->flags & HTTP_KEEP) != 0 && persist != HTTP_PERSIST_CLOSE)
        persist = HTTP_PERSIST_TOLD;
    marked = (req->flags & HTTP_MARKED) != 0;
    if (marked && conn_is_last(t, reply))
        persist = HTTP_PERSIST_CLOSE;
    r = conn_answer(t, reply, persist, head_len);
    if (marked && (r == 0 || r == -EBUSY))
        conn_count(t);
    return r;
}

/* One request without a body, or the head of one with. -EAGAIN: it is not complete. */
hot int
conn_request(struct turn *t)
{
    struct http_local *local = t->local;
    struct http_request *req = local->request;
    unsigned reply;
    ssize_t n;
    int r;

    n = http_parse(t->at, (size_t)(t->end - t->at), &local->limits, &t->conn->resume, req);
    if (unlikely(n < 0))
        return n == -EAGAIN ? -EAGAIN : conn_fail_head(t, (int)n);
    r = http_headers_check(req);
    if (unlikely(r < 0 || req->flags != 0))
        return conn_request_any(t, (size_t)n, r);
    reply = routes_find(local->site, req);
    if (routes_is_handler(reply))
        return exchange_handle(t, routes_handler(reply), (size_t)n,
                               (req->method | t->persist) == 0 /* GET, HTTP_PERSIST */
                                   ? 0
                                   : conn_exchange_flags(req, t->persist));
    r = turn_reply(t, reply, t->persist, req->method == HTTP_HEAD, (size_t)n);
    if (likely(r == 0))
        t->at += n;
    return r;
}

/* What comes is not the head of a request. */
cold static int
conn_body(struct turn *t)
{
    return (t->conn->flags & CONN_EXCHANGE) != 0 ? exchange_body(t) : discard_body(t);
}

/* ---- Between turns ------------------------------------------------------------------------- */

/* Whether more is there than the empty lines that may precede a request. */
static bool
conn_has_begun(const struct turn *t)
{
    for (const char *p = t->at; p < t->end; p++)
        if (*p != '\r' && *p != '\n')
            return true;
    return false;
}

/* Arm the deadline for what the peer owes, once for each request. */
static void
conn_expect(struct turn *t, unsigned late, int64_t timeout)
{
    struct conn *conn = t->conn;
    bool armed = (conn->flags & CONN_LATE) != 0;

    if ((late != 0 && ((conn->flags & late) == 0 || t->answered != 0)) || (late == 0 && armed))
        goevd_conn_deadline(t->c, (uint64_t)timeout);
    conn->flags = (uint16_t)((conn->flags & ~CONN_LATE) | late);
}

/* After the last reply. Where all that came was understood and read, nothing more is expected. */
static void
conn_close(struct turn *t)
{
    goevd_conn_close(t->c, t->at == t->end ? t->close_flags : GOEVD_CLOSE_FLUSH);
}

/* The peer has sent its last byte, and all that could be answered has been. */
static int
conn_end(struct turn *t)
{
    unsigned flags = t->conn->flags;

    if ((flags & (CONN_BEGUN | CONN_BODY)) != 0 && (flags & CONN_ANSWERED) == 0)
        turn_fail(t, HTTP_BAD_END, (flags & CONN_HEAD) != 0);
    turn_commit(t);
    goevd_conn_close(t->c, GOEVD_CLOSE_DONE);
    return 0;
}

/* Whether the rest of a body is to come. */
static bool
conn_awaits_body(const struct conn *conn)
{
    if ((conn->flags & CONN_EXCHANGE) != 0)
        return exchange_body_awaited(conn->exchange);
    return (conn->flags & CONN_BODY) != 0;
}

/* What has come has to wait for a handler: then no more is read. */
static void
conn_pause(struct turn *t)
{
    t->conn->flags |= CONN_PAUSED;
    goevd_conn_pause(t->c);
}

/* Leave things as the next callback needs them. r is why the loop ended: 0, -EAGAIN, -ENOBUFS,
 * -EBUSY. */
cold static void
conn_settle(struct turn *t, int r)
{
    const struct options *o = t->local->http->options;
    struct conn *conn = t->conn;

    conn->flags &= (uint16_t) ~(CONN_BEGUN | CONN_BLOCKED);
    if (r == -ENOBUFS || (r == 0 && t->at < t->end))
        conn->flags |= CONN_BLOCKED;
    else if (r == -EAGAIN && conn_has_begun(t))
        conn->flags |= CONN_BEGUN;
    if (r == -EAGAIN)
        conn_expect(t, CONN_LATE_HEAD, o->header_timeout);
    else if (r == 0 && conn_awaits_body(conn))
        conn_expect(t, CONN_LATE_BODY, o->body_timeout);
    else
        conn_expect(t, 0, 0);
    if (r == -EBUSY && t->at < t->end)
        conn_pause(t);
    if ((conn->flags & (CONN_EOF | CONN_EXCHANGE)) == CONN_EOF && r != -ENOBUFS &&
        (r != 0 || t->at == t->end))
        conn_end(t);
}

/* ---- Callbacks ----------------------------------------------------------------------------- */

hot void
conn_turn(struct turn *t, struct goevd_conn *c, void *state, const char *data, size_t len)
{
    struct conn *conn = state;

    /* one by one: for a whole struct the compiler calls memset */
    t->c = c;
    t->conn = conn;
    t->local = goevd_conn_local(c);
    t->at = data;
    t->end = data + len;
    t->out = NULL;
    t->used = 0;
    t->room = 0;
    t->answered = 0;
    t->stop_at = UINT_MAX;
    t->close_flags = GOEVD_CLOSE_DONE;
    t->persist = (conn->flags & CONN_STOP) != 0 ? HTTP_PERSIST_CLOSE : HTTP_PERSIST;
    t->full = false;
    t->outside = false;
}

hot int
conn_answer_all(struct turn *t)
{
    int r = 0;

    while (t->at < t->end && t->answered < t->stop_at && r == 0)
        r = unlikely((t->conn->flags & (CONN_BODY | CONN_EXCHANGE)) != 0) ? conn_body(t)
                                                                          : conn_request(t);
    return r;
}

/* The end of a callback that answered requests; data is where its input began. */
hot ptrdiff_t
conn_finish(struct turn *t, int r, const char *data)
{
    turn_commit(t);
    t->local->replies += t->answered;
    if (likely(r == 0 && t->at == t->end && t->conn->flags == 0 && t->stop_at != 0))
        return t->at - data;
    if ((t->conn->flags & CONN_EXCHANGE) != 0)
        r = exchange_keep(t, r);
    if (r < 0 && r != -EAGAIN && r != -ENOBUFS && r != -EBUSY)
        return r;
    if (t->stop_at == 0) {
        conn_close(t);
        return t->at - data;
    }
    conn_settle(t, r);
    /* the rest comes in a turn of its own */
    if (r == 0 && t->at < t->end) {
        goevd_conn_pause(t->c);
        goevd_conn_resume(t->c);
    }
    return t->at - data;
}

/* A turn without input in which an exchange is seen to; r: what its handler has just returned. */
static int
conn_advance(struct turn *t, int r)
{
    struct exchange *x = t->conn->exchange;

    x->turn = t;
    r = exchange_advance(t, x, r);
    return (int)MIN(conn_finish(t, r, t->at), 0);
}

void
conn_kick(struct goevd_timer *timer, void *arg)
{
    struct http_local *local = arg;
    struct exchange *x;

    (void)timer;
    while ((x = local->deferred) != NULL) {
        struct turn t;

        local->deferred = x->next;
        x->flags &= ~(uint32_t)X_DEFERRED;
        conn_turn(&t, x->c, x->conn, "", 0);
        t.outside = true;
        if (conn_advance(&t, 0) < 0)
            goevd_conn_close(t.c, GOEVD_CLOSE_FLUSH);
    }
}

static ptrdiff_t
conn_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
          unsigned flags)
{
    struct turn t;
    int r;

    (void)fresh;
    conn_turn(&t, c, state, data, len);
    t.stop_at = t.local->http->pipeline_max;
    r = conn_answer_all(&t);
    if (unlikely(r == -EAGAIN && (flags & GOEVD_READ_FULL) != 0))
        r = conn_fail_head(&t, t.conn->resume.line == 0 ? HTTP_LONG_LINE : HTTP_LARGE_HEADERS);
    return conn_finish(&t, r, data);
}

static int
conn_eof(struct goevd_conn *c, void *state)
{
    struct turn t;

    conn_turn(&t, c, state, "", 0);
    if ((t.conn->flags & CONN_EXCHANGE) != 0) {
        t.conn->flags |= CONN_EOF;
        return conn_advance(&t, 0);
    }
    if ((t.conn->flags & CONN_BLOCKED) != 0) {
        t.conn->flags |= CONN_EOF;
        return 0;
    }
    return conn_end(&t);
}

static int
conn_drained_exchange(struct turn *t)
{
    struct exchange *x = t->conn->exchange;
    int r;

    x->turn = t;
    r = exchange_reply_flush(x);
    if (r < 0) {
        x->turn = NULL;
        return r;
    }
    if (r == 0 && (x->flags & (X_DRAIN | X_ENDED | X_BROKEN)) == X_DRAIN) {
        x->flags &= ~(uint32_t)X_DRAIN;
        if (x->handler->calls.on_drained != NULL)
            r = x->handler->calls.on_drained(exchange_public(x), exchange_state(x));
    }
    return conn_advance(t, MIN(r, 0));
}

/* A request whose head waits comes again by on_read; the answer to a body has to be sent here. */
static int
conn_drained(struct goevd_conn *c, void *state)
{
    struct turn t;
    int r;

    conn_turn(&t, c, state, "", 0);
    if ((t.conn->flags & CONN_EXCHANGE) != 0)
        return conn_drained_exchange(&t);
    if ((t.conn->flags & CONN_BLOCKED) == 0 || (t.conn->flags & CONN_BODY) == 0)
        return 0;
    t.close_flags = GOEVD_CLOSE_FLUSH;
    r = discard_body(&t);
    return (int)MIN(conn_finish(&t, r, t.at), 0);
}

/* A timer that an exchange has set. */
static int
conn_timeout_exchange(struct turn *t, uint64_t cookie)
{
    struct exchange *x = t->conn->exchange;
    int r = 0;

    if ((t->conn->flags & CONN_EXCHANGE) == 0)
        return 0;
    x->turn = t;
    if (cookie == EXCHANGE_KICK && x->source.len != 0)
        return conn_drained_exchange(t);
    if (cookie == EXCHANGE_TIMER && (x->flags & (X_ENDED | X_BROKEN)) == 0)
        r = x->handler->calls.on_timeout(exchange_public(x), exchange_state(x));
    return conn_advance(t, r);
}

/* A body that a handler wants was to be here by now, unless much of it is. */
static int
conn_late_body(struct turn *t)
{
    struct exchange *x = t->conn->exchange;
    uint64_t left = exchange_body_time_left(x);

    if (left == 0) {
        exchange_break(x, HTTP_LATE_BODY);
        return conn_advance(t, 0);
    }
    t->conn->flags |= CONN_LATE_BODY;
    goevd_conn_deadline(t->c, left);
    return 0;
}

static int
conn_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    struct turn t;
    unsigned late;

    conn_turn(&t, c, state, "", 0);
    if (cookie != GOEVD_DEADLINE)
        return conn_timeout_exchange(&t, cookie);
    if (t.conn->flags == CONN_STOP)
        goevd_conn_close(c, GOEVD_CLOSE_FLUSH);
    late = t.conn->flags & CONN_LATE;
    t.conn->flags &= (uint16_t)~CONN_LATE;
    if (late == CONN_LATE_BODY && (t.conn->flags & CONN_EXCHANGE) != 0)
        return conn_late_body(&t);
    if (late == CONN_LATE_BODY && (t.conn->flags & CONN_ANSWERED) == 0)
        turn_fail(&t, HTTP_LATE_BODY, (t.conn->flags & CONN_HEAD) != 0);
    else if (late == CONN_LATE_HEAD && (t.conn->flags & CONN_BEGUN) != 0)
        turn_fail(&t, HTTP_LATE_HEAD, false);
    turn_commit(&t);
    if (late != 0)
        goevd_conn_close(c, GOEVD_CLOSE_FLUSH);
    return 0;
}

/* A request may be on its way, and a client cannot tell one that was not read from one that was: an
 * idle connection stays for a moment, to answer it. RFC 9112 section 9.5. */
static int
conn_stop(struct goevd_conn *c, void *state)
{
    const struct http_local *local = goevd_conn_local(c);
    struct conn *conn = state;

    conn->flags |= CONN_STOP;
    if (conn->flags == CONN_STOP)
        goevd_conn_deadline(c, (uint64_t)local->http->options->stop_grace);
    return 0;
}

static void
conn_ended(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct conn *conn = state;

    if ((conn->flags & CONN_EXCHANGE) != 0)
        exchange_gone(conn, reason);
    if ((conn->flags & CONN_MARKED) != 0)
        access_kept_gone(c, conn);
}

const struct goevd_stream conn_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct conn),
    .on_read = conn_read,
    .on_eof = conn_eof,
    .on_drained = conn_drained,
    .on_timeout = conn_timeout,
    .on_stop = conn_stop,
    .on_close = conn_ended,
};
