/* Bytes out: to the connection, or behind those that wait for it to drain. */
#include <goevd/conn.h>

#include "http/h1/link.h"

#include <errno.h>

/* Bytes that are given to the connection at once. */
#define PUT_BYTES_MAX 16384

/* What the connection takes now; *at and *len are moved on. Returns as goevd_conn_write(). */
static int
http_h1_link_push(struct http_exchange *x, const char **at, size_t *len)
{
    size_t piece = PUT_BYTES_MAX;
    int r = 0;

    while (*len != 0) {
        size_t n = MIN(*len, piece);
        int one = goevd_conn_write(x->c, *at, n);

        if (one == -EMSGSIZE && piece > 256) {
            piece /= 4;
            continue;
        }
        if (one < 0)
            return one;
        *at += n;
        *len -= n;
        r |= one;
    }
    return r;
}

int
http_h1_link_put(struct http_exchange *x, struct http_span s)
{
    struct http_h1_link *link = http_h1_link(x);
    int r = -ENOBUFS;

    if (link->batch)
        http_h1_batch_commit(link->batch);
    if (!http_h1_link_waits(link))
        r = http_h1_link_push(x, &s.data, &s.len);
    if (r == -ENOBUFS)
        r = http_buffer_append(&link->rest, s.data, s.len) < 0 ? -ENOMEM : 1;
    if (r == 1 && link->batch)
        link->batch->full = true;
    return r;
}

int
http_h1_link_put_all(struct http_exchange *x, const struct http_span *parts, size_t count)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < count; i++) {
        int one = http_h1_link_put(x, parts[i]);

        r = one < 0 ? one : r | one;
    }
    return r;
}

/* Returns as goevd_conn_write_shared(). */
static int
http_h1_link_push_segment(struct http_exchange *x, const struct http_segment *s)
{
    if (s->data)
        return goevd_conn_write_shared(x->c, s->data, s->len, s->release, s->arg);
    return goevd_conn_write_file(x->c, s->fd, s->offset, s->len, s->release, s->arg);
}

int
http_h1_link_put_segment(struct http_exchange *x, struct http_segment *s)
{
    struct http_h1_link *link = http_h1_link(x);
    int r;

    if (link->batch)
        http_h1_batch_commit(link->batch);
    r = http_h1_link_push_segment(x, s);
    /* never as a whole: it is copied, and goes out as the client takes it */
    if (r == -EMSGSIZE && s->data) {
        r = http_h1_link_put(x, (struct http_span){s->data, s->len});
        if (r >= 0)
            http_segment_done(s, 0);
        return r;
    }
    if (r == -ENOBUFS) {
        link->segment = *s;
        r = 1;
    }
    return r;
}

int
http_h1_link_flush(struct http_exchange *x)
{
    struct http_h1_link *link = http_h1_link(x);
    const char *at;
    size_t len;
    int r = 0;

    if (link->segment.len != 0) {
        r = http_h1_link_push_segment(x, &link->segment);
        if (r < 0)
            return r == -ENOBUFS ? 1 : r;
        link->segment.len = 0;
    }
    if (link->rest.len != 0) {
        at = link->rest.data + link->rest_at;
        len = link->rest.len - link->rest_at;
        r = http_h1_link_push(x, &at, &len);
        link->rest_at = link->rest.len - len;
        if (len == 0) {
            link->rest_at = 0;
            http_buffer_clear(&link->rest, HTTP_EXCHANGE_KEEP_BYTES);
        }
    }
    return r == -ENOBUFS ? 1 : r;
}
