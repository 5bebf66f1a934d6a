#include "http/h1/expect.h"

#include <errno.h>

#include "http/exchange/exchange.h"

/* Whether more is there than the empty lines that may precede a request. */
static bool
settle_has_begun(const struct turn *t)
{
    for (const char *p = t->at; p < t->end; p++)
        if (*p != '\r' && *p != '\n')
            return true;
    return false;
}

/* Arm the deadline for what the peer owes, once for each request. */
static void
settle_expect(struct turn *t, unsigned late, int64_t timeout)
{
    struct conn *conn = t->conn;
    bool armed = (conn->flags & CONN_LATE) != 0;

    if ((late != 0 && ((conn->flags & late) == 0 || t->answered != 0)) || (late == 0 && armed))
        goevd_conn_deadline(t->c, (uint64_t)timeout);
    conn->flags = (uint16_t)((conn->flags & ~CONN_LATE) | late);
}

int
settle_end(struct turn *t)
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
settle_awaits_body(const struct conn *conn)
{
    if ((conn->flags & CONN_EXCHANGE) != 0)
        return exchange_body_awaited(conn->exchange);
    return (conn->flags & CONN_BODY) != 0;
}

/* What has come has to wait for a handler: then no more is read. */
static void
settle_pause(struct turn *t)
{
    t->conn->flags |= CONN_PAUSED;
    goevd_conn_pause(t->c);
}

void
settle(struct turn *t, int r)
{
    const struct options *o = t->local->http->options;
    struct conn *conn = t->conn;

    conn->flags &= (uint16_t) ~(CONN_BEGUN | CONN_BLOCKED);
    if (r == -ENOBUFS || (r == 0 && t->at < t->end))
        conn->flags |= CONN_BLOCKED;
    else if (r == -EAGAIN && settle_has_begun(t))
        conn->flags |= CONN_BEGUN;
    if (r == -EAGAIN)
        settle_expect(t, CONN_LATE_HEAD, o->header_timeout);
    else if (r == 0 && settle_awaits_body(conn))
        settle_expect(t, CONN_LATE_BODY, o->body_timeout);
    else
        settle_expect(t, 0, 0);
    if (r == -EBUSY && t->at < t->end)
        settle_pause(t);
    if ((conn->flags & (CONN_EOF | CONN_EXCHANGE)) == CONN_EOF && r != -ENOBUFS &&
        (r != 0 || t->at == t->end))
        settle_end(t);
}
