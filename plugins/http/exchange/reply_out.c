#include <stdio.h>

#include <goevd/conn.h>

#include "http/exchange/exchange.h"
#include "http/message/status.h"

/* Bytes that are given to the connection at once. */
#define PUT_BYTES_MAX 16384

/* ---- Bytes out ------------------------------------------------------------------------------- */

/* What the connection takes now; *at and *len are moved on. Returns as goevd_conn_write(). */
static int
http_reply_out_push(struct http_exchange *x, const char **at, size_t *len)
{
    size_t piece = PUT_BYTES_MAX;
    int r = 0;

    while (*len != 0) {
        size_t n = MIN(*len, piece);
        int one = goevd_conn_write(http_exchange_c(x), *at, n);

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
http_exchange_put(struct http_exchange *x, struct http_span s)
{
    int r = -ENOBUFS;

    if (x->turn)
        http_h1_batch_commit(x->turn);
    if (!http_exchange_output_waits(x))
        r = http_reply_out_push(x, &s.data, &s.len);
    if (r == -ENOBUFS)
        r = http_buffer_append(&x->rest, s.data, s.len) < 0 ? -ENOMEM : 1;
    if (r < 0 && r != -EPIPE) /* that comes before the end of the connection */
        http_exchange_break(x, 0);
    if (r == 1) {
        x->flags |= HTTP_X_DRAIN;
        if (x->turn)
            x->turn->full = true;
    }
    return r;
}

void
http_segment_done(struct http_segment *s, int result)
{
    goevd_release_fn release = s->release;

    s->len = 0;
    if (release)
        release(s->arg, result);
}

/* Returns as goevd_conn_write_shared(). */
static int
http_reply_out_push_segment(struct http_exchange *x, const struct http_segment *s)
{
    if (s->data)
        return goevd_conn_write_shared(http_exchange_c(x), s->data, s->len, s->release, s->arg);
    return goevd_conn_write_file(http_exchange_c(x), s->fd, s->offset, s->len, s->release, s->arg);
}

int
http_exchange_reply_flush(struct http_exchange *x)
{
    const char *at;
    size_t len;
    int r = 0;

    if (x->segment.len != 0) {
        r = http_reply_out_push_segment(x, &x->segment);
        if (r < 0)
            return r == -ENOBUFS ? 1 : r;
        x->segment.len = 0;
    }
    if (x->rest.len != 0) {
        at = x->rest.data + x->rest_at;
        len = x->rest.len - x->rest_at;
        r = http_reply_out_push(x, &at, &len);
        x->rest_at = x->rest.len - len;
        if (len == 0) {
            x->rest_at = 0;
            http_buffer_clear(&x->rest, HTTP_EXCHANGE_KEEP_BYTES);
        }
    }
    if (r == 0 && x->source.len != 0)
        r = http_exchange_gzip_go_on(x);
    return r == -ENOBUFS ? 1 : r;
}

void
http_exchange_reply_drop(struct http_exchange *x)
{
    if (x->segment.len != 0)
        http_segment_done(&x->segment, -EPIPE);
    http_exchange_gzip_drop(x);
    x->rest.len = x->rest_at = 0;
}

/* ---- All at once ----------------------------------------------------------------------------- */

/* "404 Not Found" */
#define REPLY_WORDS_MAX 64

/* The content of an error that has none of its own: its page, or else its status. */
static void
http_reply_out_choose_page(const struct http_exchange *x, int status, struct http_span *type,
                           struct http_span *body, char words[REPLY_WORDS_MAX])
{
    static const char plain[] = "text/plain; charset=utf-8";
    const struct http_error_page *page =
        http_error_pages_find(&x->local->http->routes.error_pages, status);
    int len;

    if (page) {
        *type = page->type;
        *body = page->body;
        return;
    }
    len = snprintf(words, REPLY_WORDS_MAX, "%d %s\n", status, http_status_phrase(status));
    *type = (struct http_span){plain, strlen(plain)};
    *body = (struct http_span){words, (size_t)len};
}

/* Returns as http_exchange_put(). */
static int
http_reply_out_put_whole(struct http_exchange *x, int status, struct http_span type,
                         struct http_span body)
{
    int r = http_exchange_head_put(x, status, type, body.len);

    if (r < 0 || (x->flags & HTTP_X_SILENT))
        return r;
    x->sent = body.len;
    return http_exchange_put(x, body);
}

/* Content that is compressed step by step. Returns as http_exchange_put(). */
static int
http_reply_out_put_steps(struct http_exchange *x, int status, struct http_span type,
                         struct http_span body)
{
    int r = http_exchange_gzip_begin(x);

    if (r < 0 || !(x->flags & HTTP_X_GZIP))
        return r < 0 ? r : http_reply_out_put_whole(x, status, type, body);
    r = http_exchange_head_put(x, status, type, body.len);
    if (r >= 0)
        r = http_exchange_write(x, body.data, body.len);
    return r < 0 ? r : http_exchange_end(x);
}

int
http_exchange_reply(struct http_exchange *x, int status, const char *type_text, size_t type_len,
                    const void *data, size_t len)
{
    struct http_span type = {type_text, type_len};
    struct http_span body = {data, len};
    char words[REPLY_WORDS_MAX];
    int r = http_exchange_head_check(x, status, type);

    if (r < 0)
        return r;
    if (status >= HTTP_ERROR_PAGES_FIRST && type_len == 0 && len == 0)
        http_reply_out_choose_page(x, status, &type, &body, words);
    r = http_exchange_head_begin(x, status, type, body.len);
    if (r == 1 && body.len > HTTP_GZIP_STEP)
        r = http_reply_out_put_steps(x, status, type, body);
    else {
        if (r == 1)
            r = http_exchange_gzip_whole(x, &body);
        if (r == 0)
            r = http_reply_out_put_whole(x, status, type, body);
    }
    if (!(x->flags & HTTP_X_BEGUN))
        return r;
    x->flags |= HTTP_X_ENDED;
    http_exchange_changed(x);
    return MIN(r, 0);
}

/* ---- Piece by piece -------------------------------------------------------------------------- */

int
http_exchange_start(struct http_exchange *x, int status, const char *type_text, size_t type_len,
                    uint64_t length)
{
    struct http_span type = {type_text, type_len};
    int r = http_exchange_head_check(x, status, type);

    if (r < 0)
        return r;
    r = http_exchange_head_begin(x, status, type, length);
    if (r == 1)
        r = http_exchange_gzip_begin(x);
    if (r == 0)
        r = http_exchange_head_put(x, status, type, length);
    if (x->flags & HTTP_X_BEGUN)
        http_exchange_changed(x);
    return r;
}

/* Whether content of that length may be written now. 1: it may, but is left out. */
static int
http_reply_out_check_write(struct http_exchange *x, size_t len)
{
    if ((x->flags & (HTTP_X_BEGUN | HTTP_X_ENDED | HTTP_X_BROKEN)) != HTTP_X_BEGUN)
        return -EPIPE;
    if (len == 0 || (x->flags & HTTP_X_SILENT))
        return 1;
    if ((x->flags & HTTP_X_SIZED) && len > x->reply_left) {
        http_exchange_break(x, 0);
        x->flags |= HTTP_X_WRONG;
        http_exchange_changed(x);
        return -EMSGSIZE;
    }
    if (!http_exchange_reply_waits(x))
        return 0;
    x->flags |= HTTP_X_DRAIN;
    return -ENOBUFS;
}

/* chunk-size CRLF, RFC 9112 section 7.1. */
static int
http_reply_out_put_chunk_size(struct http_exchange *x, size_t len)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%zx\r\n", len);

    return !(x->flags & HTTP_X_CHUNKS) ? 0
                                       : http_exchange_put(x, (struct http_span){text, (size_t)n});
}

static int
http_reply_out_put_chunk_end(struct http_exchange *x)
{
    return !(x->flags & HTTP_X_CHUNKS) ? 0 : http_exchange_put(x, (struct http_span){"\r\n", 2});
}

int
http_exchange_put_content(struct http_exchange *x, const char *data, size_t len)
{
    int size = http_reply_out_put_chunk_size(x, len);
    int r = size < 0 ? size : http_exchange_put(x, (struct http_span){data, len});
    int end = r < 0 ? r : http_reply_out_put_chunk_end(x);

    x->sent += len;
    return end < 0 ? end : size | r | end;
}

int
http_exchange_put_last(struct http_exchange *x)
{
    const struct http_span parts[] = {{"0\r\n", 3}, {x->fields.data, x->fields.len}, {"\r\n", 2}};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ARRAY_LEN(parts) && (x->flags & HTTP_X_CHUNKS); i++) {
        int one = http_exchange_put(x, parts[i]);

        r = one < 0 ? one : r | one;
    }
    return r;
}

