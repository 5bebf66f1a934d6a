#include "http/exchange/exchange.h"

#include <errno.h>
#include <string.h>

#include <goevd/metrics.h>
#include <goevd/poller.h>

#include "http/log/access.h"

/* Cookies of the connection's timers: the slot of the exchange, and the kind of timer. */
#define EXCHANGE_TIMER 1
#define EXCHANGE_KICK 2
#define EXCHANGE_COOKIE_SHIFT 2

/* ---- Results of handlers --------------------------------------------------------------------- */

int
http_exchange_wrong(const struct http_exchange *x, enum http_callback callback, ptrdiff_t r,
                    const char *may)
{
    http_handler_begin(x->local->place, x->handler, callback);
    goevd_wrong_result(r, may);
    http_handler_end(x->local->place);
    return -EINVAL;
}

/* Call a callback without arguments. Returns its result, or -EINVAL if the result is invalid. */
static int
http_exchange_call(struct http_exchange *x, enum http_callback callback,
                   int (*fn)(struct goevd_http_request *r, void *state))
{
    struct goevd_place *place = x->local->place;
    int r;

    http_handler_begin(place, x->handler, callback);
    r = fn(http_exchange_public(x), http_exchange_state(x));
    http_handler_end(place);
    return http_exchange_result(x, callback, r);
}

/* ---- Timers ---------------------------------------------------------------------------------- */

static uint64_t
http_exchange_cookie(const struct http_exchange *x, unsigned kind)
{
    return (uint64_t)x->slot << EXCHANGE_COOKIE_SHIFT | kind;
}

int
http_exchange_arm_timer(struct http_exchange *x, uint64_t delay_ns)
{
    x->flags |= HTTP_X_TIMER;
    return goevd_conn_timer_arm(x->c, http_exchange_cookie(x, EXCHANGE_TIMER), delay_ns, 0);
}

int
http_exchange_arm_kick(struct http_exchange *x)
{
    return goevd_conn_timer_arm(x->c, http_exchange_cookie(x, EXCHANGE_KICK), 0, 0);
}

struct http_exchange *
http_exchange_of_timer(struct http_local *local, uint64_t cookie)
{
    uint64_t slot = cookie >> EXCHANGE_COOKIE_SHIFT;

    return slot < local->slot_count ? local->slots[slot].exchange : NULL;
}

static void
http_exchange_cancel_timer(struct http_exchange *x)
{
    if (x->flags & HTTP_X_TIMER)
        goevd_conn_timer_cancel(x->c, http_exchange_cookie(x, EXCHANGE_TIMER));
    x->flags &= ~(uint32_t)HTTP_X_TIMER;
}

int
http_exchange_timeout(struct http_exchange *x, uint64_t cookie)
{
    int r = 0;

    if (cookie == http_exchange_cookie(x, EXCHANGE_KICK) && x->compression.source.len != 0)
        return http_exchange_drained(x);
    if (cookie == http_exchange_cookie(x, EXCHANGE_TIMER) &&
        !(x->flags & (HTTP_X_ENDED | HTTP_X_BROKEN)))
        r = http_exchange_call(x, HTTP_ON_TIMEOUT, x->handler->calls.on_timeout);
    return http_exchange_advance(x, r);
}

/* ---- Its end --------------------------------------------------------------------------------- */

void
http_exchange_close(struct http_exchange *x, enum goevd_http_reason reason)
{
    struct goevd_place *place = x->local->place;

    x->flags |= HTTP_X_BEGUN | HTTP_X_ENDED;
    for (;; x->handler--) {
        http_handler_begin(place, x->handler, HTTP_ON_CLOSE);
        if (x->handler->calls.on_close)
            x->handler->calls.on_close(http_exchange_public(x), http_exchange_state(x), reason);
        http_handler_end(place);
        if (x->handler == x->handler->chain->all)
            break;
    }
    x->magic = 0;
}

static void
http_exchange_log(struct http_exchange *x, bool aborted)
{
    struct http_access_event event = {
        .info = &x->info,
        .c = x->c,
        .status = x->reply.status == 0 ? HTTP_ACCESS_STATUS_GONE : x->reply.status,
        .bytes = x->reply.sent,
        .aborted = aborted && x->reply.status != 0,
    };

    if (!http_access_wanted(&x->local->log))
        return;
    http_access_request_read(x->req, x->wire->version(x), &event.request);
    if (x->flags & HTTP_X_USER)
        event.request.user = (struct http_span){x->user.data, x->user.len};
    http_access_write(&x->local->log, event);
}

void
http_exchange_count_open(const struct http_exchange *x, int more)
{
    const struct http *http = x->local->http;

    goevd_metric_add(http->self, x->local->poller, http->metrics.open, more);
}

