/* Bytes that a transport has sealed for the wire, as TLS does.
 *
 * They are sent from a buffer that all connections of the poller share. Bytes that the socket does
 * not take become the front of the output queue, so that closing, slow peers and give-back see it
 * there. */
#include <errno.h>

#include "net/conn/conn_parts.h"

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

void
conn_finish(struct conn *c)
{
    const struct transport *transport = c->service->transport;

    if (transport->finish && !c->outq && !(c->flags & CONN_LINGERING))
        transport->finish(c);
}
