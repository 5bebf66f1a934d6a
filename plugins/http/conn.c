#include "http/conn.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>

#include "http/chunked.h"
#include "http/headers.h"
#include "http/instance.h"
#include "http/target.h"
#include "http/turn.h"

enum {
    CONN_BEGUN = 1 << 0,   /* a part of a request's head has come */
    CONN_LENGTH = 1 << 1,  /* in a body of known length, `left` to come */
    CONN_CHUNKED = 1 << 2, /* in a chunked body */
    CONN_HEAD = 1 << 3,    /* in a body: answer as to HEAD */
    CONN_BLOCKED = 1 << 4, /* requests wait until output has drained, or for their turn */
    CONN_STOP = 1 << 5,    /* close after the next reply */
    CONN_EOF = 1 << 6,     /* nothing comes after what is being held back */
    CONN_LATE_HEAD = 1 << 7,
    CONN_LATE_BODY = 1 << 8, /* what the deadline is armed for */
    CONN_PERSIST_SHIFT = 9,  /* in a body: enum http_persist of the reply */
    CONN_PERSIST_MASK = 3 << CONN_PERSIST_SHIFT,
    CONN_BODY = CONN_LENGTH | CONN_CHUNKED,
    CONN_LATE = CONN_LATE_HEAD | CONN_LATE_BODY
};

/* The state of a connection; all zero between requests. */
struct conn {
    union {
        struct http_resume resume;
        uint64_t left;
        struct http_chunked chunked;
    };
    uint32_t body;  /* content of a chunked body so far */
    uint16_t reply; /* in a body: what answers it */
    uint16_t flags;
};

_Static_assert(sizeof(struct conn) <= 16, "connections are many");

/* ---- Requests ------------------------------------------------------------------------------ */

/* Answer with the reason and close; the peer may go on sending for a while. */
cold static int
conn_fail(struct turn *t, int verdict, bool head_only)
{
    unsigned reply = http_verdict_index(verdict);
    int r;

    assert(reply < HTTP_VERDICT_COUNT);
    r = turn_reply(t, reply, HTTP_PERSIST_CLOSE, head_only, 0);
    if (r < 0)
        return r;
    t->local->refused[reply]++;
    t->close_flags = GOEVD_CLOSE_FLUSH;
    return 0;
}

cold static int
conn_fail_head(struct turn *t, int verdict)
{
    return conn_fail(t, verdict, t->end - t->at >= 5 && memcmp(t->at, "HEAD ", 5) == 0);
}

/* The head of a request with a body: nothing here wants it, so it is read and thrown away, and the
 * answer follows. */
cold static int
conn_begin_body(struct turn *t, size_t head_len, unsigned reply, enum http_persist persist)
{
    const struct http_request *req = t->local->request;
    struct conn *conn = t->conn;
    bool head_only = req->method == HTTP_HEAD;
    bool chunked = (req->flags & HTTP_CHUNKED) != 0;

    if (!chunked && req->content_length > (uint64_t)t->local->http->options->body_discard_max)
        return conn_fail(t, HTTP_LARGE_BODY, head_only);
    /* RFC 9110 section 10.1.1: a final answer instead of 100 (Continue); whether the body comes
     * after it is not known, so the connection ends */
    if ((req->flags & HTTP_CONTINUE) != 0) {
        int r = turn_reply(t, reply, HTTP_PERSIST_CLOSE, head_only, 0);

        if (r < 0)
            return r;
        t->at += head_len;
        t->close_flags = GOEVD_CLOSE_FLUSH;
        return 0;
    }
    t->at += head_len;
    conn->left = 0;
    if (!chunked)
        conn->left = req->content_length;
    conn->body = 0;
    conn->reply = (uint16_t)reply;
    conn->flags |= (uint16_t)((chunked ? CONN_CHUNKED : CONN_LENGTH) | (head_only ? CONN_HEAD : 0) |
                              (int)persist << CONN_PERSIST_SHIFT);
    return 0;
}

