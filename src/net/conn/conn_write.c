#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "net/conn/conn_parts.h"

#define FLUSH_IOVECS 64
#define FLUSH_CALLS_MAX 16     /* system calls for one connection before others have their turn */
#define SEAL_WHOLE_BYTES 16384 /* a record of TLS */
#define COPY_CHUNK_BYTES ((size_t)32 << 10) /* on the stack, where sendfile(2) is of no use */

/* ---- Queueing -------------------------------------------------------------------------------- */

static size_t
conn_gathered(const struct conn *c)
{
    const struct net *net = c->service->net;

    return net->entered == c ? net->write_len : 0;
}

size_t
conn_queued(const struct conn *c)
{
    return conn_gathered(c) + (c->outq ? c->outq->bytes : 0);
}

bool
conn_is_drained(const struct conn *c)
{
    bool piped = c->outq && c->outq->pipes > 0;

    return !piped && conn_queued(c) <= c->service->limits->output_low;
}

static bool
conn_can_gather(const struct conn *c, size_t len)
{
    const struct service *s = c->service;

    return s->net->entered == c && !c->outq && len <= s->gather_max &&
           s->net->write_len <= s->gather_max - len && !(c->flags & (CONN_CLOSING | CONN_SHUT));
}

int
conn_spill(struct conn *c)
{
    struct net *net = c->service->net;

    if (!c->outq) {
        c->outq = outq_new(&net->poller->buffers, &net->queued);
        if (!c->outq)
            return -ENOMEM;
    }
    if (net->entered == c && net->write_len > 0) {
        if (outq_push_copy(c->outq, net->write_buffer, net->write_len) < 0)
            return -ENOMEM;
        net->write_len = 0;
    }
    return 0;
}

/* Pause reading until the low mark, because a handler mostly writes for bytes that it reads. */
static void
conn_throttle(struct conn *c)
{
    if (!conn_is_duplex(c))
        c->flags |= CONN_THROTTLED;
}

/* Too much is queued for now, and on_drained is owed. The next flush calls it, also if the queue is
 * below the low mark already, because the refused write needs more room. */
static int
conn_owe_drained(struct conn *c)
{
    c->flags |= CONN_TELL_DRAINED;
    if (c->flags & (CONN_BLOCKED | CONN_DISK))
        conn_throttle(c);
    else
        conn_list(c);
    return 1;
}

/* May `bytes` of memory join the queue? */
static int
conn_queue_allows(struct conn *c, size_t bytes)
{
    size_t held = conn_queued(c) + (c->outq ? c->outq->guests * SEGMENT_COST : 0);
    size_t max = c->service->limits->output_max;

    if (c->flags & (CONN_CLOSING | CONN_SHUT))
        return -EPIPE;
    if (bytes > max)
        return -EMSGSIZE;
    if (held > max || bytes > max - held) {
        conn_owe_drained(c);
        return -ENOBUFS;
    }
    return 0;
}

/* ... and is there a queue? */
static int
conn_queue_check(struct conn *c, size_t bytes)
{
    int r = conn_queue_allows(c, bytes);

    return r < 0 ? r : conn_spill(c);
}

/* After a push: r is its result. Output to another connection is flushed at the end of the round.
 */
static int
conn_queue_done(struct conn *c, int r)
{
    if (r < 0)
        return r;
    if (c->service->net->entered != c)
        conn_list(c);
    return conn_queued(c) > c->service->limits->output_high ? conn_owe_drained(c) : 0;
}

static int
conn_write_queued(struct conn *c, const void *data, size_t len)
{
    int r = len > 0 ? conn_queue_check(c, len) : 0;

    if (r < 0 || len == 0)
        return r;
    return conn_queue_done(c, outq_push_copy(c->outq, data, len));
}

int
conn_write(struct conn *c, const void *data, size_t len)
{
    struct net *net = c->service->net;

    if (unlikely(!conn_can_gather(c, len)))
        return conn_write_queued(c, data, len);
    memcpy(net->write_buffer + net->write_len, data, len);
    net->write_len += len;
    return 0;
}

static int
conn_room_queued(struct conn *c, size_t len, char **ret)
{
    int r = conn_queue_check(c, len);

    if (r < 0)
        return r;
    *ret = outq_reserve(c->outq, len);
    return *ret ? 0 : -ENOMEM;
}

int
conn_room(struct conn *c, size_t len, char **ret)
{
    struct net *net = c->service->net;

    assert(len > 0);
    if (unlikely(!conn_can_gather(c, len)))
        return conn_room_queued(c, len, ret);
    *ret = net->write_buffer + net->write_len;
    return 0;
}

