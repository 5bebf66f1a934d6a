/* Content that is compressed on its way out. What the handler writes goes into the stream, and what
 * comes out of that is put as content. More than GZIP_STEP bytes at once, and files, wait in the
 * exchange (`source`) and are compressed step by step: as the client takes what comes of them, and
 * with others' turns in between. */
#include <errno.h>
#include <unistd.h>

#include "http/exchange/exchange.h"
#include "http/message/coding.h"

/* ---- Before the head ------------------------------------------------------------------------- */

static bool
gzip_is_wanted(const struct http_request *req)
{
    unsigned weight = http_coding_weight(req, "gzip");

    return weight != 0 && weight >= http_coding_weight(req, "identity");
}

int
exchange_gzip_choose(struct exchange *x, int status, struct span type, uint64_t length)
{
    const struct options_gzip *o = x->handler->chain->gzip;
    int r;

    if (o == NULL)
        return 0;
    /* what a 304 stands for is not known: it may have been compressed */
    if (status != 304 && !gzip_applies(o, status, type, length, &x->fields))
        return 0;
    r = gzip_set_vary(&x->fields);
    if (r < 0 || !gzip_is_wanted(x->req))
        return r;
    return status == 304 ? gzip_weaken(&x->fields) : 1;
}

int
exchange_gzip_begin(struct exchange *x)
{
    int r;

    if ((x->flags & X_HEAD) == 0) {
        x->gzip = gzip_take(x->local->gzip, (int)x->handler->chain->gzip->level);
        if (x->gzip == NULL)
            return 0;
    }
    r = gzip_set_coding(&x->fields);
    if (r < 0)
        exchange_gzip_drop(x);
    else
        x->flags |= X_GZIP;
    return r;
}

int
exchange_gzip_whole(struct exchange *x, struct span *body)
{
    size_t n =
        gzip_whole(x->local->gzip, (int)x->handler->chain->gzip->level, body->data, body->len);

    if (n == 0)
        return 0;
    *body = (struct span){x->local->gzip->out, n};
    return gzip_set_coding(&x->fields);
}

/* ---- Content --------------------------------------------------------------------------------- */

/* Returns as exchange_put(). */
static int
gzip_put(struct exchange *x, const char *data, size_t len, int flush)
{
    struct gzip *gzip = x->local->gzip;
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
            int one = exchange_put_content(x, gzip->out, n);

            r = one < 0 ? one : r | one;
        }
    } while (r >= 0 && z->avail_out == 0);
    x->gzip_dirty = flush == Z_NO_FLUSH;
    return r;
}

static int
gzip_finish(struct exchange *x)
{
    int r = gzip_put(x, NULL, 0, Z_FINISH);
    int end;

    exchange_gzip_drop(x);
    if (r < 0)
        return r;
    end = exchange_put_last(x);
    return end < 0 ? end : r | end;
}

/* Up to GZIP_STEP bytes of the source. Returns as exchange_put(). */
static int
gzip_step(struct exchange *x)
{
    struct exchange_segment *s = &x->source;
    size_t n = MIN(s->len, GZIP_STEP);
    const char *data = s->data;
    int r;

    if (data == NULL) {
        ssize_t got = pread(s->fd, x->local->gzip->in, n, s->offset);

        if (got <= 0) { /* shorter than promised, or unreadable */
            exchange_break(x, 0);
            return -EIO;
        }
        data = x->local->gzip->in;
        n = (size_t)got;
        s->offset += got;
    } else {
        s->data = data + n;
    }
    r = gzip_put(x, data, n, Z_NO_FLUSH);
    if (r < 0)
        return r;
    s->len -= n;
    if (s->len == 0)
        exchange_segment_done(s, 0);
    return r;
}

int
exchange_gzip_go_on(struct exchange *x)
{
    int r = gzip_step(x);
    int end;

    x->gzip_full = r == 1;
    if (r < 0 || x->source.len != 0)
        return r < 0 ? r : 1;
    if ((x->flags & X_ENDED) == 0)
        return r;
    end = gzip_finish(x);
    return end < 0 ? end : r | end;
}

int
exchange_gzip_write_segment(struct exchange *x, const struct exchange_segment *s)
{
    int r;

    x->source = *s;
    r = exchange_gzip_go_on(x);
    if (r < 0) /* it stays the caller's */
        x->source.len = 0;
    if (r == 1)
        x->flags |= X_DRAIN;
    exchange_changed(x);
    return r;
}

static void
gzip_free_copy(void *arg, int result)
{
    (void)result;
    free(arg);
}

int
exchange_gzip_write(struct exchange *x, const char *data, size_t len)
{
    struct exchange_segment s = {.len = len, .release = gzip_free_copy};
    int r;

    if (len <= GZIP_STEP) {
        r = gzip_put(x, data, len, Z_NO_FLUSH);
        exchange_changed(x);
        return r;
    }
    s.arg = malloc(len);
    if (s.arg == NULL)
        return -ENOMEM;
    memcpy(s.arg, data, len);
    s.data = s.arg;
    r = exchange_gzip_write_segment(x, &s);
    if (r < 0)
        free(s.arg);
    return r;
}

int
exchange_gzip_end(struct exchange *x)
{
    return x->source.len != 0 ? 0 : gzip_finish(x);
}

/* ---- Between turns --------------------------------------------------------------------------- */

void
exchange_gzip_settle(struct exchange *x)
{
    int r = 0;

    if (exchange_output_waits(x) || (x->flags & X_BROKEN) != 0)
        return;
    if (x->source.len != 0 && !x->gzip_full)
        r = goevd_conn_timer_arm(exchange_c(x), EXCHANGE_KICK, 0, 0);
    else if (x->source.len == 0 && x->gzip_dirty && (x->flags & X_DRAIN) == 0)
        r = gzip_put(x, NULL, 0, Z_SYNC_FLUSH);
    if (r < 0 && r != -EPIPE) {
        exchange_break(x, 0);
        exchange_changed(x);
    }
}

void
exchange_gzip_drop(struct exchange *x)
{
    if (x->source.len != 0)
        exchange_segment_done(&x->source, -EPIPE);
    if (x->gzip != NULL)
        gzip_give(x->local->gzip, x->gzip);
    x->gzip = NULL;
    x->gzip_dirty = x->gzip_full = false;
}
