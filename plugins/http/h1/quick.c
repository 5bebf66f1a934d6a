#include "http/h1/quick.h"

#include <errno.h>

#include "http/h1/body/body.h"
#include "http/message/rows.h"

/* Longest body that is copied behind its head at once. */
#define REPLY_QUICK_MAX 16384

int
http_h1_go_on(struct http_h1_batch *b, struct http_exchange *x, int r)
{
    http_exchange_note_begin(x);
    r = http_exchange_result(x, HTTP_ON_REQUEST, r);
    if (http_h1_link_attach(b, x) < 0) {
        http_exchange_reply_drop(x);
        http_exchange_close(x, GOEVD_HTTP_REASON_GONE);
        http_exchange_reset(x);
        return -ENOMEM;
    }
    x->body.came = 0;
    return http_h1_advanced(b, x, http_exchange_advance(x, r));
}

int
http_h1_handle_any(struct http_h1_batch *b, struct http_exchange *x)
{
    int r = http_exchange_clear_state(x);

    if (r < 0)
        return r;
    r = http_exchange_begin(x);
    if (x->flags != HTTP_X_ENDED)
        return http_h1_go_on(b, x, r);
    b->at += http_h1_link(x)->head_len;
    if (b->local->http->durations.routes)
        http_durations_count_route(&b->local->durations,
                                   x->handler->count_at / HTTP_COUNTS_CLASSES);
    http_exchange_close(x, GOEVD_HTTP_REASON_DONE);
    return 0;
}

/* ---- The reply ------------------------------------------------------------------------------- */

/* Make the last head match the reply, with its Content-Length. */
static cold int
http_h1_quick_prepare(struct http_h1_batch *b, int status, const char *type, size_t type_len,
                      size_t len)
{
    struct http_head *h;

    if (status < 200 || status > 599 || type_len > HTTP_HEAD_CACHE_TYPE_MAX ||
        !http_field_value_valid(type, type_len))
        return -EINVAL;
    h = http_head_cache_get(&b->h1->head_cache, status, type, type_len);
    if (!h)
        return -ENOMEM;
    return h->body_len == len ? 0 : http_head_cache_set_length(h, len);
}

/* Copies 8 to 32 bytes. */
static hot void
http_h1_quick_copy(char *to, const char *from, size_t len)
{
    uint64_t words[4];

    if (len > 16) {
        memcpy(words, from, 16);
        memcpy(words + 2, from + len - 16, 16);
        memcpy(to, words, 16);
        memcpy(to + len - 16, words + 2, 16);
    } else {
        memcpy(words, from, 8);
        memcpy(words + 1, from + len - 8, 8);
        memcpy(to, words, 8);
        memcpy(to + len - 8, words + 1, 8);
    }
}

static hot void
http_h1_quick_count(const struct http_h1_batch *b, const struct http_exchange *x,
                    const struct http_head *h)
{
    goevd_metric_count(&b->local->counts[x->handler->count_at + h->status_class], 1);
}

/* Writes a reply to GET without header edits into the batch, from within on_request. */
__attribute__((noinline)) static int
http_h1_quick_reply_plain(struct http_exchange *x, int status, const char *type, size_t type_len,
                          const void *body, size_t len)
{
    struct http_h1_batch *b = http_h1_link(x)->batch;
    const struct http_head *h;
    char *to;

    if (len > REPLY_QUICK_MAX || (len == 0 && status >= HTTP_ERROR_PAGES_FIRST) ||
        (!http_head_cache_is_last(&b->h1->head_cache, status, type, type_len, len) &&
         http_h1_quick_prepare(b, status, type, type_len, len) < 0))
        return http_exchange_reply(x, status, type, type_len, body, len);
    h = b->h1->head_cache.last;
    if (b->room - b->used < h->len + len &&
        http_h1_batch_reserve(b, h->len + len, http_h1_link(x)->head_len) < 0)
        return http_exchange_reply(x, status, type, type_len, body, len);
    to = b->out + b->used;
    memcpy(to, h->data, h->len);
    if (len != 0)
        memcpy(to + h->len, body, len);
    b->h1->reply_guess = h->len + len;
    b->used += h->len + len;
    b->answered++;
    http_h1_quick_count(b, x, h);
    x->flags = HTTP_X_ENDED;
    return 0;
}

/* The same for the common case: the last head matches, the body is short, and there is room.
 * Written so that no register has to be saved across a call. */
int
http_h1_quick_reply(struct goevd_http_request *r, int status, const char *type, size_t type_len,
                    const void *body, size_t len)
{
    struct http_exchange *x = HTTP_EXCHANGE_GIVEN(r, "reply");
    struct http_h1_batch *b;
    const struct http_head *h;
    char *to;

    if (unlikely(x->flags != 0))
        return http_exchange_reply(x, status, type, type_len, body, len);
    b = http_h1_link(x)->batch;
    h = b->h1->head_cache.last;
    if (unlikely(!http_head_cache_is_quick(&b->h1->head_cache, status, type, type_len, len) ||
                 b->room - b->used < h->len + len))
        return http_h1_quick_reply_plain(x, status, type, type_len, body, len);
    to = b->out + b->used;
    b->used += h->len + len;
    b->answered++;
    http_h1_quick_count(b, x, h);
    x->flags = HTTP_X_ENDED;
    http_h1_quick_copy(to + h->len, body, len);
    memcpy(to, h->data, h->len);
    return 0;
}
