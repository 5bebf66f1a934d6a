/* Compresses content on its way out. The handler's content goes into the stream, and the stream's
 * output is sent as content. Writes of more than HTTP_GZIP_STEP bytes, and files, are stored in the
 * exchange (`source`) and compressed in steps: when the client has taken the previous output, and
 * with a chance for other connections between two steps. */
#include <errno.h>
#include <unistd.h>

#include "http/exchange/exchange.h"
#include "http/message/coding/coding.h"

/* ---- Before the head ------------------------------------------------------------------------- */

static bool
http_compression_is_wanted(const struct http_request *req)
{
    unsigned weight = http_coding_weight(req, "gzip");

    return weight != 0 && weight >= http_coding_weight(req, "identity");
}

int
http_compression_choose(struct http_exchange *x, int status, struct http_span type, uint64_t length)
{
    const struct http_options_gzip *o = x->handler->chain->gzip;
    int r;

    if (!o || !http_gzip_applies(o, status, type, length, &x->reply.fields))
        return 0;
    r = http_gzip_set_vary(&x->reply.fields);
    /* a partial reply (206) covers the uncompressed content, and so does its ETag */
    if (r < 0 || status == 206 || !http_compression_is_wanted(x->req))
        return r;
    return status == 304 ? http_gzip_weaken(&x->reply.fields) : 1;
}

int
http_compression_begin(struct http_exchange *x)
{
    int r;

    if (!(x->flags & HTTP_X_HEAD)) {
        x->compression.stream = http_gzip_take(x->local->gzip, (int)x->handler->chain->gzip->level);
        if (!x->compression.stream)
            return 0;
    }
    r = http_gzip_set_coding(&x->reply.fields);
    if (r < 0)
        http_compression_drop(x);
    else
        x->flags |= HTTP_X_GZIP;
    return r;
}

int
http_compression_whole(struct http_exchange *x, struct http_span *body)
{
    size_t n =
        http_gzip_whole(x->local->gzip, (int)x->handler->chain->gzip->level, body->data, body->len);

    if (n == 0)
        return 0;
    *body = (struct http_span){x->local->gzip->out, n};
    return http_gzip_set_coding(&x->reply.fields);
}

/* ---- Content --------------------------------------------------------------------------------- */

/* Returns as the functions of the wire do. */
static int
http_compression_put(struct http_exchange *x, const char *data, size_t len, int flush)
{
    struct http_gzip *gzip = x->local->gzip;
    z_stream *z = &x->compression.stream->z;
    int r = 0;

    gzip->worked += len;
    z->next_in = (Bytef *)(uintptr_t)data;
    z->avail_in = (uInt)len;
    do {
        size_t n;

        z->next_out = (Bytef *)gzip->out;
        z->avail_out = (uInt)sizeof(gzip->out);
        (void)deflate(z, flush);
        n = sizeof(gzip->out) - z->avail_out;
        if (n != 0) {
            int one = http_exchange_put_content(x, gzip->out, n);

            r = one < 0 ? one : r | one;
        }
    } while (r >= 0 && z->avail_out == 0);
    x->compression.dirty = flush == Z_NO_FLUSH;
    return r;
}

static int
http_compression_finish(struct http_exchange *x)
{
    int r = http_compression_put(x, NULL, 0, Z_FINISH);
    int end;

    http_compression_drop(x);
    if (r < 0)
        return r;
    end = http_exchange_put_end(x);
    return end < 0 ? end : r | end;
}

/* Compress up to HTTP_GZIP_STEP bytes of the source. Returns as the functions of the wire do. */
static int
http_compression_step(struct http_exchange *x)
{
    struct http_segment *s = &x->compression.source;
    size_t n = MIN(s->len, HTTP_GZIP_STEP);
    const char *data = s->data;
    int r;

    if (!data) {
        ssize_t got = pread(s->fd, x->local->gzip->in, n, s->offset);

        if (got <= 0) { /* the file is shorter than announced, or unreadable */
            http_exchange_break(x, 0);
            return -EIO;
        }
        data = x->local->gzip->in;
        n = (size_t)got;
        s->offset += got;
    } else {
        s->data = data + n;
    }
    r = http_compression_put(x, data, n, Z_NO_FLUSH);
    if (r < 0)
        return r;
    s->len -= n;
    if (s->len == 0)
        http_segment_done(s, 0);
    return r;
}

int
http_compression_go_on(struct http_exchange *x)
{
    int r = http_compression_step(x);
    int end;

    x->compression.full = r == 1;
    if (r < 0 || x->compression.source.len != 0)
        return r < 0 ? r : 1;
    if (!(x->flags & HTTP_X_ENDED))
        return r;
    end = http_compression_finish(x);
    return end < 0 ? end : r | end;
}

int
http_compression_write_segment(struct http_exchange *x, const struct http_segment *s)
{
    int r;

    x->compression.source = *s;
    r = http_compression_go_on(x);
    if (r < 0) /* the segment still belongs to the caller */
        x->compression.source.len = 0;
    if (r == 1)
        x->flags |= HTTP_X_DRAIN;
    http_exchange_changed(x);
    return r;
}

static void
http_compression_free_copy(void *arg, int result)
{
    (void)result;
    free(arg);
}

int
http_compression_write(struct http_exchange *x, const char *data, size_t len)
{
    struct http_segment s = {.len = len, .release = http_compression_free_copy};
    int r;

    if (len <= HTTP_GZIP_STEP) {
        r = http_compression_put(x, data, len, Z_NO_FLUSH);
        http_exchange_changed(x);
        return r;
    }
    s.arg = malloc(len);
    if (!s.arg)
        return -ENOMEM;
    memcpy(s.arg, data, len);
    s.data = s.arg;
    r = http_compression_write_segment(x, &s);
    if (r < 0)
        free(s.arg);
    return r;
}

int
http_compression_end(struct http_exchange *x)
{
    return x->compression.source.len != 0 ? 0 : http_compression_finish(x);
}

/* ---- Between two steps ----------------------------------------------------------------------- */

void
http_compression_flush(struct http_exchange *x)
{
    int r = 0;

    if (!x->wire->room(x) || (x->flags & HTTP_X_BROKEN))
        return;
    if (x->compression.source.len != 0 && !x->compression.full)
        r = http_exchange_arm_kick(x);
    else if (x->compression.source.len == 0 && x->compression.dirty && !(x->flags & HTTP_X_DRAIN))
        r = http_compression_put(x, NULL, 0, Z_SYNC_FLUSH);
    if (r < 0 && r != -EPIPE) {
        http_exchange_break(x, 0);
        http_exchange_changed(x);
    }
}

void
http_compression_drop(struct http_exchange *x)
{
    if (x->compression.source.len != 0)
        http_segment_done(&x->compression.source, -EPIPE);
    if (x->compression.stream)
        http_gzip_give(x->local->gzip, x->compression.stream);
    x->compression.stream = NULL;
    x->compression.dirty = x->compression.full = false;
}
