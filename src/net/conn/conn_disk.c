#include <errno.h>

#include "net/bytes/disk.h"
#include "net/conn/conn_parts.h"

#define FILE_CHUNK_BYTES ((size_t)2 << 20)
#define READ_CHUNK_BYTES (BUFFER_BYTES_MAX - sizeof(struct segment))
#define DISK_AGAIN_NS (10 * NS_PER_MS)

/* The wait for the file at the front is over. Connections without one pay nothing for this. */
static void
conn_disk_end(struct conn *c)
{
    struct outq *q = c->outq;

    c->flags &= ~(uint32_t)CONN_DISK;
    q->disk_again_ns = 0;
    if (q->watched_ns)
        q->watched_ns += conn_poller(c)->now_ns - q->disk_begun_ns;
    if (conn_timer_update(c) < 0)
        conn_fail(c, -ENOMEM);
}

/* It was read, or was not. */
static void
conn_disk_done(struct work *w, int result)
{
    struct disk_read *read = container_of(w, struct disk_read, work);
    struct conn *c = conn_find(w->poller, read->id);

    if (c) {
        conn_disk_end(c);
        if (result > 0) {
            metric_add(&c->service->net->metrics->disk_bytes, (uint64_t)result);
            outq_push_spare(c->outq, read->segment, (size_t)result);
            read->segment = NULL;
        } else if (result != -ECANCELED) {
            outq_drop(c->outq, result);
            conn_fail(c, result);
        }
        conn_settle(c);
    }
    disk_read_free(read);
}

static void
conn_disk_wait(struct conn *c, bool refused)
{
    struct net *net = c->service->net;

    c->flags |= CONN_DISK;
    c->outq->disk_begun_ns = net->poller->now_ns;
    metric_add(refused ? &net->metrics->disk_refused : &net->metrics->disk_reads, 1);
    if (!refused)
        return;
    c->outq->disk_again_ns = net->poller->now_ns + DISK_AGAIN_NS;
    if (conn_timer_update(c) < 0)
        conn_fail(c, -ENOMEM);
}

/* Let the work pool wait for the file. Returns false if there is none. */
static bool
conn_disk_read(struct conn *c, const struct segment *s)
{
    struct net *net = c->service->net;
    size_t len = MIN(s->len, READ_CHUNK_BYTES);
    int r = disk_read_new(net->readers, net->poller, s->fd, s->offset, len, c->watch.id,
                          conn_disk_done);

    if (r == -ECANCELED)
        return false;
    conn_disk_wait(c, r < 0);
    return true;
}

size_t
conn_disk_ready(struct conn *c, struct segment *s)
{
    const struct net *net = c->service->net;
    size_t len = MIN(s->len, FILE_CHUNK_BYTES);

    if (s->ready > 0)
        return MIN(s->ready, len);
    s->ready = net->readers ? disk_ready(s->fd, s->offset, len) : len;
    if (s->ready > 0)
        return s->ready;
    return conn_disk_read(c, s) ? 0 : len;
}

uint64_t
conn_disk_due_ns(const struct conn *c)
{
    return c->outq && c->outq->disk_again_ns ? c->outq->disk_again_ns : UINT64_MAX;
}

void
conn_disk_again(struct conn *c)
{
    conn_disk_end(c);
}
