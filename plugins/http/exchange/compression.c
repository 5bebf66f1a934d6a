/* Content that is compressed on its way out. What the handler writes goes into the stream, and what
 * comes out of that is put as content. More than HTTP_GZIP_STEP bytes at once, and files, wait in
 * the exchange (`source`) and are compressed step by step: as the client takes what comes of them,
 * and with others' turns in between. */
#include <errno.h>
#include <unistd.h>

#include "http/exchange/exchange.h"
#include "http/message/coding.h"

/* ---- Before the head ------------------------------------------------------------------------- */

static bool
http_gzip_is_wanted(const struct http_request *req)
{
    unsigned weight = http_coding_weight(req, "gzip");

    return weight != 0 && weight >= http_coding_weight(req, "identity");
}

int
http_exchange_gzip_choose(struct http_exchange *x, int status, struct http_span type,
                          uint64_t length)
{
    const struct http_options_gzip *o = x->handler->chain->gzip;
    int r;

    if (!o)
        return 0;
    /* what a 304 stands for is not known: it may have been compressed */
    if (status != 304 && !http_gzip_applies(o, status, type, length, &x->fields))
        return 0;
    r = http_gzip_set_vary(&x->fields);
    if (r < 0 || !http_gzip_is_wanted(x->req))
        return r;
    return status == 304 ? http_gzip_weaken(&x->fields) : 1;
}

int
http_exchange_gzip_begin(struct http_exchange *x)
{
    int r;

    if (!(x->flags & HTTP_X_HEAD)) {
        x->gzip = http_gzip_take(x->local->gzip, (int)x->handler->chain->gzip->level);
        if (!x->gzip)
            return 0;
    }
    r = http_gzip_set_coding(&x->fields);
    if (r < 0)
        http_exchange_gzip_drop(x);
    else
        x->flags |= HTTP_X_GZIP;
    return r;
}

int
http_exchange_gzip_whole(struct http_exchange *x, struct http_span *body)
{
    size_t n =
        http_gzip_whole(x->local->gzip, (int)x->handler->chain->gzip->level, body->data, body->len);

    if (n == 0)
        return 0;
    *body = (struct http_span){x->local->gzip->out, n};
    return http_gzip_set_coding(&x->fields);
}

/* ---- Content --------------------------------------------------------------------------------- */

/* Returns as http_exchange_put(). */
static int
http_gzip_put(struct http_exchange *x, const char *data, size_t len, int flush)
{
    struct http_gzip *gzip = x->local->gzip;
    z_stream *z = &x->gzip->z;
    int r = 0;

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
    x->gzip_dirty = flush == Z_NO_FLUSH;
    return r;
}

static int
http_gzip_finish(struct http_exchange *x)
{
    int r = http_gzip_put(x, NULL, 0, Z_FINISH);
    int end;

    http_exchange_gzip_drop(x);
    if (r < 0)
        return r;
    end = http_exchange_put_last(x);
    return end < 0 ? end : r | end;
}

/* Up to HTTP_GZIP_STEP bytes of the source. Returns as http_exchange_put(). */
static int
http_gzip_step(struct http_exchange *x)
{
    struct http_segment *s = &x->source;
    size_t n = MIN(s->len, HTTP_GZIP_STEP);
    const char *data = s->data;
    int r;

    if (!data) {
        ssize_t got = pread(s->fd, x->local->gzip->in, n, s->offset);

        if (got <= 0) { /* shorter than promised, or unreadable */
            http_exchange_break(x, 0);
            return -EIO;
        }
        data = x->local->gzip->in;
        n = (size_t)got;
        s->offset += got;
    } else {
        s->data = data + n;
    }
    r = http_gzip_put(x, data, n, Z_NO_FLUSH);
    if (r < 0)
        return r;
    s->len -= n;
    if (s->len == 0)
        http_segment_done(s, 0);
    return r;
}

int
http_exchange_gzip_go_on(struct http_exchange *x)
{
    int r = http_gzip_step(x);
    int end;

    x->gzip_full = r == 1;
    if (r < 0 || x->source.len != 0)
        return r < 0 ? r : 1;
    if (!(x->flags & HTTP_X_ENDED))
        return r;
    end = http_gzip_finish(x);
    return end < 0 ? end : r | end;
}

int
http_exchange_gzip_write_segment(struct http_exchange *x, const struct http_segment *s)
{
    int r;

    x->source = *s;
    r = http_exchange_gzip_go_on(x);
    if (r < 0) /* it stays the caller's */
        x->source.len = 0;
    if (r == 1)
        x->flags |= HTTP_X_DRAIN;
    http_exchange_changed(x);
    return r;
}

static void
http_gzip_free_copy(void *arg, int result)
{
    (void)result;
    free(arg);
}

int
http_exchange_gzip_write(struct http_exchange *x, const char *data, size_t len)
{
    struct http_segment s = {.len = len, .release = http_gzip_free_copy};
    int r;

    if (len <= HTTP_GZIP_STEP) {
        r = http_gzip_put(x, data, len, Z_NO_FLUSH);
        http_exchange_changed(x);
        return r;
    }
    s.arg = malloc(len);
    if (!s.arg)
        return -ENOMEM;
    memcpy(s.arg, data, len);
    s.data = s.arg;
    r = http_exchange_gzip_write_segment(x, &s);
    if (r < 0)
        free(s.arg);
    return r;
}

int
http_exchange_gzip_end(struct http_exchange *x)
{
    return x->source.len != 0 ? 0 : http_gzip_finish(x);
}

/* ---- Between turns --------------------------------------------------------------------------- */

void
http_exchange_gzip_settle(struct http_exchange *x)
{
    int r = 0;

    if (http_exchange_output_waits(x) || (x->flags & HTTP_X_BROKEN))
        return;
    if (x->source.len != 0 && !x->gzip_full)
        r = goevd_conn_timer_arm(http_exchange_c(x), HTTP_EXCHANGE_KICK, 0, 0);
    else if (x->source.len == 0 && x->gzip_dirty && !(x->flags & HTTP_X_DRAIN))
        r = http_gzip_put(x, NULL, 0, Z_SYNC_FLUSH);
    if (r < 0 && r != -EPIPE) {
        http_exchange_break(x, 0);
        http_exchange_changed(x);
    }
}

void
http_exchange_gzip_drop(struct http_exchange *x)
{
    if (x->source.len != 0)
        http_segment_done(&x->source, -EPIPE);
    if (x->gzip)
        http_gzip_give(x->local->gzip, x->gzip);
    x->gzip = NULL;
    x->gzip_dirty = x->gzip_full = false;
}
