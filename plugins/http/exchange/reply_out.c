#include <stdio.h>

#include "http/exchange/exchange.h"

/* Bytes that are given to the connection at once. */
#define PUT_BYTES_MAX 16384

/* ---- Bytes out ------------------------------------------------------------------------------- */

/* What the connection takes now; *at and *len are moved on. Returns as goevd_conn_write(). */
static int
reply_push(struct exchange *x, const char **at, size_t *len)
{
    size_t piece = PUT_BYTES_MAX;
    int r = 0;

    while (*len != 0) {
        size_t n = MIN(*len, piece);
        int one = goevd_conn_write(exchange_c(x), *at, n);

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
exchange_put(struct exchange *x, struct span s)
{
    int r = -ENOBUFS;

    if (x->turn != NULL)
        turn_commit(x->turn);
    if (!exchange_output_waits(x))
        r = reply_push(x, &s.data, &s.len);
    if (r == -ENOBUFS)
        r = buffer_append(&x->rest, s.data, s.len) < 0 ? -ENOMEM : 1;
    if (r < 0 && r != -EPIPE) /* that comes before the end of the connection */
        exchange_break(x, 0);
    if (r == 1) {
        x->flags |= X_DRAIN;
        if (x->turn != NULL)
            x->turn->full = true;
    }
    return r;
}

void
exchange_segment_done(struct exchange_segment *s, int result)
{
    goevd_release_fn release = s->release;

    s->len = 0;
    if (release != NULL)
        release(s->arg, result);
}

/* Returns as goevd_conn_write_shared(). */
static int
reply_push_segment(struct exchange *x, const struct exchange_segment *s)
{
    if (s->data != NULL)
        return goevd_conn_write_shared(exchange_c(x), s->data, s->len, s->release, s->arg);
    return goevd_conn_write_file(exchange_c(x), s->fd, s->offset, s->len, s->release, s->arg);
}

int
exchange_reply_flush(struct exchange *x)
{
    const char *at;
    size_t len;
    int r = 0;

    if (x->segment.len != 0) {
        r = reply_push_segment(x, &x->segment);
        if (r < 0)
            return r == -ENOBUFS ? 1 : r;
        x->segment.len = 0;
    }
    if (x->rest.len != 0) {
        at = x->rest.data + x->rest_at;
        len = x->rest.len - x->rest_at;
        r = reply_push(x, &at, &len);
        x->rest_at = x->rest.len - len;
        if (len == 0) {
            x->rest_at = 0;
            buffer_clear(&x->rest, EXCHANGE_KEEP_BYTES);
        }
    }
    if (r == 0 && x->source.len != 0)
        r = exchange_gzip_go_on(x);
    return r == -ENOBUFS ? 1 : r;
}

void
exchange_reply_drop(struct exchange *x)
{
    if (x->segment.len != 0)
        exchange_segment_done(&x->segment, -EPIPE);
    exchange_gzip_drop(x);
    x->rest.len = x->rest_at = 0;
}

/* ---- All at once ----------------------------------------------------------------------------- */

/* "404 Not Found" */
#define REPLY_WORDS_MAX 64

/* The content of an error that has none of its own: its page, or else its status. */
static void
reply_choose_page(const struct exchange *x, int status, struct span *type, struct span *body,
                  char words[REPLY_WORDS_MAX])
{
    static const char plain[] = "text/plain; charset=utf-8";
    const struct page *page = pages_find(&x->local->http->routes.pages, status);
    int len;

    if (page != NULL) {
        *type = page->type;
        *body = page->body;
        return;
    }
    len = snprintf(words, REPLY_WORDS_MAX, "%d %s\n", status, http_status_phrase(status));
    *type = (struct span){plain, strlen(plain)};
    *body = (struct span){words, (size_t)len};
}

/* Returns as exchange_put(). */
static int
reply_put_whole(struct exchange *x, int status, struct span type, struct span body)
{
    int r = exchange_head_put(x, status, type, body.len);

    if (r < 0 || (x->flags & X_SILENT) != 0)
        return r;
    x->sent = body.len;
    return exchange_put(x, body);
}

/* Content that is compressed step by step. Returns as exchange_put(). */
static int
reply_put_steps(struct exchange *x, int status, struct span type, struct span body)
{
    int r = exchange_gzip_begin(x);

    if (r < 0 || (x->flags & X_GZIP) == 0)
        return r < 0 ? r : reply_put_whole(x, status, type, body);
    r = exchange_head_put(x, status, type, body.len);
    if (r >= 0)
        r = exchange_write(x, body.data, body.len);
    return r < 0 ? r : exchange_end(x);
}

int
exchange_reply(struct exchange *x, int status, const char *type_text, size_t type_len,
               const void *data, size_t len)
{
    struct span type = {type_text, type_len};
    struct span body = {data, len};
    char words[REPLY_WORDS_MAX];
    int r = exchange_head_check(x, status, type);

    if (r < 0)
        return r;
    if (status >= PAGES_FIRST && type_len == 0 && len == 0)
        reply_choose_page(x, status, &type, &body, words);
    r = exchange_head_begin(x, status, type, body.len);
    if (r == 1 && body.len > GZIP_STEP)
        r = reply_put_steps(x, status, type, body);
    else {
        if (r == 1)
            r = exchange_gzip_whole(x, &body);
        if (r == 0)
            r = reply_put_whole(x, status, type, body);
    }
    if ((x->flags & X_BEGUN) == 0)
        return r;
    x->flags |= X_ENDED;
    exchange_changed(x);
    return MIN(r, 0);
}

/* ---- Piece by piece -------------------------------------------------------------------------- */

int
exchange_start(struct exchange *x, int status, const char *type_text, size_t type_len,
               uint64_t length)
{
    struct span type = {type_text, type_len};
    int r = exchange_head_check(x, status, type);

    if (r < 0)
        return r;
    r = exchange_head_begin(x, status, type, length);
    if (r == 1)
        r = exchange_gzip_begin(x);
    if (r == 0)
        r = exchange_head_put(x, status, type, length);
    if ((x->flags & X_BEGUN) != 0)
        exchange_changed(x);
    return r;
}

/* Whether content of that length may be written now. 1: it may, but is left out. */
static int
reply_check_write(struct exchange *x, size_t len)
{
    if ((x->flags & (X_BEGUN | X_ENDED | X_BROKEN)) != X_BEGUN)
        return -EPIPE;
    if (len == 0 || (x->flags & X_SILENT) != 0)
        return 1;
    if ((x->flags & X_SIZED) != 0 && len > x->reply_left) {
        exchange_break(x, 0);
        x->flags |= X_WRONG;
        exchange_changed(x);
        return -EMSGSIZE;
    }
    if (!exchange_reply_waits(x))
        return 0;
    x->flags |= X_DRAIN;
    return -ENOBUFS;
}

/* chunk-size CRLF, RFC 9112 section 7.1. */
static int
reply_put_chunk_size(struct exchange *x, size_t len)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%zx\r\n", len);

    return (x->flags & X_CHUNKS) == 0 ? 0 : exchange_put(x, (struct span){text, (size_t)n});
}

static int
reply_put_chunk_end(struct exchange *x)
{
    return (x->flags & X_CHUNKS) == 0 ? 0 : exchange_put(x, (struct span){"\r\n", 2});
}

int
exchange_put_content(struct exchange *x, const char *data, size_t len)
{
    int size = reply_put_chunk_size(x, len);
    int r = size < 0 ? size : exchange_put(x, (struct span){data, len});
    int end = r < 0 ? r : reply_put_chunk_end(x);

    x->sent += len;
    return end < 0 ? end : size | r | end;
}

int
exchange_put_last(struct exchange *x)
{
    const struct span parts[] = {{"0\r\n", 3}, {x->fields.data, x->fields.len}, {"\r\n", 2}};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ARRAY_LEN(parts) && (x->flags & X_CHUNKS) != 0; i++) {
        int one = exchange_put(x, parts[i]);

        r = one < 0 ? one : r | one;
    }
    return r;
}

