#include "http/h1/body/expect.h"

#include <errno.h>

#include "http/exchange/exchange.h"
#include "http/h1/output/answer.h"
#include "http/h1/output/rest.h"

/* Whether there is input besides the empty lines that may precede a request. */
static bool
http_h1_expect_has_begun(const struct http_h1_batch *b)
{
    for (const char *p = b->at; p < b->end; p++)
        if (*p != '\r' && *p != '\n')
            return true;
    return false;
}

/* Arm the deadline for the head or body that the client has to send, once per request. */
static void
http_h1_expect_arm(struct http_h1_batch *b, unsigned late, int64_t timeout)
{
    struct http_h1_conn *conn = b->conn;
    bool armed = conn->flags & HTTP_H1_LATE;

    if ((late != 0 && (!(conn->flags & late) || b->answered != 0)) || (late == 0 && armed))
        goevd_conn_deadline(b->c, (uint64_t)timeout);
    conn->flags = (uint16_t)((conn->flags & ~HTTP_H1_LATE) | late);
}

int
http_h1_expect_end(struct http_h1_batch *b)
{
    unsigned flags = b->conn->flags;

    if ((flags & (HTTP_H1_BEGUN | HTTP_H1_BODY)) && !(flags & HTTP_H1_ANSWERED))
        http_h1_refuse(b, HTTP_BAD_END, (flags & HTTP_H1_HEAD));
    http_h1_batch_commit(b);
    if (!http_h1_rest_closes(b->conn))
        goevd_conn_close(b->c, GOEVD_CLOSE_DONE);
    return 0;
}

/* Whether part of a body has yet to arrive. */
static bool
http_h1_expect_awaits_body(const struct http_h1_conn *conn)
{
    if (conn->flags & HTTP_H1_EXCHANGE)
        return http_exchange_wants_body(conn->exchange);
    return conn->flags & HTTP_H1_BODY;
}

/* Stop reading, because the input has to wait for a handler. */
static void
http_h1_expect_pause(struct http_h1_batch *b)
{
    b->conn->flags |= HTTP_H1_PAUSED;
    goevd_conn_pause(b->c);
}

void
http_h1_expect(struct http_h1_batch *b, int r)
{
    const struct http_options *o = b->local->http->options;
    struct http_h1_conn *conn = b->conn;

    conn->flags &= (uint16_t) ~(HTTP_H1_BEGUN | HTTP_H1_BLOCKED);
    if (r == -ENOBUFS || (r == 0 && b->at < b->end))
        conn->flags |= HTTP_H1_BLOCKED;
    else if (r == -EAGAIN && http_h1_expect_has_begun(b))
        conn->flags |= HTTP_H1_BEGUN;
    if (r == -EAGAIN)
        http_h1_expect_arm(b, HTTP_H1_LATE_HEAD, o->header_timeout_ns);
    else if (r == 0 && http_h1_expect_awaits_body(conn))
        http_h1_expect_arm(b, HTTP_H1_LATE_BODY, o->body_timeout_ns);
    else
        http_h1_expect_arm(b, 0, 0);
    if (conn->flags == HTTP_H1_STOP) /* the last reply has no Connection: close */
        goevd_conn_deadline(b->c, (uint64_t)o->stop_grace_ns);
    if (r == -EBUSY && b->at < b->end)
        http_h1_expect_pause(b);
    if ((conn->flags & (HTTP_H1_EOF | HTTP_H1_EXCHANGE)) == HTTP_H1_EOF && r != -ENOBUFS &&
        (r != 0 || b->at == b->end))
        http_h1_expect_end(b);
}
