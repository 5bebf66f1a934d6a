#include "http/exchange/exchange.h"

#include <goevd/hosting.h>
#include <goevd/metrics.h>
#include <goevd/poller.h>

#include "http/h1/connection.h"
#include "http/log/access.h"

/* Free ones that keep their memory for the next request; of others only the struct is kept. */
#define EXCHANGE_SPARE_MAX 32

/* ---- Memory ---------------------------------------------------------------------------------- */

static struct http_exchange *
http_exchange_new(struct http_local *local)
{
    struct http_exchange *x = calloc(1, sizeof(*x));
    struct http_exchange_slot *slots;

    if (!x || local->slot_count == HTTP_EXCHANGE_SLOTS_MAX)
        goto no_memory;
    if ((local->slot_count & (local->slot_count - 1)) == 0) {
        slots = reallocarray(local->slots, MAX(local->slot_count * 2, 1), sizeof(*slots));
        if (!slots)
            goto no_memory;
        local->slots = slots;
    }
    x->slot = (uint32_t)local->slot_count++;
    local->slots[x->slot] = (struct http_exchange_slot){x, 1};
    x->local = local;
    x->req = local->request;
    return x;

no_memory:
    free(x);
    return NULL;
}

int
http_exchange_make(struct http_local *local)
{
    struct http_exchange *x = local->free;

    if (x) {
        local->free = x->next;
        local->free_count--;
    } else {
        x = http_exchange_new(local);
    }
    if (!x)
        return -ENOMEM;
    local->fresh = x;
    return 0;
}

/* Let go of memory beyond `keep` bytes of each kind. */
static void
http_exchange_trim(struct http_exchange *x, size_t keep)
{
    http_buffer_clear(&x->gathered, keep);
    http_buffer_clear(&x->trailers, keep);
    http_buffer_clear(&x->fields, keep);
    http_buffer_clear(&x->rest, keep);
    http_buffer_clear(&x->user, keep);
    http_buffer_clear(&x->copy, keep);
    if (x->state_room <= keep)
        return;
    free(x->state);
    x->state = NULL;
    x->state_room = 0;
}

void
http_exchange_free_all(struct http_local *local)
{
    for (size_t i = 0; i < local->slot_count; i++) {
        struct http_exchange *x = local->slots[i].exchange;

        http_exchange_trim(x, 0);
        free(x);
    }
    free(local->slots);
}

/* Let it be ready for another request. */
static void
http_exchange_reset(struct http_exchange *x)
{
    struct http_local *local = x->local;

    if (x->flags & HTTP_X_NAMED)
        local->slots[x->slot].generation++;
    http_exchange_trim(x, local->free_count < EXCHANGE_SPARE_MAX ? HTTP_EXCHANGE_KEEP_BYTES : 0);
    x->turn = NULL;
    x->req = local->request;
    x->flags = 0;
    x->verdict = 0;
    x->status = 0;
    x->sent = 0;
    x->info.id_len = 0;
    x->rest_at = 0;
}

static void
http_exchange_release(struct http_exchange *x)
{
    struct http_local *local = x->local;

    http_exchange_reset(x);
    x->next = local->free;
    local->free = x;
    local->free_count++;
}

/* Room for the states of the handlers, zeroed. */
static int
http_exchange_clear_state(struct http_exchange *x)
{
    size_t size = x->handler->chain->state_size;

    if (x->state_room < size) {
        char *state = realloc(x->state, size);

        if (!state)
            return -ENOMEM;
        x->state = state;
        x->state_room = size;
    }
    if (size != 0)
        memset(x->state, 0, size);
    return 0;
}

/* ---- Its end --------------------------------------------------------------------------------- */

