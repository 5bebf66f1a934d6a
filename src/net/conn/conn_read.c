#include <errno.h>
#include <string.h>

#include "net/conn/conn_parts.h"

/* Bytes that a handler has not consumed. */
struct tail {
    uint32_t off; /* of the first byte left */
    uint32_t len; /* bytes left */
    uint32_t cap;
    uint32_t need; /* do not call before so many are there */
    uint32_t seen; /* bytes at the front that the handler was called with */
    char data[];
};

/* ---- The tail -------------------------------------------------------------------------------- */

void
conn_tail_free(struct conn *c)
{
    if (c->tail)
        buffer_give(&conn_poller(c)->buffers, c->tail, sizeof(*c->tail) + c->tail->cap);
    c->tail = NULL;
}

static struct tail *
conn_tail_room(struct conn *c, size_t cap)
{
    struct tail *old = c->tail, *t;
    size_t bytes;

    if (old && cap <= old->cap)
        return old;
    bytes = buffer_size(sizeof(*t) + MAX(cap, old ? (size_t)old->cap * 2 : 0));
    t = buffer_take(&conn_poller(c)->buffers, bytes);
    if (!t)
        return NULL;
    *t = (struct tail){0};
    if (old)
        memcpy(t, old, sizeof(*old) + old->off + old->len);
    t->cap = (uint32_t)(bytes - sizeof(*t));
    conn_tail_free(c);
    c->tail = t;
    return t;
}

/* Keep len bytes as the whole tail; they may lie in it. */
static int
conn_tail_set(struct conn *c, const char *data, size_t len)
{
    struct tail *t = c->tail;
    bool inside = t && data >= t->data && data <= t->data + t->cap;

    if (!inside) {
        t = conn_tail_room(c, len);
        if (!t)
            return -ENOMEM;
        memcpy(t->data, data, len);
    }
    t->off = inside ? (uint32_t)(data - t->data) : 0;
    t->len = t->seen = (uint32_t)len;
    return 0;
}

static int
conn_tail_append(struct conn *c, const char *data, size_t len)
{
    struct tail *t = c->tail;

    if (t->off > 0)
        memmove(t->data, t->data + t->off, t->len);
    t->off = 0;
    t = conn_tail_room(c, t->len + len);
    if (!t)
        return -ENOMEM;
    memcpy(t->data + t->len, data, len);
    t->len += (uint32_t)len;
    return 0;
}

static size_t
conn_tail_len(const struct conn *c)
{
    return c->tail ? c->tail->len : 0;
}

void
conn_need(struct conn *c, size_t len)
{
    len = MIN(len, c->service->limits->tail_max);
    if (!c->tail && (len <= 1 || !conn_tail_room(c, 0)))
        return; /* without memory the handler is only called more often */
    c->tail->need = (uint32_t)len;
}

/* ---- Delivering ------------------------------------------------------------------------------ */

static void
conn_keep(struct conn *c, const char *data, size_t len)
{
    if (len == 0) {
        if (c->tail && c->tail->need == 0)
            conn_tail_free(c);
        else if (c->tail)
            c->tail->len = c->tail->seen = 0;
    } else if (conn_tail_set(c, data, len) < 0) {
        conn_fail(c, -ENOMEM);
    }
}