/* After content was taken with the result r. */
static int
reply_wrote(struct exchange *x, size_t len, int r)
{
    if ((x->flags & X_SIZED) != 0)
        x->reply_left -= len;
    if ((x->flags & X_BROKEN) != 0)
        exchange_changed(x);
    return r;
}

int
exchange_write(struct exchange *x, const void *data, size_t len)
{
    int r = reply_check_write(x, len);

    if (r != 0)
        return MIN(r, 0);
    r = x->gzip != NULL ? exchange_gzip_write(x, data, len) : exchange_put_content(x, data, len);
    return reply_wrote(x, len, r);
}

/* Returns as exchange_put(). */
static int
reply_put_segment(struct exchange *x, struct exchange_segment *s)
{
    int r;

    if (x->turn != NULL)
        turn_commit(x->turn);
    r = reply_push_segment(x, s);
    /* never as a whole: it is copied, and goes out as the client takes it */
    if (r == -EMSGSIZE && s->data != NULL) {
        r = exchange_put(x, (struct span){s->data, s->len});
        if (r >= 0)
            exchange_segment_done(s, 0);
        return r;
    }
    if (r == -ENOBUFS) {
        x->segment = *s;
        r = 1;
    }
    if (r < 0 && r != -EPIPE)
        exchange_break(x, 0);
    if (r == 1)
        x->flags |= X_DRAIN;
    return r;
}

/* The same between the lines of a chunk. */
static int
reply_put_segment_chunk(struct exchange *x, struct exchange_segment *s)
{
    size_t len = s->len;
    int r = reply_put_chunk_size(x, len);
    int end;

    if (exchange_output_waits(x)) { /* not even that: the segment is not begun */
        x->rest.len = 0;
        return -ENOBUFS;
    }
    if (r >= 0)
        r = reply_put_segment(x, s);
    end = r < 0 ? r : reply_put_chunk_end(x);
    x->sent += len;
    return end < 0 ? end : r | end;
}

int
exchange_write_segment(struct exchange *x, const struct exchange_segment *segment)
{
    struct exchange_segment s = *segment;
    int r = reply_check_write(x, s.len);

    if (r == 1)
        exchange_segment_done(&s, 0);
    if (r != 0)
        return MIN(r, 0);
    r = x->gzip != NULL ? exchange_gzip_write_segment(x, &s) : reply_put_segment_chunk(x, &s);
    return r == -ENOBUFS ? r : reply_wrote(x, segment->len, r);
}

int
exchange_end(struct exchange *x)
{
    int r = 0;

    if ((x->flags & (X_BEGUN | X_ENDED | X_BROKEN)) != X_BEGUN)
        return -EPIPE;
    if ((x->flags & (X_SIZED | X_SILENT)) == X_SIZED && x->reply_left != 0) {
        exchange_break(x, 0);
        x->flags |= X_WRONG;
    } else if ((x->flags & X_SILENT) == 0) {
        r = x->gzip != NULL ? exchange_gzip_end(x) : exchange_put_last(x);
    }
    x->flags |= X_ENDED;
    exchange_changed(x);
    return MIN(r, 0);
}
