#include "http/h1/connection.h"

#include <errno.h>
#include <limits.h>

#include "http/h1/body/body.h"
#include "http/h1/body/discard.h"
#include "http/h1/body/expect.h"
#include "http/h1/output/answer.h"
#include "http/h1/output/record.h"
#include "http/h1/output/rest.h"
#include "http/h1/quick.h"
#include "http/h1/request.h"
#include "http/message/semantics.h"

/* ---- Requests -------------------------------------------------------------------------------- */

/* Handle a request that has a handler and needs more than the shortest path. */
static cold int
http_h1_conn_handle(struct http_h1_batch *b, unsigned number, size_t head_len)
{
    unsigned link = http_h1_request_link(b->h1->request, b->persist);

    return http_h1_handle(b, number, head_len, http_h1_request_flags(b->h1->request, link), link);
}

/* Handle one request without a body, or the head of a request with one. -EAGAIN: the head is
 * incomplete. */
static hot int
http_h1_conn_request(struct http_h1_batch *b)
{
    struct http_h1_local *h1 = b->h1;
    struct http_request *req = h1->request;
    unsigned reply;
    ssize_t n;
    int r;

    n = http_parse(b->at, (size_t)(b->end - b->at), &h1->limits, &b->conn->resume, req);
    if (unlikely(n < 0))
        return n == -EAGAIN ? -EAGAIN : http_h1_request_fail_head(b, (int)n);
    goevd_metric_count(&b->local->methods[req->method], 1);
    r = http_semantics_check(req);
    if (unlikely(r < 0 || req->flags != 0))
        return http_h1_request_any(b, (size_t)n, r);
    reply = http_routes_find(h1->site, req);
    if (http_routes_is_handler(reply)) {
        if (unlikely((req->method | b->persist) != 0)) /* GET, HTTP_PERSIST */
            return http_h1_conn_handle(b, http_routes_handler(reply), (size_t)n);
        return http_h1_handle(b, http_routes_handler(reply), (size_t)n, 0, 0);
    }
    r = http_h1_batch_reply(b, reply, b->persist, req->method == HTTP_HEAD, (size_t)n);
    if (likely(r == 0))
        b->at += n;
    return r;
}

/* Refuse input that is not the head of a request. */
static cold int
http_h1_conn_body(struct http_h1_batch *b)
{
    if (b->conn->flags & HTTP_H1_REST)
        return -ENOBUFS;
    return (b->conn->flags & HTTP_H1_EXCHANGE) ? http_h1_body(b) : http_h1_discard_body(b);
}

/* ---- Batches --------------------------------------------------------------------------------- */

static hot void
http_h1_conn_batch(struct http_h1_batch *b, struct goevd_conn *c, void *state, const char *data,
                   size_t len)
{
    struct http_h1_conn *conn = state;

    /* field by field, because the compiler initializes a whole struct with memset */
    b->c = c;
    b->conn = conn;
    b->local = goevd_conn_local(c);
    b->h1 = b->local->h1;
    b->at = data;
    b->end = data + len;
    b->out = NULL;
    b->used = 0;
    b->room = 0;
    b->answered = 0;
    b->stop_at = UINT_MAX;
    b->close_flags = GOEVD_CLOSE_DONE;
    b->persist = (conn->flags & HTTP_H1_STOP) ? HTTP_PERSIST_CLOSE : HTTP_PERSIST;
    b->full = false;
    b->outside = false;
}

static hot int
http_h1_conn_answer_all(struct http_h1_batch *b)
{
    int r = 0;

    while (b->at < b->end && b->answered < b->stop_at && r == 0)
        r = unlikely(b->conn->flags & (HTTP_H1_BODY | HTTP_H1_EXCHANGE | HTTP_H1_REST))
                ? http_h1_conn_body(b)
                : http_h1_conn_request(b);
    return r;
}

/* Reset the connection after the last reply, if all input was parsed and consumed. */
static void
http_h1_conn_close(struct http_h1_batch *b)
{
    if (!http_h1_rest_closes(b->conn))
        goevd_conn_close(b->c, b->at == b->end ? b->close_flags : GOEVD_CLOSE_FLUSH);
}

/* The replies of exchanges have been measured already. */
aside static void
http_h1_conn_measure(const struct http_h1_batch *b)
{
    struct http_durations_local *durations = &b->local->durations;
    unsigned apart = durations->apart;

    durations->apart = 0;
    if (durations->of && b->answered > apart)
        http_durations_count(durations, b->answered - apart);
}