/* After content was taken with the result r. */
static int
http_reply_out_wrote(struct http_exchange *x, size_t len, int r)
{
    if (x->flags & HTTP_X_SIZED)
        x->reply_left -= len;
    if (x->flags & HTTP_X_BROKEN)
        http_exchange_changed(x);
    return r;
}

int
http_exchange_write(struct http_exchange *x, const void *data, size_t len)
{
    int r = http_reply_out_check_write(x, len);

    if (r != 0)
        return MIN(r, 0);
    r = x->gzip ? http_exchange_gzip_write(x, data, len) : http_exchange_put_content(x, data, len);
    return http_reply_out_wrote(x, len, r);
}

/* Returns as http_exchange_put(). */
static int
http_reply_out_put_segment(struct http_exchange *x, struct http_segment *s)
{
    int r;

    if (x->turn)
        http_h1_batch_commit(x->turn);
    r = http_reply_out_push_segment(x, s);
    /* never as a whole: it is copied, and goes out as the client takes it */
    if (r == -EMSGSIZE && s->data) {
        r = http_exchange_put(x, (struct http_span){s->data, s->len});
        if (r >= 0)
            http_segment_done(s, 0);
        return r;
    }
    if (r == -ENOBUFS) {
        x->segment = *s;
        r = 1;
    }
    if (r < 0 && r != -EPIPE)
        http_exchange_break(x, 0);
    if (r == 1)
        x->flags |= HTTP_X_DRAIN;
    return r;
}