/* Let the connection read on where the handler has left off. */
static void
http_exchange_pass_body(struct http_h1_batch *b, struct http_exchange *x)
{
    struct http_h1_conn *conn = b->conn;

    if (x->flags & HTTP_X_LENGTH) {
        conn->left = x->body.left;
    } else {
        conn->chunked = x->body.chunked;
        conn->body = 0;
    }
    conn->flags |= (uint16_t)(HTTP_H1_ANSWERED |
                              ((x->flags & HTTP_X_LENGTH) ? HTTP_H1_LENGTH : HTTP_H1_CHUNKED));
}

static bool
http_exchange_body_too_long(const struct http_exchange *x)
{
    return (x->flags & HTTP_X_LENGTH) &&
           x->body.left > (uint64_t)x->local->http->options->body_discard_max;
}

/* The rest of a chunked body would be counted where requests are. */
static bool
http_exchange_chunks_count(const struct http_exchange *x)
{
    return (x->flags & HTTP_X_CHUNKED) && x->local->http->options->requests_max != 0;
}

/* What becomes of the connection. */
static void
http_exchange_leave(struct http_h1_batch *b, struct http_exchange *x, bool broken)
{
    bool body = x->flags & HTTP_X_BODY;
    bool closes = broken;

    b->answered += !broken;
    closes |= x->flags & HTTP_X_CLOSE; /* not HTTP_H1_STOP: the head may have been out before */
    closes |= body && ((b->conn->flags & HTTP_H1_EOF) || http_exchange_body_too_long(x));
    closes |= http_exchange_chunks_count(x);
    if (!closes && body)
        http_exchange_pass_body(b, x);
    if (!closes)
        return;
    b->stop_at = 0;
    if (body)
        b->close_flags = GOEVD_CLOSE_FLUSH;
}

static void
http_exchange_cancel_timer(struct http_exchange *x)
{
    if (x->flags & HTTP_X_TIMER)
        goevd_conn_timer_cancel(http_exchange_c(x), HTTP_EXCHANGE_TIMER);
    x->flags &= ~(uint32_t)HTTP_X_TIMER;
}

/* Tell all handlers that have had it, the last one first. */
static void
http_exchange_close(struct http_exchange *x, enum goevd_http_reason reason)
{
    x->flags |= HTTP_X_BEGUN | HTTP_X_ENDED;
    for (;; x->handler--) {
        if (x->handler->calls.on_close)
            x->handler->calls.on_close(http_exchange_public(x), http_exchange_state(x), reason);
        if (x->handler == x->handler->chain->all)
            break;
    }
}

/* b: NULL once the connection has ended. */
static void
http_exchange_finish(struct http_h1_batch *b, struct http_exchange *x,
                     enum goevd_http_reason reason)
{
    struct http_h1_conn *conn = http_exchange_conn(x);

    conn->flags &= (uint16_t)~HTTP_H1_EXCHANGE;
    conn->left = 0;
    if (b) {
        http_exchange_leave(b, x, reason != GOEVD_HTTP_REASON_DONE);
        http_exchange_cancel_timer(x);
        http_h1_conn_unpause(http_exchange_c(x), conn);
    }
    if (x->flags & HTTP_X_DEFERRED) {
        struct http_exchange **p = &x->local->deferred;

        while (*p != x)
            p = &(*p)->next;
        *p = x->next;
    }
    http_exchange_reply_drop(x);
    if (x->flags & HTTP_X_INFORMED)
        http_access_exchange(x);
    http_exchange_close(x, reason);
    http_exchange_release(x);
}

void
http_exchange_gone(struct http_h1_conn *conn, enum goevd_reason reason)
{
    struct http_exchange *x = conn->exchange;
    bool upgraded = reason == GOEVD_REASON_UPGRADED;

    x->turn = NULL;
    http_exchange_finish(NULL, x, upgraded ? GOEVD_HTTP_REASON_UPGRADED : GOEVD_HTTP_REASON_GONE);
}