void *
conn_reserve(struct conn *c, size_t len)
{
    struct net *net = c->service->net;
    char *room;

    assert(len > 0);
    if (likely(conn_can_gather(c, len)))
        return net->write_buffer + net->write_len;
    return conn_room_queued(c, len, &room) < 0 ? NULL : room;
}

int
conn_commit(struct conn *c, size_t len)
{
    struct net *net = c->service->net;

    if (likely(!c->outq)) {
        net->write_len += len;
        return 0;
    }
    outq_commit(c->outq, len);
    return conn_queue_done(c, 0);
}

int
conn_write_shared(struct conn *c, const void *data, size_t len, goevd_release_fn release, void *arg)
{
    int r = conn_queue_check(c, len);

    if (r < 0)
        return r;
    return conn_queue_done(c, outq_push_shared(c->outq, data, len, release, arg));
}

int
conn_write_file(struct conn *c, int fd, off_t offset, size_t len, goevd_release_fn release,
                void *arg)
{
    int r = conn_queue_check(c, 0);

    if (r < 0)
        return r;
    return conn_queue_done(c, outq_push_file(c->outq, fd, offset, len, release, arg));
}

int
conn_shutdown(struct conn *c)
{
    if (c->flags & (CONN_CLOSING | CONN_SHUT))
        return -EPIPE;
    c->flags |= CONN_SHUT;
    if (c->service->net->entered != c)
        conn_list(c);
    return 0;
}

/* ---- Flushing -------------------------------------------------------------------------------- */

void
conn_count_out(struct conn *c, size_t n)
{
    struct net *net = c->service->net;

    c->active_tick = net_tick(net);
    c->bytes_out += n;
    metric_add(&net->metrics->bytes_out, n);
}

/* Where the socket cannot take it from the file: read it and write it. */
static ssize_t
conn_copy_file(struct conn *c, const struct segment *s, size_t len)
{
    char copy[COPY_CHUNK_BYTES];
    ssize_t n = pread(s->fd, copy, MIN(len, sizeof(copy)), s->offset);

    if (n < 0)
        return -errno;
    return n > 0 ? c->service->transport->write(c, copy, (size_t)n) : 0;
}

static ssize_t
conn_send_file(struct conn *c, struct segment *s)
{
    const struct transport *transport = c->service->transport;
    size_t len = conn_disk_ready(c, s);
    ssize_t n = -EOPNOTSUPP;

    if (len == 0)
        return -EAGAIN;
    if (transport->send_file)
        n = transport->send_file(c, s->fd, s->offset, len);
    if (n == -EOPNOTSUPP)
        n = conn_copy_file(c, s, len);
    if (n == 0) /* the file has become shorter than promised */
        n = -EIO;
    if (n == -EIO)
        outq_drop(c->outq, n);
    return n;
}

/* Memory that fills records by itself is sealed where it lies. */
static bool
conn_seals_run(const struct conn *c, const struct segment *first)
{
    return c->service->transport->flush &&
           (first->type == SEGMENT_FILE || first->len < SEAL_WHOLE_BYTES);
}

/* One system call for the front of the queue; *ret_asked is how much it was given. */
static ssize_t
conn_flush_step(struct conn *c, size_t *ret_asked)
{
    struct segment *first = c->outq->first;
    struct iovec iov[FLUSH_IOVECS];
    bool file;
    ssize_t n;
    int count;

    if (unlikely(first->sealed)) {
        *ret_asked = first->len;
        return transport_plain_write(c, first->data, first->len);
    }
    if (first->len == 0) {
        *ret_asked = 0;
        return 0;
    }
    if (conn_seals_run(c, first)) {
        *ret_asked = 1;
        n = conn_seal_queue(c);
        if (n != 0)
            return n;
    }
    if (first->type == SEGMENT_FILE) {
        *ret_asked = 1; /* whatever it takes, there may be room for more */
        return conn_send_file(c, first);
    }
    if (first->type == SEGMENT_PIPE) {
        *ret_asked = 1;
        return conn_splice_out(c, first->arg, first->len);
    }
    count = outq_peek(c->outq, iov, FLUSH_IOVECS, &file);
    *ret_asked = 0;
    for (int i = 0; i < count; i++)
        *ret_asked += iov[i].iov_len;
    return c->service->transport->writev(c, iov, count, file);
}

static void
conn_after_flush(struct conn *c)
{
    if (c->outq && outq_empty(c->outq)) {
        outq_free(c->outq, 0);
        c->outq = NULL;
    }
    if (!(c->flags & CONN_TELL_DRAINED))
        return;
    if (!conn_is_drained(c))
        conn_throttle(c);
    else
        conn_list(c);
}