/* End a callback that answered requests. data is where its input began. */
static hot ptrdiff_t
http_h1_conn_finish(struct http_h1_batch *b, int r, const char *data)
{
    http_h1_batch_commit(b);
    b->h1->replies += b->answered;
    if (unlikely(b->local->durations.of))
        http_h1_conn_measure(b);
    if (likely(r == 0 && b->at == b->end && b->conn->flags == 0 && b->stop_at != 0))
        return b->at - data;
    if (b->conn->flags & HTTP_H1_EXCHANGE)
        r = http_h1_link_keep(b, r);
    if (r < 0 && r != -EAGAIN && r != -ENOBUFS && r != -EBUSY)
        return r;
    if (b->stop_at == 0) {
        http_h1_conn_close(b);
        return b->at - data;
    }
    http_h1_expect(b, r);
    /* the rest is handled in a batch of its own */
    if (r == 0 && b->at < b->end) {
        goevd_conn_pause(b->c);
        goevd_conn_resume(b->c);
    }
    return b->at - data;
}

/* Begin a batch without input, to continue an exchange. */
static struct http_exchange *
http_h1_conn_enter(struct http_h1_batch *b)
{
    struct http_exchange *x = b->conn->exchange;

    http_h1_link(x)->batch = b;
    http_exchange_enter(x);
    return x;
}

/* End such a batch. r is the result of http_exchange_advance(). */
static int
http_h1_conn_leave(struct http_h1_batch *b, struct http_exchange *x, int r)
{
    r = http_h1_advanced(b, x, r);
    return (int)MIN(http_h1_conn_finish(b, r, b->at), 0);
}

void
http_h1_conn_run(struct http_exchange *x)
{
    struct http_h1_batch b;

    http_h1_conn_batch(&b, x->c, http_h1_link(x)->conn, "", 0);
    b.outside = true;
    http_h1_conn_enter(&b);
    if (http_h1_conn_leave(&b, x, http_exchange_advance(x, 0)) < 0)
        goevd_conn_close(b.c, GOEVD_CLOSE_FLUSH);
}

/* ---- Callbacks ------------------------------------------------------------------------------- */

static ptrdiff_t
http_h1_conn_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
                  unsigned flags)
{
    struct http_h1_batch b;
    int r;

    (void)fresh;
    http_h1_conn_batch(&b, c, state, data, len);
    b.stop_at = b.local->http->pipeline_max;
    r = http_h1_conn_answer_all(&b);
    if (unlikely(r == -EAGAIN && (flags & GOEVD_READ_FULL)))
        r = http_h1_request_fail_head(&b, b.conn->resume.line == 0 ? HTTP_LONG_LINE
                                                                   : HTTP_LARGE_HEADERS);
    return http_h1_conn_finish(&b, r, data);
}

static int
http_h1_conn_eof(struct goevd_conn *c, void *state)
{
    struct http_h1_batch b;

    http_h1_conn_batch(&b, c, state, "", 0);
    if (b.conn->flags & HTTP_H1_EXCHANGE) {
        struct http_exchange *x = http_h1_conn_enter(&b);

        b.conn->flags |= HTTP_H1_EOF;
        return http_h1_conn_leave(&b, x, http_exchange_advance(x, 0));
    }
    if (b.conn->flags & (HTTP_H1_BLOCKED | HTTP_H1_REST)) {
        b.conn->flags |= HTTP_H1_EOF;
        return 0;
    }
    return http_h1_expect_end(&b);
}

static int
http_h1_conn_drained_exchange(struct http_h1_batch *b)
{
    struct http_exchange *x = http_h1_conn_enter(b);
    int r = http_h1_link_flush(x);

    if (r < 0)
        return r;
    r = r == 0 ? http_exchange_drained(x) : http_exchange_advance(x, 0);
    return http_h1_conn_leave(b, x, r);
}

/* Returns as http_h1_conn_drained(). */
static int
http_h1_conn_drained_rest(struct http_h1_batch *b)
{
    bool closes = b->conn->flags & HTTP_H1_PERSIST_MASK;
    int r = http_h1_rest_go_on(b->c, b->conn);

    if (r < 0)
        return r == -ENOBUFS ? 0 : r;
    if (closes)
        goevd_conn_close(b->c, GOEVD_CLOSE_FLUSH);
    return closes ? 0 : (int)MIN(http_h1_conn_finish(b, 0, b->at), 0);
}

/* A request whose head waits is delivered again by on_read. The reply to a discarded body has to be
 * sent here. */
static int
http_h1_conn_drained(struct goevd_conn *c, void *state)
{
    struct http_h1_batch b;
    int r;

    http_h1_conn_batch(&b, c, state, "", 0);
    if (b.conn->flags & HTTP_H1_EXCHANGE)
        return http_h1_conn_drained_exchange(&b);
    if (b.conn->flags & HTTP_H1_REST)
        return http_h1_conn_drained_rest(&b);
    if (!(b.conn->flags & HTTP_H1_BLOCKED) || !(b.conn->flags & HTTP_H1_BODY))
        return 0;
    b.close_flags = GOEVD_CLOSE_FLUSH;
    r = http_h1_discard_body(&b);
    return (int)MIN(http_h1_conn_finish(&b, r, b.at), 0);
}