/* Any request; r is what http_headers_check() said. */
static int
conn_request_any(struct turn *t, size_t head_len, int r)
{
    struct http_local *local = t->local;
    struct http_request *req = local->request;
    enum http_persist persist = t->persist;
    bool head_only = req->method == HTTP_HEAD;
    unsigned reply = ROUTES_SERVER_WIDE;

    if (r == 0)
        r = http_target_check(req, local->scratch);
    if (r < 0)
        return conn_fail(t, r, head_only);
    if ((req->flags & HTTP_SERVER_WIDE) == 0)
        reply = routes_find(&local->http->routes, req);
    if ((req->flags & HTTP_CLOSE) != 0)
        persist = HTTP_PERSIST_CLOSE;
    else if ((req->flags & HTTP_KEEP) != 0 && persist != HTTP_PERSIST_CLOSE)
        persist = HTTP_PERSIST_TOLD;
    if ((req->flags & HTTP_BODY) != 0)
        return conn_begin_body(t, head_len, reply, persist);
    r = turn_reply(t, reply, persist, head_only, head_len);
    if (r == 0)
        t->at += head_len;
    return r;
}

/* One request without a body, or the head of one with. -EAGAIN: it is not complete. */
hot int
conn_request(struct turn *t)
{
    struct http_local *local = t->local;
    struct http_request *req = local->request;
    ssize_t n;
    int r;

    n = http_parse(t->at, (size_t)(t->end - t->at), &local->http->limits, &t->conn->resume, req);
    if (unlikely(n < 0))
        return n == -EAGAIN ? -EAGAIN : conn_fail_head(t, (int)n);
    r = http_headers_check(req);
    if (unlikely(r < 0 || req->flags != 0))
        return conn_request_any(t, (size_t)n, r);
    r = turn_reply(t, routes_find(&local->http->routes, req), t->persist, req->method == HTTP_HEAD,
                   (size_t)n);
    if (likely(r == 0))
        t->at += n;
    return r;
}

/* ---- Bodies -------------------------------------------------------------------------------- */

/* 1: the body is complete; 0: it is not; an enum http_verdict. */
static int
conn_discard_chunked(struct turn *t)
{
    struct conn *conn = t->conn;
    uint64_t max = (uint64_t)t->local->http->options->body_discard_max;

    while (t->at < t->end && !http_chunked_done(&conn->chunked)) {
        struct span data;
        ssize_t n = http_chunked_read(&conn->chunked, t->at, (size_t)(t->end - t->at), &data);

        if (n < 0)
            return (int)n;
        if (conn->body + data.len + http_chunked_known(&conn->chunked) > max)
            return HTTP_LARGE_BODY;
        conn->body += (uint32_t)data.len;
        t->at += n;
    }
    return http_chunked_done(&conn->chunked);
}

static int
conn_discard_length(struct turn *t)
{
    uint64_t n = MIN((uint64_t)(t->end - t->at), t->conn->left);

    t->at += n;
    t->conn->left -= n;
    return t->conn->left == 0;
}

/* The decoder cannot go back to the bad byte: where the answer has to wait, it is remembered as
 * that to a body which is complete. */
static int
conn_fail_body(struct turn *t, int verdict, bool head_only)
{
    struct conn *conn = t->conn;
    int r = conn_fail(t, verdict, head_only);

    if (r != -ENOBUFS)
        return r;
    t->local->refused[http_verdict_index(verdict)]++;
    conn->left = 0;
    conn->reply = (uint16_t)http_verdict_index(verdict);
    conn->flags &= (uint16_t) ~(CONN_BODY | CONN_PERSIST_MASK);
    conn->flags |= CONN_LENGTH | HTTP_PERSIST_CLOSE << CONN_PERSIST_SHIFT;
    return -ENOBUFS;
}

