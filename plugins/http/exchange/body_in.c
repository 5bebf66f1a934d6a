#include "http/exchange/exchange.h"
#include "http/h1/connection.h"

bool
http_exchange_body_awaited(const struct http_exchange *x)
{
    return (x->flags & (HTTP_X_READ | HTTP_X_HELD | HTTP_X_HAD_ALL | HTTP_X_ENDED |
                        HTTP_X_BROKEN)) == HTTP_X_READ;
}

uint64_t
http_exchange_body_time_left(const struct http_exchange *x)
{
    const struct http_options *o = x->local->http->options;
    uint64_t now = goevd_poller_now(x->local->poller);
    uint64_t allowed = (uint64_t)o->body_timeout;
    uint64_t taken = now > x->body_since_ns ? now - x->body_since_ns : 0;

    if (o->body_rate != 0)
        allowed += (uint64_t)((double)x->body_came / (double)o->body_rate * (double)NS_PER_S);
    return allowed > taken ? allowed - taken : 0;
}

/* ---- To the handler -------------------------------------------------------------------------- */

static ptrdiff_t
http_exchange_body_call(struct http_exchange *x, const char *data, size_t len, unsigned flags)
{
    if (flags & GOEVD_HTTP_LAST)
        x->flags |= HTTP_X_HAD_ALL;
    return x->handler->calls.on_body(http_exchange_public(x), http_exchange_state(x), data, len,
                                     flags);
}

ptrdiff_t
http_exchange_body_last(struct http_exchange *x)
{
    const char *data = !x->gathered.data ? "" : x->gathered.data;
    ptrdiff_t r = http_exchange_body_call(x, data, x->gathered.len, GOEVD_HTTP_LAST);

    return r < 0 ? r : 0;
}

/* Some content; `last`: it is known to be the last. Returns how much was taken, or negative. */
static ptrdiff_t
http_exchange_body_take(struct http_exchange *x, const char *data, size_t len, bool last)
{
    ptrdiff_t used;

    if ((x->flags & HTTP_X_GATHER) && !(last && x->gathered.len == 0))
        return http_buffer_append(&x->gathered, data, len) < 0 ? -ENOMEM : (ptrdiff_t)len;
    used = http_exchange_body_call(x, data, len, last ? GOEVD_HTTP_LAST : 0);
    assert(used <= (ptrdiff_t)len);
    if (used < 0 || (size_t)used == len)
        return used;
    if (x->flags & HTTP_X_GATHER)
        return (ptrdiff_t)len;
    x->flags &= ~(uint32_t)HTTP_X_HAD_ALL;
    x->flags |= HTTP_X_HELD;
    x->held_since_ns = goevd_poller_now(x->local->poller);
    return used;
}

/* ---- From the client ------------------------------------------------------------------------- */

static ptrdiff_t
http_exchange_body_length(struct http_h1_batch *b, struct http_exchange *x)
{
    size_t n = (size_t)MIN((uint64_t)(b->end - b->at), x->body.left);
    ptrdiff_t used = http_exchange_body_take(x, b->at, n, n == x->body.left);

    if (used < 0)
        return used;
    b->at += used;
    x->body.left -= (uint64_t)used;
    x->body_came += (uint64_t)used;
    if (x->body.left == 0)
        x->flags &= ~(uint32_t)HTTP_X_LENGTH;
    return 0;
}