/* Count an error of a handler, and log one in a second. */
static void
http_exchange_complain(const struct http_exchange *x, const char *words)
{
    struct http_local *local = x->local;
    const struct http *http = local->http;
    uint64_t now = goevd_poller_now(local->poller);

    goevd_metric_add(http->self, local->poller, http->figures.handler_errors, 1);
    if (local->complained_ns != 0 && now - local->complained_ns < NS_PER_S)
        return;
    local->complained_ns = now;
    goevd_log(http->self, GOEVD_LOG_WARNING, "the handler of the route %.*s %s",
              (int)x->handler->chain->path.len, x->handler->chain->path.data, words);
}

static int
http_exchange_fail(struct http_h1_batch *b, struct http_exchange *x)
{
    const struct http_reply *reply =
        &b->local->http->routes.replies[http_verdict_index(x->verdict)];
    bool head_only = x->flags & HTTP_X_HEAD;
    int r = http_h1_batch_fail(b, x->verdict, head_only);

    if (r == 0) {
        x->status = reply->status;
        x->sent = head_only ? 0 : reply->body.len;
    }
    return r;
}

static int
http_exchange_end_broken(struct http_h1_batch *b, struct http_exchange *x)
{
    bool failed = x->verdict == 0 || x->verdict == HTTP_HANDLER_FAILED;
    enum goevd_http_reason reason = failed                 ? GOEVD_HTTP_REASON_FAILED
                                    : x->verdict == -EPIPE ? GOEVD_HTTP_REASON_GONE
                                                           : GOEVD_HTTP_REASON_REFUSED;
    int r = 0;

    if (!(x->flags & HTTP_X_BEGUN) && x->verdict < HTTP_VERDICT_END)
        r = http_exchange_fail(b, x);
    else
        http_h1_batch_commit(b);
    if (r == -ENOBUFS) /* again when output has drained */
        return -EBUSY;
    if (failed)
        http_exchange_complain(
            x, (x->flags & HTTP_X_WRONG) ? "has not written what it had announced" : "has failed");
    b->close_flags = GOEVD_CLOSE_FLUSH;
    http_exchange_finish(b, x, reason);
    return MIN(r, 0);
}

/* ---- From one step to the next --------------------------------------------------------------- */

static int
http_exchange_call_next(struct http_exchange *x)
{
    http_exchange_cancel_timer(x);
    x->flags &= ~(uint32_t)HTTP_X_NEXT;
    if (x->handler + 1 == x->handler->chain->all + x->handler->chain->count)
        return http_exchange_reply(x, 404, "", 0, NULL, 0);
    x->handler++;
    return x->handler->calls.on_request(http_exchange_public(x), http_exchange_state(x));
}

static int
http_exchange_take_upgrade(struct http_h1_batch *b, struct http_exchange *x)
{
    http_h1_batch_commit(b);
    if (b->outside)
        return goevd_conn_timer_arm(http_exchange_c(x), HTTP_EXCHANGE_KICK, 0, 0) < 0 ? -ENOMEM
                                                                                      : -EBUSY;
    return goevd_conn_upgrade(http_exchange_c(x), x->upgrade_to, x->upgrade_state, x->upgrade_len) <
                   0
               ? -ENOMEM
               : -EBUSY;
}

/* The handler has said all. */
static int
http_exchange_complete(struct http_h1_batch *b, struct http_exchange *x)
{
    if (http_exchange_reply_waits(x))
        return -EBUSY;
    if (x->flags & HTTP_X_UPGRADE)
        return http_exchange_take_upgrade(b, x);
    http_exchange_finish(b, x, GOEVD_HTTP_REASON_DONE);
    return 0;
}