void
http_exchange_note_begin(struct http_exchange *x)
{
    const struct http_durations_local *durations = &x->local->durations;

    if (durations->of && x->begun_ns == 0)
        x->begun_ns = goevd_poller_clock(durations->poller);
}

void
http_exchange_measure_first_byte(struct http_exchange *x)
{
    http_exchange_note_begin(x);
    if (x->local->durations.of)
        http_durations_first_byte(&x->local->durations, x->begun_ns);
}

void
http_exchange_measure_whole(struct http_exchange *x, unsigned count_at)
{
    http_exchange_note_begin(x);
    if (x->local->durations.of)
        http_durations_whole(&x->local->durations, x->begun_ns, count_at / HTTP_COUNTS_CLASSES);
}

/* Finish after the wire has released the exchange. */
static void
http_exchange_finish(struct http_exchange *x, enum goevd_http_reason reason)
{
    if (x->flags & HTTP_X_DEFERRED) {
        struct http_exchange **p = &x->local->deferred;

        while (*p != x)
            p = &(*p)->next;
        *p = x->next;
    }
    x->flags &= ~(uint32_t)(HTTP_X_DEFERRED | HTTP_X_IDLE); /* the exchange takes no more steps */
    if (x->reply.status == 0)
        http_exchange_count(x, 0);
    if (reason == GOEVD_HTTP_REASON_DONE)
        http_exchange_measure_whole(x, x->handler->count_at);
    http_exchange_count_open(x, -1);
    http_exchange_reply_drop(x);
    if (x->flags & HTTP_X_INFORMED)
        http_exchange_log(x,
                          reason != GOEVD_HTTP_REASON_DONE && reason != GOEVD_HTTP_REASON_UPGRADED);
    http_exchange_close(x, reason);
    http_exchange_release(x);
}

static void
http_exchange_leave(struct http_exchange *x, enum goevd_http_reason reason)
{
    x->wire->done(x, reason == GOEVD_HTTP_REASON_DONE);
    http_exchange_cancel_timer(x);
    http_exchange_finish(x, reason);
}

void
http_exchange_gone(struct http_exchange *x, enum goevd_http_reason reason)
{
    http_exchange_finish(x, reason);
}

/* Count an error of a handler, and log at most one per second. */
static void
http_exchange_complain(const struct http_exchange *x, const char *words)
{
    struct http_local *local = x->local;
    const struct http *http = local->http;
    uint64_t now = goevd_poller_now(local->poller);

    goevd_metric_add(http->self, local->poller, http->metrics.handler_errors, 1);
    if (local->complained_ns != 0 && now - local->complained_ns < NS_PER_S)
        return;
    local->complained_ns = now;
    goevd_log(http->self, GOEVD_LOG_WARNING, "the handler of the route %.*s %s",
              (int)x->handler->chain->path.len, x->handler->chain->path.data, words);
}

/* Returns as `abort` of struct http_wire does. */
static int
http_exchange_abort(struct http_exchange *x)
{
    bool refused = !(x->flags & HTTP_X_BEGUN) && x->verdict < HTTP_VERDICT_END;
    int r = x->wire->abort(x, refused ? x->verdict : 0);

    if (r == 0 && refused) {
        const struct http_reply *reply =
            &x->local->http->routes.replies.all[http_verdict_index(x->verdict)];

        x->reply.status = reply->status;
        x->reply.sent = (x->flags & HTTP_X_HEAD) ? 0 : reply->body.len;
        http_exchange_measure_first_byte(x);
        http_exchange_measure_whole(x, reply->count_at);
    }
    return r;
}

static int
http_exchange_end_broken(struct http_exchange *x)
{
    bool failed = x->verdict == 0 || x->verdict == HTTP_HANDLER_FAILED;
    enum goevd_http_reason reason = failed                 ? GOEVD_HTTP_REASON_FAILED
                                    : x->verdict == -EPIPE ? GOEVD_HTTP_REASON_GONE
                                                           : GOEVD_HTTP_REASON_REFUSED;
    int r = http_exchange_abort(x);

    if (r == -ENOBUFS) /* called again when output has drained */
        return -EBUSY;
    if (failed)
        http_exchange_complain(x, (x->flags & HTTP_X_WRONG)
                                      ? "has not written content of the announced length"
                                      : "has failed");
    http_exchange_leave(x, reason);
    return MIN(r, 0);
}

/* ---- From one step to the next --------------------------------------------------------------- */

int
http_exchange_begin(struct http_exchange *x)
{
    if (x->handler->chain->edited)
        x->flags |= HTTP_X_FIELDS;
    x->magic = HTTP_EXCHANGE_MAGIC;
    return http_exchange_call(x, HTTP_ON_REQUEST, x->handler->calls.on_request);
}

