#include "net/bytes/outq.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

/* Small writes to a full socket share a segment of the smaller size; large ones are cut into some
 * of the larger, which the buffers keep. */
#define COPY_BYTES_MIN ((size_t)4096 - sizeof(struct segment))
#define COPY_BYTES_MAX (BUFFER_BYTES_MAX - sizeof(struct segment))

struct outq *
outq_new(struct buffers *buffers, metric *total)
{
    struct outq *q = buffer_take(buffers, sizeof(*q));

    if (q)
        *q = (struct outq){.buffers = buffers, .total = total};
    return q;
}

/* Negative, as an unsigned number, takes away. */
static void
outq_count(struct outq *q, size_t bytes)
{
    q->bytes += bytes;
    metric_add(q->total, bytes);
}

static size_t
segment_bytes(const struct segment *s)
{
    if (s->type != SEGMENT_COPY)
        return sizeof(*s);
    return sizeof(*s) + (size_t)(s->data - s->copy) + s->len + s->room;
}

static void
segment_free(struct outq *q, struct segment *s, int result)
{
    if (s->release)
        s->release(s->arg, result);
    buffer_give(q->buffers, s, segment_bytes(s));
}

void
outq_free(struct outq *q, int result)
{
    if (!q)
        return;
    outq_count(q, -q->bytes);
    while (q->first) {
        struct segment *s = q->first;

        q->first = s->next;
        segment_free(q, s, result);
    }
    buffer_give(q->buffers, q, sizeof(*q));
}

static struct segment *
segment_new(struct buffers *buffers, enum segment_type type, size_t room)
{
    size_t bytes = buffer_size(sizeof(struct segment) + room);
    struct segment *s = buffer_take(buffers, bytes);

    if (!s)
        return NULL;
    room = type == SEGMENT_COPY ? bytes - sizeof(*s) : 0;
    *s = (struct segment){.type = type, .fd = -1, .room = room, .data = s->copy};
    return s;
}

static struct segment *
outq_append(struct outq *q, enum segment_type type, size_t room)
{
    struct segment *s = segment_new(q->buffers, type, room);

    if (!s)
        return NULL;
    if (q->last)
        q->last->next = s;
    else
        q->first = s;
    q->last = s;
    q->guests += type != SEGMENT_COPY;
    return s;
}

/* Where the next byte of a copy goes. */
static char *
segment_end(struct segment *s)
{
    return s->copy + (s->data - s->copy) + s->len;
}

/* len bytes have been put there. */
static void
segment_fill(struct outq *q, struct segment *s, size_t len)
{
    assert(len <= s->room);
    s->len += len;
    s->room -= len;
    outq_count(q, len);
}

char *
outq_reserve(struct outq *q, size_t len)
{
    struct segment *s = q->last;

    if (!s || s->type != SEGMENT_COPY || s->room < len) {
        s = outq_append(q, SEGMENT_COPY, MAX(len, COPY_BYTES_MIN));
        if (!s)
            return NULL;
    }
    q->reserved = segment_end(s);
    return q->reserved;
}

void
outq_commit(struct outq *q, size_t len)
{
    assert(q->last && q->reserved == segment_end(q->last));
    segment_fill(q, q->last, len);
    q->reserved = NULL;
}

/* Let there be room for len bytes at the end, in several segments if need be. Returns the first of
 * them. Without memory it returns NULL, and empty segments may be left: they do no harm. */
static struct segment *
outq_room(struct outq *q, size_t len)
{
    struct segment *first = q->last && q->last->room > 0 ? q->last : NULL;
    size_t room = first ? first->room : 0;

    while (room < len) {
        size_t wanted = MIN(MAX(len - room, COPY_BYTES_MIN), COPY_BYTES_MAX);
        struct segment *s = outq_append(q, SEGMENT_COPY, wanted);

        if (!s)
            return NULL;
        if (!first)
            first = s;
        room += s->room;
    }
    return first;
}

int
outq_push_copy(struct outq *q, const void *data, size_t len)
{
    struct segment *s = outq_room(q, len);
    const char *from = data;

    if (!s && len > 0)
        return -ENOMEM;
    for (; len > 0; s = s->next) {
        size_t part;

        assert(s); /* there is room for all */
        part = MIN(len, s->room);
        memcpy(segment_end(s), from, part);
        segment_fill(q, s, part);
        from += part;
        len -= part;
    }
    return 0;
}