void
conn_block(struct conn *c)
{
    c->flags |= CONN_BLOCKED;
    conn_slow_watch(c);
}

/* A step has ended. 0: the next may follow. -EAGAIN: the socket is full. A transport that seals
 * stops short when its own buffer is full. */
static inline int
conn_flush_more(struct conn *c, bool sealed, bool short_of)
{
    if (c->service->transport->flush && !sealed)
        return c->service->transport->flush(c);
    return short_of ? -EAGAIN : 0;
}

void
conn_flush(struct conn *c)
{
    ssize_t n = 0;
    size_t asked;

    for (int calls = 0; calls < FLUSH_CALLS_MAX && c->outq->first; calls++) {
        bool sealed = c->outq->first->sealed;

        n = conn_flush_step(c, &asked);
        if (n < 0)
            break;
        conn_count_out(c, sealed ? 0 : (size_t)n);
        outq_took(c->outq, (size_t)n);
        n = conn_flush_more(c, sealed, (size_t)n < asked);
        if (n < 0)
            break;
    }
    if (n < 0 && n != -EAGAIN)
        conn_fail(c, (int)n);
    if (c->outq->first && !(c->flags & CONN_DISK))
        conn_block(c);
    conn_after_flush(c);
}

/* The queue is empty: write once, and queue only the bytes that the socket does not take. 0, or the
 * connection has failed. */
static int
conn_offer(struct conn *c, const char *data, size_t len)
{
    ssize_t n;

    if (unlikely(c->service->transport->flush))
        return conn_offer_sealed(c, data, len);
    n = c->service->transport->write(c, data, len);
    if (likely(n == (ssize_t)len)) {
        conn_count_out(c, len);
        return 0;
    }
    if (n < 0 && n != -EAGAIN) {
        conn_fail(c, (int)n);
        return -EPIPE;
    }
    n = MAX(n, 0);
    conn_count_out(c, (size_t)n);
    if (conn_spill(c) < 0 || outq_push_copy(c->outq, data + n, len - (size_t)n) < 0) {
        conn_fail(c, -ENOMEM);
        return -EPIPE;
    }
    conn_block(c);
    return 0;
}

void
conn_flush_gathered(struct conn *c)
{
    struct net *net = c->service->net;
    size_t len = net->write_len;

    net->write_len = 0;
    if (len == 0 || c->flags & CONN_CLOSE_NOW)
        return;
    if (unlikely(conn_offer(c, net->write_buffer, len) < 0 || c->outq))
        conn_after_flush(c);
}

int
conn_write_now(struct conn *c, const void *data, size_t len)
{
    struct net *net = c->service->net;
    int r;

    if (net->entered == c)
        conn_flush_gathered(c);
    r = len > 0 ? conn_queue_allows(c, len) : 0;
    if (r < 0 || len == 0)
        return r;
    r = c->outq ? outq_push_copy(c->outq, data, len) : conn_offer(c, data, len);
    if (r < 0 || !c->outq)
        return r;
    if (net->entered != c)
        conn_list(c); /* wait for epoll to report room in the socket */
    return conn_owe_drained(c);
}

static void
conn_pipe_sent(void *arg, int result)
{
    pipe_give(arg, result == 0);
}

/* Queue the bytes that are left in a pipe; `tried`: the socket takes no more. */
static int
conn_queue_pipe(struct conn *c, struct pipe *p, size_t len, bool tried)
{
    int r = conn_spill(c);

    if (r == 0)
        r = outq_push_pipe(c->outq, len, conn_pipe_sent, p);
    if (r < 0)
        return r;
    if (tried)
        conn_block(c);
    conn_list(c); /* epoll is to report when the socket takes more */
    return conn_owe_drained(c);
}

int
conn_offer_pipe(struct conn *c, struct pipe *p, size_t len)
{
    bool tried = !c->outq;
    ssize_t n = tried ? conn_splice_out(c, p, len) : -EAGAIN;
    int r = n < 0 && n != -EAGAIN ? (int)n : 0;

    if (n > 0)
        conn_count_out(c, (size_t)n);
    if (r == 0 && n < (ssize_t)len)
        r = conn_queue_pipe(c, p, len - (size_t)MAX(n, 0), tried);
    if (r == 0)
        pipe_give(p, true);
    if (r >= 0)
        return r;
    pipe_give(p, false);
    conn_fail(c, r);
    return -EPIPE;
}