/* Call on_read; false if the connection is gone. */
static bool
conn_deliver(struct conn *c, const char *data, size_t len, size_t fresh, unsigned flags)
{
    ptrdiff_t used;

    if (unlikely(c->tail != NULL))
        c->tail->need = 0;
    conn_enter(c, "on_read");
    used = c->service->on_read(conn_public(c), c->state, data, len, fresh, flags);
    if (unlikely((size_t)used > len) &&
        conn_result_wrong(c, used, "the bytes that it has consumed, or a negative errno"))
        conn_close(c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    else if (unlikely((size_t)used < len || c->tail))
        conn_keep(c, data + used, len - (size_t)used);
    return conn_leave(c);
}

static bool
conn_deliver_tail(struct conn *c, unsigned flags)
{
    struct tail *t = c->tail;

    return conn_deliver(c, t->data + t->off, t->len, t->seen, flags);
}

/* No more can be kept: the handler's last chance to answer. */
static void
conn_check_full(struct conn *c)
{
    size_t max = c->service->limits->tail_max;

    if (likely(conn_tail_len(c) < max) || conn_input_held(c))
        return;
    if (!conn_deliver_tail(c, GOEVD_READ_FULL))
        return;
    if (conn_tail_len(c) < max || conn_input_held(c))
        return;
    conn_close(c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_FULL);
    conn_settle(c);
}

static void
conn_tell_eof(struct conn *c)
{
    const struct goevd_stream *stream = conn_stream(c);

    c->flags |= CONN_EOF_TOLD;
    if (!stream->on_eof || c->flags & CONN_SHUT_DONE) {
        conn_close(c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_EOF);
        conn_settle(c);
        return;
    }
    conn_enter(c, "on_eof");
    if (conn_result_closes(c, stream->on_eof(conn_public(c), c->state)))
        conn_close(c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_EOF);
    conn_leave(c);
}

/* The end waits behind the tail, and both behind a pause. */
static void
conn_end_of_input(struct conn *c)
{
    if (conn_input_held(c) || c->flags & CONN_EOF_TOLD) {
        conn_settle(c);
        return;
    }
    if (conn_tail_len(c) > 0) {
        if (!conn_deliver_tail(c, GOEVD_READ_EOF))
            return;
        /* Held, or the tail and the end are to come again: to another handler, after an upgrade. */
        if (conn_input_held(c) || c->flags & CONN_AGAIN) {
            conn_settle(c);
            return;
        }
    }
    conn_tail_free(c);
    conn_tell_eof(c);
}

void
conn_receive_again(struct conn *c)
{
    size_t kept = conn_tail_len(c);

    c->flags &= ~(uint32_t)CONN_AGAIN;
    if (c->flags & CONN_EOF)
        conn_end_of_input(c);
    else if (kept > 0 && kept >= c->tail->need && conn_deliver_tail(c, 0))
        conn_check_full(c);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void
conn_receive_nothing(struct conn *c, ssize_t n)
{
    c->flags &= ~(uint32_t)CONN_UNREAD;
    if (n == -EAGAIN)
        return;
    if (n == 0) {
        c->flags |= CONN_EOF;
        conn_end_of_input(c);
        return;
    }
    conn_fail(c, (int)n);
    conn_settle(c);
}

/* New bytes lie in the read buffer behind room for the tail. The shorter of the two is moved to the
 * other, so that input in small pieces is not copied whole for each. */
static void
conn_receive_behind(struct conn *c, char *buffer, size_t n)
{
    struct tail *t = c->tail;
    size_t kept = t->len;
    bool alive;

    if (kept > n || kept + n < t->need) {
        if (conn_tail_append(c, buffer + kept, n) < 0) {
            conn_fail(c, -ENOMEM);
            conn_settle(c);
            return;
        }
        if (kept + n < c->tail->need)
            return;
        alive = conn_deliver_tail(c, 0);
    } else {
        memcpy(buffer, t->data + t->off, kept);
        alive = conn_deliver(c, buffer, kept + n, t->seen, 0);
    }
    if (alive)
        conn_check_full(c);
}

void
conn_count_in(struct conn *c, size_t n)
{
    struct net *net = c->service->net;

    c->active_tick = net_tick(net);
    c->bytes_in += n;
    metric_add(&net->metrics->bytes_in, n);
}

/* Two reads in a row have filled the buffer: these are bytes in bulk. */
static void
conn_read_filled(struct conn *c)
{
    if (c->flags & CONN_UNREAD && conn_stream(c)->on_bulk)
        c->flags |= CONN_BULK;
    c->flags |= CONN_UNREAD;
}

void
conn_receive(struct conn *c)
{
    const struct service *s = c->service;
    char *buffer = s->net->read_buffer;
    size_t kept = conn_tail_len(c), room = MIN(s->net->read_max, s->limits->tail_max - kept);
    ssize_t n = s->transport->read(c, buffer + kept, room);

    if (unlikely(n <= 0)) {
        conn_receive_nothing(c, n);
        return;
    }
    conn_count_in(c, (size_t)n);
    if (likely((size_t)n < room))
        c->flags &= ~(uint32_t)CONN_UNREAD;
    else
        conn_read_filled(c);
    if (unlikely(s->transport->pending && s->transport->pending(c) > 0))
        conn_list(c);
    if (unlikely(c->tail != NULL))
        conn_receive_behind(c, buffer, (size_t)n);
    else if (conn_deliver(c, buffer, (size_t)n, 0, 0))
        conn_check_full(c);
}

/* ---- Pausing --------------------------------------------------------------------------------- */

void
conn_pause(struct conn *c)
{
    c->flags |= CONN_PAUSED;
    if (c->service->net->entered != c)
        conn_list(c);
}

void
conn_resume(struct conn *c)
{
    if (!(c->flags & CONN_PAUSED))
        return;
    c->flags &= ~(uint32_t)CONN_PAUSED;
    /* The callback that is running may yet leave a tail. */
    if (c->tail || c->flags & CONN_EOF || c->service->net->entered == c)
        c->flags |= CONN_AGAIN;
    conn_list(c);
}
