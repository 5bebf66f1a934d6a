#include "http/h1/connection.h"

#include <errno.h>
#include <limits.h>

#include "http/exchange/exchange.h"
#include "http/h1/discard.h"
#include "http/h1/expect.h"
#include "http/h1/request.h"
#include "http/log/access.h"
#include "http/message/semantics.h"

/* ---- Requests -------------------------------------------------------------------------------- */

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
        return n == -EAGAIN ? -EAGAIN : request_fail_head(t, (int)n);
    r = http_headers_check(req);
    if (unlikely(r < 0 || req->flags != 0))
        return request_any(t, (size_t)n, r);
    reply = routes_find(local->site, req);
    if (routes_is_handler(reply))
        return exchange_handle(t, routes_handler(reply), (size_t)n,
                               (req->method | t->persist) == 0 /* GET, HTTP_PERSIST */
                                   ? 0
                                   : request_flags(req, t->persist));
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

/* ---- Turns ----------------------------------------------------------------------------------- */

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

/* After the last reply. Where all that came was understood and read, nothing more is expected. */
static void
conn_close(struct turn *t)
{
    goevd_conn_close(t->c, t->at == t->end ? t->close_flags : GOEVD_CLOSE_FLUSH);
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
    settle(t, r);
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

/* ---- Callbacks ------------------------------------------------------------------------------- */

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
        r = request_fail_head(&t, t.conn->resume.line == 0 ? HTTP_LONG_LINE : HTTP_LARGE_HEADERS);
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
    return settle_end(&t);
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