static ptrdiff_t
http_exchange_body_chunked(struct http_h1_batch *b, struct http_exchange *x)
{
    struct http_chunked *d = &x->body.chunked;
    bool trailers = http_chunked_in_trailers(d);
    struct http_span data;
    ssize_t n = http_chunked_read(d, b->at, (size_t)(b->end - b->at), &data);
    ptrdiff_t used = 0;

    if (n >= 0 && x->body_came + data.len + http_chunked_known(d) > x->body_max)
        n = HTTP_LARGE_BODY;
    if (n < 0) {
        http_exchange_break(x, (int)n);
        return 0;
    }
    if (trailers && http_buffer_append(&x->trailers, b->at, (size_t)n) < 0)
        return -ENOMEM;
    if (data.len != 0)
        used = http_exchange_body_take(x, data.data, data.len, false);
    if (used < 0)
        return used;
    if ((size_t)used < data.len) {
        http_chunked_unread(d, data.len - (size_t)used);
        n -= (ssize_t)(data.len - (size_t)used);
    }
    b->at += n;
    x->body_came += (uint64_t)used;
    if (http_chunked_done(d))
        x->flags &= ~(uint32_t)HTTP_X_CHUNKED;
    return 0;
}

int
http_exchange_body(struct http_h1_batch *b)
{
    struct http_exchange *x = b->conn->exchange;
    ptrdiff_t r;

    if (!http_exchange_body_awaited(x))
        return -EBUSY;
    x->turn = b;
    r = (x->flags & HTTP_X_CHUNKED) ? http_exchange_body_chunked(b, x)
                                    : http_exchange_body_length(b, x);
    return http_exchange_advance(b, x, r);
}

/* ---- Trailers -------------------------------------------------------------------------------- */

/* The decoder has found that each is a name, a colon, a value and CR LF. */
static void
http_trailer_split(const char *line, const char *end, struct http_span *ret_name,
                   struct http_span *ret_value)
{
    const char *colon = memchr(line, ':', (size_t)(end - line));
    const char *p = colon + 1;

    while (end > p && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
        end--;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    *ret_name = (struct http_span){line, (size_t)(colon - line)};
    *ret_value = (struct http_span){p, (size_t)(end - p)};
}

bool
http_exchange_body_trailer(const struct http_exchange *x, size_t index, struct http_span *ret_name,
                           struct http_span *ret_value)
{
    const char *p = x->trailers.data;
    const char *end;

    if (x->trailers.len == 0 || !(x->flags & HTTP_X_HAD_ALL))
        return false;
    while (*p != '\r') {
        end = memchr(p, '\n', x->trailers.len - (size_t)(p - x->trailers.data));
        if (index-- == 0) {
            http_trailer_split(p, end, ret_name, ret_value);
            return true;
        }
        p = end + 1;
    }
    return false;
}

/* ---- What handlers ask for ------------------------------------------------------------------- */

int
http_exchange_read(struct http_exchange *x, uint64_t max, unsigned flags)
{
    uint64_t limit = (uint64_t)x->local->http->options->body_max;
    int r = 0;

    if (!x->handler->calls.on_body || (x->flags & HTTP_X_READ))
        return -EINVAL;
    if (x->flags & (HTTP_X_ENDED | HTTP_X_NEXT | HTTP_X_BROKEN))
        return -EPIPE;
    x->body_max = max == 0 ? limit : MIN(max, limit);
    http_exchange_changed(x);
    if ((x->flags & HTTP_X_LENGTH) && x->req->content_length > x->body_max) {
        http_exchange_break(x, HTTP_LARGE_BODY);
        return -EMSGSIZE;
    }
    x->flags |= HTTP_X_READ | ((flags & GOEVD_HTTP_GATHER) ? HTTP_X_GATHER : 0);
    x->body_since_ns = goevd_poller_now(x->local->poller);
    if ((x->flags & (HTTP_X_CONTINUE | HTTP_X_BEGUN)) == HTTP_X_CONTINUE)
        r = http_exchange_continue(x);
    x->flags &= ~(uint32_t)HTTP_X_CONTINUE;
    http_h1_conn_unpause(http_exchange_c(x), http_exchange_conn(x));
    return r;
}

void
http_exchange_resume(struct http_exchange *x)
{
    if (!(x->flags & HTTP_X_HELD))
        return;
    x->flags &= ~(uint32_t)HTTP_X_HELD;
    x->body_since_ns += goevd_poller_now(x->local->poller) - x->held_since_ns;
    http_h1_conn_unpause(http_exchange_c(x), http_exchange_conn(x));
}
