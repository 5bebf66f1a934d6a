#include "http/exchange/exchange.h"
#include "http/h1/connection.h"

bool
exchange_body_awaited(const struct exchange *x)
{
    return (x->flags & (X_READ | X_HELD | X_HAD_ALL | X_ENDED | X_BROKEN)) == X_READ;
}

uint64_t
exchange_body_time_left(const struct exchange *x)
{
    const struct options *o = x->local->http->options;
    uint64_t now = goevd_poller_now(x->local->poller);
    uint64_t allowed = (uint64_t)o->body_timeout;
    uint64_t taken = now > x->body_since_ns ? now - x->body_since_ns : 0;

    if (o->body_rate != 0)
        allowed += (uint64_t)((double)x->body_came / (double)o->body_rate * (double)NS_PER_S);
    return allowed > taken ? allowed - taken : 0;
}

/* ---- To the handler -------------------------------------------------------------------------- */

static ptrdiff_t
exchange_body_call(struct exchange *x, const char *data, size_t len, unsigned flags)
{
    if ((flags & GOEVD_HTTP_LAST) != 0)
        x->flags |= X_HAD_ALL;
    return x->handler->calls.on_body(exchange_public(x), exchange_state(x), data, len, flags);
}

ptrdiff_t
exchange_body_last(struct exchange *x)
{
    const char *data = x->gathered.data == NULL ? "" : x->gathered.data;
    ptrdiff_t r = exchange_body_call(x, data, x->gathered.len, GOEVD_HTTP_LAST);

    return r < 0 ? r : 0;
}

/* Some content; `last`: it is known to be the last. Returns how much was taken, or negative. */
static ptrdiff_t
exchange_body_take(struct exchange *x, const char *data, size_t len, bool last)
{
    ptrdiff_t used;

    if ((x->flags & X_GATHER) != 0 && !(last && x->gathered.len == 0))
        return buffer_append(&x->gathered, data, len) < 0 ? -ENOMEM : (ptrdiff_t)len;
    used = exchange_body_call(x, data, len, last ? GOEVD_HTTP_LAST : 0);
    assert(used <= (ptrdiff_t)len);
    if (used < 0 || (size_t)used == len)
        return used;
    if ((x->flags & X_GATHER) != 0)
        return (ptrdiff_t)len;
    x->flags &= ~(uint32_t)X_HAD_ALL;
    x->flags |= X_HELD;
    x->held_since_ns = goevd_poller_now(x->local->poller);
    return used;
}

/* ---- From the client ------------------------------------------------------------------------- */

static ptrdiff_t
exchange_body_length(struct turn *t, struct exchange *x)
{
    size_t n = (size_t)MIN((uint64_t)(t->end - t->at), x->body.left);
    ptrdiff_t used = exchange_body_take(x, t->at, n, n == x->body.left);

    if (used < 0)
        return used;
    t->at += used;
    x->body.left -= (uint64_t)used;
    x->body_came += (uint64_t)used;
    if (x->body.left == 0)
        x->flags &= ~(uint32_t)X_LENGTH;
    return 0;
}

static ptrdiff_t
exchange_body_chunked(struct turn *t, struct exchange *x)
{
    struct http_chunked *d = &x->body.chunked;
    bool trailers = http_chunked_in_trailers(d);
    struct span data;
    ssize_t n = http_chunked_read(d, t->at, (size_t)(t->end - t->at), &data);
    ptrdiff_t used = 0;

    if (n >= 0 && x->body_came + data.len + http_chunked_known(d) > x->body_max)
        n = HTTP_LARGE_BODY;
    if (n < 0) {
        exchange_break(x, (int)n);
        return 0;
    }
    if (trailers && buffer_append(&x->trailers, t->at, (size_t)n) < 0)
        return -ENOMEM;
    if (data.len != 0)
        used = exchange_body_take(x, data.data, data.len, false);
    if (used < 0)
        return used;
    if ((size_t)used < data.len) {
        http_chunked_unread(d, data.len - (size_t)used);
        n -= (ssize_t)(data.len - (size_t)used);
    }
    t->at += n;
    x->body_came += (uint64_t)used;
    if (http_chunked_done(d))
        x->flags &= ~(uint32_t)X_CHUNKED;
    return 0;
}

int
exchange_body(struct turn *t)
{
    struct exchange *x = t->conn->exchange;
    ptrdiff_t r;

    if (!exchange_body_awaited(x))
        return -EBUSY;
    x->turn = t;
    r = (x->flags & X_CHUNKED) != 0 ? exchange_body_chunked(t, x) : exchange_body_length(t, x);
    return exchange_advance(t, x, r);
}

/* ---- Trailers -------------------------------------------------------------------------------- */

/* The decoder has found that each is a name, a colon, a value and CR LF. */
static void
trailer_split(const char *line, const char *end, struct span *ret_name, struct span *ret_value)
{
    const char *colon = memchr(line, ':', (size_t)(end - line));
    const char *p = colon + 1;

    while (end > p && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
        end--;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    *ret_name = (struct span){line, (size_t)(colon - line)};
    *ret_value = (struct span){p, (size_t)(end - p)};
}

bool
exchange_body_trailer(const struct exchange *x, size_t index, struct span *ret_name,
                      struct span *ret_value)
{
    const char *p = x->trailers.data;
    const char *end;

    if (x->trailers.len == 0 || (x->flags & X_HAD_ALL) == 0)
        return false;
    while (*p != '\r') {
        end = memchr(p, '\n', x->trailers.len - (size_t)(p - x->trailers.data));
        if (index-- == 0) {
            trailer_split(p, end, ret_name, ret_value);
            return true;
        }
        p = end + 1;
    }
    return false;
}

/* ---- What handlers ask for ------------------------------------------------------------------- */

int
exchange_read(struct exchange *x, uint64_t max, unsigned flags)
{
    uint64_t limit = (uint64_t)x->local->http->options->body_max;
    int r = 0;

    if (x->handler->calls.on_body == NULL || (x->flags & X_READ) != 0)
        return -EINVAL;
    if ((x->flags & (X_ENDED | X_NEXT | X_BROKEN)) != 0)
        return -EPIPE;
    x->body_max = max == 0 ? limit : MIN(max, limit);
    exchange_changed(x);
    if ((x->flags & X_LENGTH) != 0 && x->req->content_length > x->body_max) {
        exchange_break(x, HTTP_LARGE_BODY);
        return -EMSGSIZE;
    }
    x->flags |= X_READ | ((flags & GOEVD_HTTP_GATHER) != 0 ? X_GATHER : 0);
    x->body_since_ns = goevd_poller_now(x->local->poller);
    if ((x->flags & (X_CONTINUE | X_BEGUN)) == X_CONTINUE)
        r = exchange_continue(x);
    x->flags &= ~(uint32_t)X_CONTINUE;
    conn_unpause(exchange_c(x), exchange_conn(x));
    return r;
}

void
exchange_resume(struct exchange *x)
{
    if ((x->flags & X_HELD) == 0)
        return;
    x->flags &= ~(uint32_t)X_HELD;
    x->body_since_ns += goevd_poller_now(x->local->poller) - x->held_since_ns;
    conn_unpause(exchange_c(x), exchange_conn(x));
}
