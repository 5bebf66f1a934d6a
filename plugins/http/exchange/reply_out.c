#include "http/exchange/exchange.h"

#include <stdio.h>

#include "http/message/status.h"

/* ---- The wire -------------------------------------------------------------------------------- */

void
http_segment_done(struct http_segment *s, int result)
{
    goevd_release_fn release = s->release;

    s->len = 0;
    if (release)
        release(s->arg, result);
}

int
http_exchange_put_content(struct http_exchange *x, const char *data, size_t len)
{
    x->reply.sent += len;
    return http_exchange_took(x, x->wire->content(x, data, len));
}

int
http_exchange_put_end(struct http_exchange *x)
{
    return http_exchange_took(x, x->wire->end(x, &x->reply.fields));
}

void
http_exchange_reply_drop(struct http_exchange *x)
{
    x->wire->drop(x);
    http_compression_drop(x);
}

/* ---- A reply in one call --------------------------------------------------------------------- */

/* "404 Not Found" */
#define REPLY_WORDS_MAX 64

/* The content of an error reply without content: its error page, or else status and phrase. */
static void
http_reply_out_choose_page(const struct http_exchange *x, int status, struct http_span *type,
                           struct http_span *body, char words[REPLY_WORDS_MAX])
{
    static const char plain[] = "text/plain; charset=utf-8";
    const struct http_error_page *page =
        http_error_pages_find(&x->local->http->routes.replies.error_pages, status);
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

/* Returns as the functions of the wire do. */
static int
http_reply_out_put_whole(struct http_exchange *x, int status, struct http_span type,
                         struct http_span body)
{
    int r = http_exchange_head_put(x, status, type, body.len);

    if (r < 0 || (x->flags & HTTP_X_SILENT))
        return r;
    return body.len == 0 ? r : http_exchange_put_content(x, body.data, body.len);
}

/* Send content that is compressed in steps. Returns as the functions of the wire do. */
static int
http_reply_out_put_steps(struct http_exchange *x, int status, struct http_span type,
                         struct http_span body)
{
    int r = http_compression_begin(x);

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
    x->flags |= HTTP_X_WHOLE;
    if (status >= HTTP_ERROR_PAGES_FIRST && type_len == 0 && len == 0)
        http_reply_out_choose_page(x, status, &type, &body, words);
    r = http_exchange_head_begin(x, status, type,
                                 status == 304 && len == 0 ? GOEVD_HTTP_LENGTH_UNKNOWN : body.len);
    if (r == 1 && body.len > HTTP_GZIP_STEP)
        r = http_reply_out_put_steps(x, status, type, body);
    else {
        if (r == 1)
            r = http_compression_whole(x, &body);
        if (r == 0)
            r = http_reply_out_put_whole(x, status, type, body);
    }
    if (!(x->flags & HTTP_X_BEGUN))
        return r;
    x->flags |= HTTP_X_ENDED;
    http_exchange_changed(x);
    return MIN(r, 0);
}

/* ---- A reply in several calls ---------------------------------------------------------------- */

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
        r = http_compression_begin(x);
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
    if ((x->flags & HTTP_X_SIZED) && len > x->reply.left) {
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

/* Account for content that was taken with the result r. */
static int
http_reply_out_wrote(struct http_exchange *x, size_t len, int r)
{
    if (x->flags & HTTP_X_SIZED)
        x->reply.left -= len;
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
    r = x->compression.stream ? http_compression_write(x, data, len)
                              : http_exchange_put_content(x, data, len);
    return http_reply_out_wrote(x, len, r);
}

/* Undo the accounting after -ENOBUFS, if no content was taken. */
static int
http_reply_out_put_segment(struct http_exchange *x, struct http_segment *s)
{
    size_t len = s->len;
    int r = x->wire->segment(x, s);

    if (r == -ENOBUFS) {
        x->flags |= HTTP_X_DRAIN;
        return r;
    }
    x->reply.sent += len;
    return http_exchange_took(x, r);
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
    r = x->compression.stream ? http_compression_write_segment(x, &s)
                              : http_reply_out_put_segment(x, &s);
    return r == -ENOBUFS ? r : http_reply_out_wrote(x, segment->len, r);
}

int
http_exchange_end(struct http_exchange *x)
{
    int r = 0;

    if ((x->flags & (HTTP_X_BEGUN | HTTP_X_ENDED | HTTP_X_BROKEN)) != HTTP_X_BEGUN)
        return -EPIPE;
    if ((x->flags & (HTTP_X_SIZED | HTTP_X_SILENT)) == HTTP_X_SIZED && x->reply.left != 0) {
        http_exchange_break(x, 0);
        x->flags |= HTTP_X_WRONG;
    } else if (!(x->flags & HTTP_X_SILENT)) {
        r = x->compression.stream ? http_compression_end(x) : http_exchange_put_end(x);
    }
    x->flags |= HTTP_X_ENDED;
    http_exchange_changed(x);
    return MIN(r, 0);
}