cold static int
conn_body(struct turn *t)
{
    struct conn *conn = t->conn;
    bool head_only = (conn->flags & CONN_HEAD) != 0;
    enum http_persist persist =
        (enum http_persist)((conn->flags & CONN_PERSIST_MASK) >> CONN_PERSIST_SHIFT);
    int r;

    r = (conn->flags & CONN_CHUNKED) != 0 ? conn_discard_chunked(t) : conn_discard_length(t);
    if (r == 0)
        return 0;
    if (r < 0)
        return conn_fail_body(t, r, head_only);
    if ((conn->flags & CONN_STOP) != 0)
        persist = HTTP_PERSIST_CLOSE;
    r = turn_reply(t, conn->reply, persist, head_only, 0);
    if (r < 0)
        return r;
    conn->flags &= (uint16_t) ~(CONN_BODY | CONN_HEAD | CONN_PERSIST_MASK);
    conn->left = 0;
    return 0;
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
    if ((t->conn->flags & (CONN_BEGUN | CONN_BODY)) != 0)
        conn_fail(t, HTTP_BAD_END, (t->conn->flags & CONN_HEAD) != 0);
    turn_commit(t);
    goevd_conn_close(t->c, GOEVD_CLOSE_DONE);
    return 0;
}

/* Leave things as the next callback needs them. r is why the loop ended: 0, -EAGAIN, -ENOBUFS. */
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
    else if (r == 0 && (conn->flags & CONN_BODY) != 0)
        conn_expect(t, CONN_LATE_BODY, o->body_timeout);
    else
        conn_expect(t, 0, 0);
    if ((conn->flags & CONN_EOF) != 0 && r != -ENOBUFS && (r != 0 || t->at == t->end))
        conn_end(t);
}

/* ---- Callbacks ----------------------------------------------------------------------------- */

hot void
conn_turn(struct turn *ret_turn, struct goevd_conn *c, void *state, const char *data, size_t len)
{
    struct conn *conn = state;

    *ret_turn = (struct turn){
        .c = c,
        .conn = conn,
        .local = goevd_conn_local(c),
        .at = data,
        .end = data + len,
        .stop_at = UINT_MAX,
        .close_flags = GOEVD_CLOSE_DONE,
        .persist = (conn->flags & CONN_STOP) != 0 ? HTTP_PERSIST_CLOSE : HTTP_PERSIST,
    };
}

hot int
conn_answer_all(struct turn *t)
{
    int r = 0;

    while (t->at < t->end && t->answered < t->stop_at && r == 0)
        r = unlikely((t->conn->flags & CONN_BODY) != 0) ? conn_body(t) : conn_request(t);
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
    if (r < 0 && r != -EAGAIN && r != -ENOBUFS)
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
    if ((t.conn->flags & CONN_BLOCKED) != 0) {
        t.conn->flags |= CONN_EOF;
        return 0;
    }
    return conn_end(&t);
}

/* A request whose head waits comes again by on_read; the answer to a body has to be sent here. */
static int
conn_drained(struct goevd_conn *c, void *state)
{
    struct turn t;
    int r;

    conn_turn(&t, c, state, "", 0);
    if ((t.conn->flags & CONN_BLOCKED) == 0 || (t.conn->flags & CONN_BODY) == 0)
        return 0;
    t.close_flags = GOEVD_CLOSE_FLUSH;
    r = conn_body(&t);
    return (int)MIN(conn_finish(&t, r, t.at), 0);
}

static int
conn_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    struct turn t;
    unsigned late;

    (void)cookie;
    conn_turn(&t, c, state, "", 0);
    if (t.conn->flags == CONN_STOP)
        goevd_conn_close(c, GOEVD_CLOSE_FLUSH);
    late = t.conn->flags & CONN_LATE;
    t.conn->flags &= (uint16_t)~CONN_LATE;
    if (late == CONN_LATE_BODY)
        conn_fail(&t, HTTP_LATE_BODY, (t.conn->flags & CONN_HEAD) != 0);
    else if (late == CONN_LATE_HEAD && (t.conn->flags & CONN_BEGUN) != 0)
        conn_fail(&t, HTTP_LATE_HEAD, false);
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

const struct goevd_stream conn_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct conn),
    .on_read = conn_read,
    .on_eof = conn_eof,
    .on_drained = conn_drained,
    .on_timeout = conn_timeout,
    .on_stop = conn_stop,
};