int
http_exchange_advance(struct http_h1_batch *b, struct http_exchange *x, ptrdiff_t r)
{
    for (;;) {
        if (r < 0 && !(x->flags & (HTTP_X_ENDED | HTTP_X_BROKEN)))
            http_exchange_break(x, r == -EPIPE ? -EPIPE : HTTP_HANDLER_FAILED);
        if (x->flags & HTTP_X_BROKEN)
            return http_exchange_end_broken(b, x);
        if (x->flags & HTTP_X_ENDED)
            return http_exchange_complete(b, x);
        if (x->flags & HTTP_X_NEXT)
            r = http_exchange_call_next(x);
        else if ((x->flags & (HTTP_X_READ | HTTP_X_HAD_ALL | HTTP_X_BODY)) == HTTP_X_READ)
            r = http_exchange_body_last(x);
        else if (http_exchange_body_awaited(x) && (b->conn->flags & HTTP_H1_EOF))
            http_exchange_break(x, HTTP_BAD_END);
        else
            return http_exchange_body_awaited(x) ? 0 : -EBUSY;
    }
}

/* It lasts: the connection knows it, and the poller takes another for the next request. */
static int
http_exchange_attach(struct http_h1_batch *b, struct http_exchange *x)
{
    if (http_exchange_make(b->local) < 0)
        return -ENOMEM;
    x->c = b->c;
    x->conn = b->conn;
    x->flags |= HTTP_X_ATTACHED;
    x->head = b->at;
    x->body_came = 0;
    if (x->flags & HTTP_X_LENGTH)
        x->body.left = x->req->content_length;
    else
        x->body.chunked = (struct http_chunked){0};
    b->at += x->head_len;
    b->conn->exchange = x;
    b->conn->flags |= HTTP_H1_EXCHANGE;
    return 0;
}

int
http_exchange_go_on(struct http_h1_batch *b, struct http_exchange *x, int r)
{
    if (http_exchange_attach(b, x) < 0) {
        http_exchange_reply_drop(x);
        http_exchange_close(x, GOEVD_HTTP_REASON_GONE);
        http_exchange_reset(x);
        return -ENOMEM;
    }
    return http_exchange_advance(b, x, r);
}

int
http_exchange_handle_any(struct http_h1_batch *b, struct http_exchange *x)
{
    int r = http_exchange_clear_state(x);

    if (r < 0)
        return r;
    if (x->handler->chain->edited)
        x->flags |= HTTP_X_FIELDS;
    r = x->handler->calls.on_request(http_exchange_public(x), http_exchange_state(x));
    if (x->flags != HTTP_X_ENDED)
        return http_exchange_go_on(b, x, r);
    b->at += x->head_len;
    http_exchange_close(x, GOEVD_HTTP_REASON_DONE);
    return 0;
}

void
http_exchange_break(struct http_exchange *x, int verdict)
{
    if (!(x->flags & HTTP_X_BROKEN))
        x->verdict = verdict;
    x->flags |= HTTP_X_BROKEN;
}

/* ---- From outside of a turn ------------------------------------------------------------------ */

void
http_exchange_changed(struct http_exchange *x)
{
    struct http_local *local = x->local;

    if (x->turn || (x->flags & HTTP_X_DEFERRED))
        return;
    x->flags |= HTTP_X_DEFERRED;
    x->next = local->deferred;
    local->deferred = x;
    /* without memory it is seen to with the next one, or when the connection ends */
    (void)goevd_timer_arm(local->kick, 0, 0);
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

uint64_t
http_exchange_number(struct http_exchange *x)
{
    uint64_t at = (uint64_t)(x->handler - x->handler->chain->all);

    x->flags |= HTTP_X_NAMED;
    return (uint64_t)goevd_poller_index(x->local->poller) << 56 | (uint64_t)x->slot << 36 |
           at << 32 | x->local->slots[x->slot].generation;
}

struct http_exchange *
http_exchange_find(struct http_local *local, uint64_t number)
{
    size_t slot = number >> 36 & (HTTP_EXCHANGE_SLOTS_MAX - 1);
    struct http_exchange *x;

    if (slot >= local->slot_count || local->slots[slot].generation != (uint32_t)number)
        return NULL;
    x = local->slots[slot].exchange;
    return (uint64_t)(x->handler - x->handler->chain->all) == (number >> 32 & 15) ? x : NULL;
}
