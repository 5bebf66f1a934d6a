#include "http/exchange/exchange.h"

uint64_t
http_exchange_body_time_left(const struct http_exchange *x)
{
    const struct http_options *o = x->local->http->options;
    uint64_t now = goevd_poller_now(x->local->poller);
    uint64_t allowed = (uint64_t)o->body_timeout_ns;
    uint64_t taken = now > x->body.since_ns ? now - x->body.since_ns : 0;

    if (o->body_rate != 0)
        allowed += (uint64_t)((double)x->body.came / (double)o->body_rate * (double)NS_PER_S);
    return allowed > taken ? allowed - taken : 0;
}

/* ---- To the handler -------------------------------------------------------------------------- */

static ptrdiff_t
http_exchange_body_call(struct http_exchange *x, const char *data, size_t len, unsigned flags)
{
    struct goevd_place *place = x->local->place;
    ptrdiff_t used;

    if (flags & GOEVD_HTTP_LAST)
        x->flags |= HTTP_X_HAD_ALL;
    http_handler_begin(place, x->handler, HTTP_ON_BODY);
    used = x->handler->calls.on_body(http_exchange_public(x), http_exchange_state(x), data, len,
                                     flags);
    http_handler_end(place);
    if (unlikely(used > (ptrdiff_t)len))
        return http_exchange_wrong(x, HTTP_ON_BODY, used,
                                   "the bytes that it has taken, or a negative errno");
    return used;
}

ptrdiff_t
http_exchange_body_last(struct http_exchange *x)
{
    const char *data = !x->body.gathered.data ? "" : x->body.gathered.data;
    ptrdiff_t r = http_exchange_body_call(x, data, x->body.gathered.len, GOEVD_HTTP_LAST);

    return r < 0 ? r : 0;
}

/* Returns the number of bytes taken, or a negative value. */
static ptrdiff_t
http_exchange_body_take(struct http_exchange *x, const char *data, size_t len, bool last)
{
    ptrdiff_t used;

    if ((x->flags & HTTP_X_GATHER) && !(last && x->body.gathered.len == 0))
        return http_buffer_append(&x->body.gathered, data, len) < 0 ? -ENOMEM : (ptrdiff_t)len;
    used = http_exchange_body_call(x, data, len, last ? GOEVD_HTTP_LAST : 0);
    if (used < 0 || (size_t)used == len)
        return used;
    if (x->flags & HTTP_X_GATHER)
        return (ptrdiff_t)len;
    x->flags &= ~(uint32_t)HTTP_X_HAD_ALL;
    x->flags |= HTTP_X_HELD;
    x->body.held_since_ns = goevd_poller_now(x->local->poller);
    return used;
}

ptrdiff_t
http_exchange_body(struct http_exchange *x, const char *data, size_t len, bool last)
{
    ptrdiff_t used = http_exchange_body_take(x, data, len, last);

    if (used > 0)
        x->body.came += (uint64_t)used;
    return used;
}

int
http_exchange_body_trailers(struct http_exchange *x, const char *data, size_t len)
{
    return http_buffer_append(&x->body.trailers, data, len);
}

/* ---- Trailers -------------------------------------------------------------------------------- */

/* The decoder has verified that each line is a name, a colon, a value and CR LF. */
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
    const char *p = x->body.trailers.data;
    const char *end;

    if (x->body.trailers.len == 0 || !(x->flags & HTTP_X_HAD_ALL))
        return false;
    while (*p != '\r') {
        end = memchr(p, '\n', x->body.trailers.len - (size_t)(p - x->body.trailers.data));
        if (index-- == 0) {
            http_trailer_split(p, end, ret_name, ret_value);
            return true;
        }
        p = end + 1;
    }
    return false;
}

/* ---- Called by handlers ---------------------------------------------------------------------- */

int
http_exchange_read(struct http_exchange *x, uint64_t max, unsigned flags)
{
    uint64_t limit = (uint64_t)x->local->http->options->body_max;

    if (!x->handler->calls.on_body || (x->flags & HTTP_X_READ))
        return -EINVAL;
    if (x->flags & (HTTP_X_ENDED | HTTP_X_NEXT | HTTP_X_BROKEN))
        return -EPIPE;
    x->body.max = max == 0 ? limit : MIN(max, limit);
    http_exchange_changed(x);
    if ((x->req->flags & HTTP_LENGTH) && x->req->content_length > x->body.max) {
        http_exchange_break(x, HTTP_LARGE_BODY);
        return -EMSGSIZE;
    }
    x->flags |= HTTP_X_READ | ((flags & GOEVD_HTTP_GATHER) ? HTTP_X_GATHER : 0);
    x->body.since_ns = goevd_poller_now(x->local->poller);
    return MIN(http_exchange_took(x, x->wire->want(x)), 0);
}

void
http_exchange_resume(struct http_exchange *x)
{
    if (!(x->flags & HTTP_X_HELD))
        return;
    x->flags &= ~(uint32_t)HTTP_X_HELD;
    x->body.since_ns += goevd_poller_now(x->local->poller) - x->body.held_since_ns;
    (void)http_exchange_took(x, x->wire->want(x));
}