int
outq_push_shared(struct outq *q, const void *data, size_t len, goevd_release_fn release, void *arg)
{
    struct segment *s = outq_append(q, SEGMENT_SHARED, 0);

    if (!s)
        return -ENOMEM;
    s->data = data;
    s->len = len;
    s->release = release;
    s->arg = arg;
    outq_count(q, len);
    return 0;
}

int
outq_push_file(struct outq *q, int fd, off_t offset, size_t len, goevd_release_fn release,
               void *arg)
{
    struct segment *s = outq_append(q, SEGMENT_FILE, 0);

    if (!s)
        return -ENOMEM;
    s->fd = fd;
    s->offset = offset;
    s->ready = 0;
    s->len = len;
    s->release = release;
    s->arg = arg;
    return 0;
}

int
outq_push_pipe(struct outq *q, size_t len, goevd_release_fn release, void *arg)
{
    int r = outq_push_shared(q, NULL, len, release, arg);

    if (r < 0)
        return r;
    q->last->type = SEGMENT_PIPE;
    q->pipes++;
    return 0;
}

struct segment *
outq_spare(struct buffers *buffers, size_t room)
{
    return segment_new(buffers, SEGMENT_COPY, room);
}

void
outq_spare_free(struct buffers *buffers, struct segment *s)
{
    if (s)
        buffer_give(buffers, s, segment_bytes(s));
}

int
outq_peek(const struct outq *q, struct iovec *iov, int max, bool *ret_file)
{
    const struct segment *s;
    int n = 0;

    for (s = q->first; s && s->type < SEGMENT_FILE && n < max; s = s->next) {
        const char *data = s->data;

        memcpy(&iov[n].iov_base, &data, sizeof(data));
        iov[n++].iov_len = s->len;
    }
    *ret_file = s && s->type == SEGMENT_FILE && s->len > 0;
    return n;
}

static void
segment_took(struct outq *q, struct segment *s, size_t n)
{
    s->len -= n;
    if (s->sealed)
        q->sealed -= n;
    if (s->type == SEGMENT_FILE) {
        s->offset += (off_t)n;
        s->ready -= MIN(n, s->ready);
        return;
    }
    if (s->type != SEGMENT_PIPE)
        s->data += n;
    outq_count(q, -n);
}

/* Where the first segment hangs that is not sealed. */
static struct segment **
outq_front(struct outq *q)
{
    struct segment **at = &q->first;

    while (*at && (*at)->sealed)
        at = &(*at)->next;
    return at;
}

/* Release the segment that hangs at `at`. */
static void
outq_unlink(struct outq *q, struct segment **at, int result)
{
    struct segment *s = *at;

    if (q->last == s)
        q->last = at == &q->first ? NULL : container_of(at, struct segment, next);
    *at = s->next;
    q->guests -= s->type != SEGMENT_COPY;
    q->pipes -= s->type == SEGMENT_PIPE;
    segment_free(q, s, result);
}

void
outq_drop(struct outq *q, int result)
{
    outq_unlink(q, outq_front(q), result);
}

void
outq_took(struct outq *q, size_t n)
{
    for (;;) {
        struct segment *s = q->first;
        size_t part = s ? MIN(n, s->len) : 0;

        if (!s)
            break;
        segment_took(q, s, part);
        n -= part;
        if (s->len > 0)
            break;
        outq_unlink(q, &q->first, 0);
    }
    assert(n == 0);
}

static void
outq_insert(struct outq *q, struct segment *s)
{
    struct segment **at = outq_front(q);

    s->next = *at;
    *at = s;
    if (!s->next)
        q->last = s;
}

void
outq_push_spare(struct outq *q, struct segment *s, size_t len)
{
    segment_took(q, *outq_front(q), len);
    segment_fill(q, s, len);
    outq_insert(q, s);
}

/* The bytes lie at the end of the segment's memory, so that it has no room for more. */
int
outq_push_sealed(struct outq *q, const void *data, size_t len)
{
    struct segment *s = segment_new(q->buffers, SEGMENT_COPY, len);

    if (!s)
        return -ENOMEM;
    s->data = s->copy + (s->room - len);
    s->room = len;
    s->sealed = true;
    memcpy(segment_end(s), data, len);
    segment_fill(q, s, len);
    q->sealed += len;
    outq_insert(q, s);
    return 0;
}