static int
http_exchange_call_next(struct http_exchange *x)
{
    http_exchange_cancel_timer(x);
    x->flags &= ~(uint32_t)HTTP_X_NEXT;
    if (x->handler + 1 == x->handler->chain->all + x->handler->chain->count)
        return http_exchange_reply(x, 404, "", 0, NULL, 0);
    x->handler++;
    return http_exchange_call(x, HTTP_ON_REQUEST, x->handler->calls.on_request);
}

/* The handler has ended the reply. */
static int
http_exchange_complete(struct http_exchange *x)
{
    if (http_exchange_reply_waits(x))
        return -EBUSY;
    if (x->flags & HTTP_X_UPGRADE)
        return x->wire->hand_over(x);
    http_exchange_leave(x, GOEVD_HTTP_REASON_DONE);
    return 0;
}

/* The warning of http_exchange_complain() has no errno, because it stands for many requests. */
static void
http_exchange_fail(struct http_exchange *x, int error)
{
    http_exchange_break(x, error == -EPIPE ? -EPIPE : HTTP_HANDLER_FAILED);
    goevd_conn_log(x->c, GOEVD_LOG_INFO, "the handler of the route %.*s has returned %d (%s)",
                   (int)x->handler->chain->path.len, x->handler->chain->path.data, error,
                   strerror(-error));
}

int
http_exchange_advance(struct http_exchange *x, ptrdiff_t r)
{
    for (;;) {
        if (r < 0 && !(x->flags & (HTTP_X_ENDED | HTTP_X_BROKEN)))
            http_exchange_fail(x, (int)r);
        if (x->flags & HTTP_X_BROKEN)
            return http_exchange_end_broken(x);
        if (x->flags & HTTP_X_ENDED)
            return http_exchange_complete(x);
        if (x->flags & HTTP_X_NEXT)
            r = http_exchange_call_next(x);
        else if ((x->flags & (HTTP_X_READ | HTTP_X_HAD_ALL | HTTP_X_BODY)) == HTTP_X_READ)
            r = http_exchange_body_last(x);
        else
            return http_exchange_wants_body(x) ? 0 : -EBUSY;
    }
}

int
http_exchange_drained(struct http_exchange *x)
{
    int r = x->compression.source.len != 0 ? http_compression_go_on(x) : 0;

    if (r < 0)
        return r;
    if (r == 0 && (x->flags & (HTTP_X_DRAIN | HTTP_X_ENDED | HTTP_X_BROKEN)) == HTTP_X_DRAIN) {
        x->flags &= ~(uint32_t)HTTP_X_DRAIN;
        if (x->handler->calls.on_drained)
            r = http_exchange_call(x, HTTP_ON_DRAINED, x->handler->calls.on_drained);
    }
    return http_exchange_advance(x, MIN(r, 0));
}

void
http_exchange_break(struct http_exchange *x, int verdict)
{
    if (!(x->flags & HTTP_X_BROKEN))
        x->verdict = verdict;
    x->flags |= HTTP_X_BROKEN;
}

int
http_exchange_took(struct http_exchange *x, int r)
{
    if (r < 0 && r != -EPIPE) /* before the connection closes */
        http_exchange_break(x, 0);
    if (r == 1)
        x->flags |= HTTP_X_DRAIN;
    return r;
}

/* ---- Changed outside of a callback ----------------------------------------------------------- */

void
http_exchange_idle(struct http_exchange *x)
{
    x->flags |= HTTP_X_IDLE;
    if (x->compression.stream)
        http_compression_flush(x);
}

void
http_exchange_changed(struct http_exchange *x)
{
    struct http_local *local = x->local;

    if ((x->flags & (HTTP_X_IDLE | HTTP_X_DEFERRED)) != HTTP_X_IDLE)
        return;
    x->flags |= HTTP_X_DEFERRED;
    x->next = local->deferred;
    local->deferred = x;
    /* without memory the exchange is handled with the next one, or when the connection ends */
    (void)goevd_timer_arm(local->kick, 0, 0);
}

void
http_exchange_kick(struct goevd_timer *timer, void *arg)
{
    struct http_local *local = arg;
    struct http_exchange *x;

    (void)timer;
    while ((x = local->deferred)) {
        local->deferred = x->next;
        x->flags &= ~(uint32_t)HTTP_X_DEFERRED;
        x->wire->run(x);
    }
}

int
http_exchange_set_user(struct http_exchange *x, const char *name, size_t len)
{
    if (len == 0 || len > GOEVD_HTTP_USER_MAX)
        return -EINVAL;
    if (http_buffer_reserve(&x->user, len) < 0)
        return -ENOMEM;
    x->user.len = 0;
    (void)http_buffer_append(&x->user, name, len);
    x->flags |= HTTP_X_USER;
    return 0;
}
