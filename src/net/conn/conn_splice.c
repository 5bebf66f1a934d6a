#include <errno.h>
#include <fcntl.h>

#include "net/conn/conn_parts.h"

/* A read of less than this is no bulk: recv(2) and send(2) cost less for it. */
#define BULK_BYTES_MIN ((size_t)16 << 10)

static ssize_t
splice_some(int from, int to, size_t len)
{
    ssize_t n;

    do
        n = splice(from, NULL, to, NULL, len, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t
conn_splice_out(struct conn *c, const struct pipe *p, size_t len)
{
    return splice_some(p->out, c->watch.fd, len);
}

/* A connection has one pipe, and no input before the bytes that lie in its socket. */
static int
conn_splice_check(const struct conn *from, const struct conn *to)
{
    if (to->flags & (CONN_CLOSING | CONN_SHUT))
        return -EPIPE;
    if (from->tail || from->service->net->entered == to || (to->outq && to->outq->pipes > 0))
        return -EBUSY;
    if (from->service->net != to->service->net || !from->service->transport->raw ||
        !to->service->transport->raw)
        return -EOPNOTSUPP;
    return 0;
}

/* The end of input and errors that splice(2) does not take from the socket are left to recv(2). */
static int
conn_splice_nothing(struct conn *from, struct pipe *p, ssize_t n)
{
    pipe_give(p, true);
    if (n >= 0 || n == -EAGAIN || n == -EINVAL)
        return -EAGAIN;
    conn_fail(from, (int)n);
    return -EAGAIN;
}

int
conn_splice(struct conn *from, struct conn *to, size_t *ret_moved)
{
    size_t most = to->service->limits->output_max, queued = conn_queued(to);
    int r = conn_splice_check(from, to);
    struct pipe *p;
    ssize_t n;

    *ret_moved = 0;
    if (r < 0)
        return r;
    if (queued >= most)
        return -EBUSY;
    p = pipes_take(&from->service->net->pipes);
    if (!p)
        return -EMFILE;
    n = splice_some(from->watch.fd, p->in, MIN(PIPE_BYTES, most - queued));
    if (n <= 0)
        return conn_splice_nothing(from, p, n);
    *ret_moved = (size_t)n;
    conn_count_in(from, (size_t)n);
    if ((size_t)n < BULK_BYTES_MIN)
        from->flags &= ~(uint32_t)CONN_BULK;
    return conn_offer_pipe(to, p, (size_t)n);
}

void
conn_receive_bulk(struct conn *c)
{
    const struct goevd_stream *stream = conn_stream(c);
    uint64_t before = c->bytes_in;

    conn_enter(c, "on_bulk");
    if (conn_result_closes(c, stream->on_bulk(conn_public(c), c->state)))
        conn_close(c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    if (c->bytes_in == before)
        c->flags &= ~(uint32_t)CONN_BULK;
    before -= c->bytes_in;
    if (conn_leave(c) && before == 0 && !(c->flags & CONN_INPUT_OFF))
        conn_receive(c);
}
