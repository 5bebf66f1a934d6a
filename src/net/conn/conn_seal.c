/* Bytes that a transport has sealed for the wire, as TLS does.
 *
 * They are sent from a buffer that all connections of the poller share. Bytes that the socket does
 * not take become the front of the output queue, so that closing, slow peers and give-back see it
 * there. */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "net/conn/conn_parts.h"

#define SEAL_BYTES ((size_t)64 << 10) /* that leave in one send(2) */

static int
conn_keep_sealed(struct conn *c, const char *data, size_t len)
{
    struct net *net = c->service->net;

    if (!c->outq)
        c->outq = outq_new(&net->poller->buffers, &net->queued);
    return c->outq ? outq_push_sealed(c->outq, data, len) : -ENOMEM;
}

int
conn_send_sealed(struct conn *c, const char *data, size_t len)
{
    bool waits = c->outq && c->outq->sealed > 0;
    ssize_t n = waits ? -EAGAIN : transport_plain_write(c, data, len);

    if (n < 0 && n != -EAGAIN)
        return (int)n;
    n = MAX(n, 0);
    if ((size_t)n == len)
        return 0;
    if (conn_keep_sealed(c, data + n, len - (size_t)n) < 0)
        return -ENOMEM;
    conn_block(c);
    return -EAGAIN;
}

int
conn_offer_sealed(struct conn *c, const char *data, size_t len)
{
    const struct transport *transport = c->service->transport;
    ssize_t n = 0;

    while (len > 0 && n >= 0) {
        n = transport->write(c, data, len);
        if (n < 0)
            break;
        conn_count_out(c, (size_t)n);
        data += n;
        len -= (size_t)n;
        n = transport->flush(c);
    }
    if (n == 0 && len == 0)
        return 0;
    if (n == -EAGAIN &&
        (len == 0 || (conn_spill(c) == 0 && outq_push_copy(c->outq, data, len) == 0)))
        return 0;
    conn_fail(c, n == -EAGAIN ? -ENOMEM : (int)n);
    return -EPIPE;
}

/* ---- From the queue -------------------------------------------------------------------------- */

/* As much of a segment as is in memory. */
static size_t
conn_gather_segment(const struct segment *s, char *to, size_t room)
{
    struct iovec iov = {to, MIN(room, s->len)};
    ssize_t n;

    if (s->type != SEGMENT_FILE) {
        memcpy(to, s->data, iov.iov_len);
        return iov.iov_len;
    }
    n = preadv2(s->fd, &iov, 1, s->offset, RWF_NOWAIT);
    return n > 0 ? (size_t)n : 0;
}

/* The front of the queue as one run of bytes: without that, the head of a frame would be a record
 * of its own, and each piece a send(2). */
static size_t
conn_gather(const struct conn *c, char *to)
{
    size_t len = 0;

    for (const struct segment *s = c->outq->first; s && s->type != SEGMENT_PIPE; s = s->next) {
        size_t n = conn_gather_segment(s, to + len, SEAL_BYTES - len);

        len += n;
        if (n < s->len)
            break;
    }
    return len;
}

ssize_t
conn_seal_queue(struct conn *c)
{
    struct buffers *buffers = &conn_poller(c)->buffers;
    char *run = buffer_take(buffers, SEAL_BYTES);
    size_t len = run ? conn_gather(c, run) : 0;
    ssize_t n = len > 0 ? c->service->transport->write(c, run, len) : 0;

    if (run)
        buffer_give(buffers, run, SEAL_BYTES);
    return n;
}

void
conn_finish(struct conn *c)
{
    const struct transport *transport = c->service->transport;

    if (transport->finish && !c->outq && !(c->flags & CONN_LINGERING))
        transport->finish(c);
}