/* The same between the lines of a chunk. */
static int
http_reply_out_put_segment_chunk(struct http_exchange *x, struct http_segment *s)
{
    size_t len = s->len;
    int r = http_reply_out_put_chunk_size(x, len);
    int end;

    if (http_exchange_output_waits(x)) { /* not even that: the segment is not begun */
        x->rest.len = 0;
        return -ENOBUFS;
    }
    if (r >= 0)
        r = http_reply_out_put_segment(x, s);
    end = r < 0 ? r : http_reply_out_put_chunk_end(x);
    x->sent += len;
    return end < 0 ? end : r | end;
}

int
http_exchange_write_segment(struct http_exchange *x, const struct http_segment *segment)
{
    struct http_segment s = *segment;
    int r = http_reply_out_check_write(x, s.len);

    if (r == 1)
        http_segment_done(&s, 0);
    if (r != 0)
        return MIN(r, 0);
    r = x->gzip ? http_exchange_gzip_write_segment(x, &s) : http_reply_out_put_segment_chunk(x, &s);
    return r == -ENOBUFS ? r : http_reply_out_wrote(x, segment->len, r);
}

int
http_exchange_end(struct http_exchange *x)
{
    int r = 0;

    if ((x->flags & (HTTP_X_BEGUN | HTTP_X_ENDED | HTTP_X_BROKEN)) != HTTP_X_BEGUN)
        return -EPIPE;
    if ((x->flags & (HTTP_X_SIZED | HTTP_X_SILENT)) == HTTP_X_SIZED && x->reply_left != 0) {
        http_exchange_break(x, 0);
        x->flags |= HTTP_X_WRONG;
    } else if (!(x->flags & HTTP_X_SILENT)) {
        r = x->gzip ? http_exchange_gzip_end(x) : http_exchange_put_last(x);
    }
    x->flags |= HTTP_X_ENDED;
    http_exchange_changed(x);
    return MIN(r, 0);
}