/* A timer set by an exchange has expired. */
static int
http_h1_conn_timeout_exchange(struct http_h1_batch *b, uint64_t cookie)
{
    struct http_exchange *x;

    if (!(b->conn->flags & HTTP_H1_EXCHANGE))
        return 0;
    x = http_h1_conn_enter(b);
    return http_h1_conn_leave(b, x, http_exchange_timeout(x, cookie));
}

/* The deadline for a body that a handler reads has passed. Extend it if enough of the body has
 * arrived. */
static int
http_h1_conn_late_body(struct http_h1_batch *b)
{
    struct http_exchange *x = b->conn->exchange;
    uint64_t left = http_exchange_body_time_left(x);

    if (left == 0) {
        http_h1_conn_enter(b);
        http_exchange_break(x, HTTP_LATE_BODY);
        return http_h1_conn_leave(b, x, http_exchange_advance(x, 0));
    }
    b->conn->flags |= HTTP_H1_LATE_BODY;
    goevd_conn_deadline(b->c, left);
    return 0;
}

/* The deadline for the rest of an answered body has passed. Returns true if it was extended. */
static bool
http_h1_conn_late_rest(struct http_h1_batch *b)
{
    uint64_t more = http_h1_discard_more_time(b);

    if (more == 0)
        return false;
    b->conn->flags |= HTTP_H1_LATE_BODY;
    goevd_conn_deadline(b->c, more);
    return true;
}

static int
http_h1_conn_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    struct http_h1_batch b;
    unsigned late;

    http_h1_conn_batch(&b, c, state, "", 0);
    if (cookie != GOEVD_DEADLINE)
        return http_h1_conn_timeout_exchange(&b, cookie);
    if (b.conn->flags & HTTP_H1_REST) /* the request that the deadline was armed for has been
                                       * answered */
        return 0;
    if (b.conn->flags == HTTP_H1_STOP)
        goevd_conn_close(c, GOEVD_CLOSE_FLUSH);
    late = b.conn->flags & HTTP_H1_LATE;
    b.conn->flags &= (uint16_t)~HTTP_H1_LATE;
    if (late == HTTP_H1_LATE_BODY && (b.conn->flags & HTTP_H1_EXCHANGE))
        return http_h1_conn_late_body(&b);
    if (late == HTTP_H1_LATE_BODY && http_h1_conn_late_rest(&b))
        return 0;
    if (late == HTTP_H1_LATE_BODY && !(b.conn->flags & HTTP_H1_ANSWERED))
        http_h1_refuse(&b, HTTP_LATE_BODY, (b.conn->flags & HTTP_H1_HEAD));
    else if (late == HTTP_H1_LATE_HEAD && (b.conn->flags & HTTP_H1_BEGUN))
        http_h1_refuse(&b, HTTP_LATE_HEAD, false);
    http_h1_batch_commit(&b);
    if (late != 0 && !http_h1_rest_closes(b.conn))
        goevd_conn_close(c, GOEVD_CLOSE_FLUSH);
    return 0;
}

/* RFC 9112 section 9.5: a request may be in flight, and the client cannot know whether it was
 * processed. Keep an idle connection open for stop_grace, so that such a request is answered. */
static int
http_h1_conn_stop(struct goevd_conn *c, void *state)
{
    const struct http_local *local = goevd_conn_local(c);
    struct http_h1_conn *conn = state;

    conn->flags |= HTTP_H1_STOP;
    if (conn->flags == HTTP_H1_STOP)
        goevd_conn_deadline(c, (uint64_t)local->http->options->stop_grace_ns);
    return 0;
}

static void
http_h1_conn_ended(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct http_h1_conn *conn = state;

    if (conn->flags & HTTP_H1_EXCHANGE)
        http_h1_link_gone(conn, reason == GOEVD_REASON_UPGRADED ? GOEVD_HTTP_REASON_UPGRADED
                                                                : GOEVD_HTTP_REASON_GONE);
    if (conn->flags & HTTP_H1_INFORMED)
        http_h1_record_kept_gone(c, conn);
    http_h1_rest_drop(conn);
}

const struct goevd_stream http_h1_conn_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct http_h1_conn),
    .on_read = http_h1_conn_read,
    .on_eof = http_h1_conn_eof,
    .on_drained = http_h1_conn_drained,
    .on_timeout = http_h1_conn_timeout,
    .on_stop = http_h1_conn_stop,
    .on_close = http_h1_conn_ended,
};
