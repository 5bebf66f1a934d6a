#include "http/exchange/exchange.h"

#include "http/h1/connection.h"
#include "http/log/access.h"

/* Free ones that keep their memory for the next request; of others only the struct is kept. */
#define EXCHANGE_SPARE_MAX 32

/* ---- Memory ---------------------------------------------------------------------------------- */

static struct exchange *
exchange_new(struct http_local *local)
{
    struct exchange *x = calloc(1, sizeof(*x));
    struct exchange_slot *slots;

    if (x == NULL || local->slot_count == EXCHANGE_SLOTS_MAX)
        goto no_memory;
    if ((local->slot_count & (local->slot_count - 1)) == 0) {
        slots = reallocarray(local->slots, MAX(local->slot_count * 2, 1), sizeof(*slots));
        if (slots == NULL)
            goto no_memory;
        local->slots = slots;
    }
    x->slot = (uint32_t)local->slot_count++;
    local->slots[x->slot] = (struct exchange_slot){x, 1};
    x->local = local;
    x->req = local->request;
    return x;

no_memory:
    free(x);
    return NULL;
}

int
exchange_make(struct http_local *local)
{
    struct exchange *x = local->free;

    if (x != NULL) {
        local->free = x->next;
        local->free_count--;
    } else {
        x = exchange_new(local);
    }
    if (x == NULL)
        return -ENOMEM;
    local->fresh = x;
    return 0;
}

/* Let go of memory beyond `keep` bytes of each kind. */
static void
exchange_trim(struct exchange *x, size_t keep)
{
    buffer_clear(&x->gathered, keep);
    buffer_clear(&x->trailers, keep);
    buffer_clear(&x->fields, keep);
    buffer_clear(&x->rest, keep);
    buffer_clear(&x->user, keep);
    buffer_clear(&x->copy, keep);
    if (x->state_room <= keep)
        return;
    free(x->state);
    x->state = NULL;
    x->state_room = 0;
}

void
exchange_free_all(struct http_local *local)
{
    for (size_t i = 0; i < local->slot_count; i++) {
        struct exchange *x = local->slots[i].exchange;

        exchange_trim(x, 0);
        free(x);
    }
    free(local->slots);
}

/* Let it be ready for another request. */
static void
exchange_reset(struct exchange *x)
{
    struct http_local *local = x->local;

    if ((x->flags & X_NAMED) != 0)
        local->slots[x->slot].generation++;
    exchange_trim(x, local->free_count < EXCHANGE_SPARE_MAX ? EXCHANGE_KEEP_BYTES : 0);
    x->turn = NULL;
    x->req = local->request;
    x->flags = 0;
    x->verdict = 0;
    x->status = 0;
    x->sent = 0;
    x->mark.id_len = 0;
    x->rest_at = 0;
}

static void
exchange_release(struct exchange *x)
{
    struct http_local *local = x->local;

    exchange_reset(x);
    x->next = local->free;
    local->free = x;
    local->free_count++;
}

/* Room for the states of the handlers, zeroed. */
static int
exchange_clear_state(struct exchange *x)
{
    size_t size = x->handler->chain->state_size;

    if (x->state_room < size) {
        char *state = realloc(x->state, size);

        if (state == NULL)
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
exchange_pass_body(struct turn *t, struct exchange *x)
{
    struct conn *conn = t->conn;

    if ((x->flags & X_LENGTH) != 0) {
        conn->left = x->body.left;
    } else {
        conn->chunked = x->body.chunked;
        conn->body = 0;
    }
    conn->flags |=
        (uint16_t)(CONN_ANSWERED | ((x->flags & X_LENGTH) != 0 ? CONN_LENGTH : CONN_CHUNKED));
}

static bool
exchange_body_too_long(const struct exchange *x)
{
    return (x->flags & X_LENGTH) != 0 &&
           x->body.left > (uint64_t)x->local->http->options->body_discard_max;
}

/* The rest of a chunked body would be counted where requests are. */
static bool
exchange_chunks_count(const struct exchange *x)
{
    return (x->flags & X_CHUNKED) != 0 && x->local->http->options->requests_max != 0;
}

/* What becomes of the connection. */
static void
exchange_leave(struct turn *t, struct exchange *x, bool broken)
{
    bool body = (x->flags & X_BODY) != 0;
    bool closes = broken;

    t->answered += !broken;
    closes |= (x->flags & X_CLOSE) != 0 || (t->conn->flags & CONN_STOP) != 0;
    closes |= body && ((t->conn->flags & CONN_EOF) != 0 || exchange_body_too_long(x));
    closes |= exchange_chunks_count(x);
    if (!closes && body)
        exchange_pass_body(t, x);
    if (!closes)
        return;
    t->stop_at = 0;
    if (body)
        t->close_flags = GOEVD_CLOSE_FLUSH;
}

static void
exchange_cancel_timer(struct exchange *x)
{
    if ((x->flags & X_TIMER) != 0)
        goevd_conn_timer_cancel(exchange_c(x), EXCHANGE_TIMER);
    x->flags &= ~(uint32_t)X_TIMER;
}

/* Tell all handlers that have had it, the last one first. */
static void
exchange_close(struct exchange *x, enum goevd_http_reason reason)
{
    x->flags |= X_BEGUN | X_ENDED;
    for (;; x->handler--) {
        if (x->handler->calls.on_close != NULL)
            x->handler->calls.on_close(exchange_public(x), exchange_state(x), reason);
        if (x->handler == x->handler->chain->all)
            break;
    }
}

/* t: NULL once the connection has ended. */
static void
exchange_finish(struct turn *t, struct exchange *x, enum goevd_http_reason reason)
{
    struct conn *conn = exchange_conn(x);

    conn->flags &= (uint16_t)~CONN_EXCHANGE;
    conn->left = 0;
    if (t != NULL) {
        exchange_leave(t, x, reason != GOEVD_HTTP_REASON_DONE);
        exchange_cancel_timer(x);
        conn_unpause(exchange_c(x), conn);
    }
    if ((x->flags & X_DEFERRED) != 0) {
        struct exchange **p = &x->local->deferred;

        while (*p != x)
            p = &(*p)->next;
        *p = x->next;
    }
    exchange_reply_drop(x);
    if ((x->flags & X_MARKED) != 0)
        access_exchange(x);
    exchange_close(x, reason);
    exchange_release(x);
}

void
exchange_gone(struct conn *conn, enum goevd_reason reason)
{
    struct exchange *x = conn->exchange;
    bool upgraded = reason == GOEVD_REASON_UPGRADED;

    x->turn = NULL;
    exchange_finish(NULL, x, upgraded ? GOEVD_HTTP_REASON_UPGRADED : GOEVD_HTTP_REASON_GONE);
}

/* Count an error of a handler, and log one in a second. */
static void
exchange_complain(const struct exchange *x, const char *words)
{
    struct http_local *local = x->local;
    const struct http *http = local->http;
    uint64_t now = goevd_poller_now(local->poller);

    goevd_figure_add(http->self, local->poller, http->figures.handler_errors, 1);
    if (local->complained_ns != 0 && now - local->complained_ns < NS_PER_S)
        return;
    local->complained_ns = now;
    goevd_log(http->self, GOEVD_LOG_WARNING, "the handler of the route %.*s %s",
              (int)x->handler->chain->path.len, x->handler->chain->path.data, words);
}

static int
exchange_fail(struct turn *t, struct exchange *x)
{
    const struct http_reply *reply =
        &t->local->http->routes.replies[http_verdict_index(x->verdict)];
    bool head_only = (x->flags & X_HEAD) != 0;
    int r = turn_fail(t, x->verdict, head_only);

    if (r == 0) {
        x->status = reply->status;
        x->sent = head_only ? 0 : reply->body.len;
    }
    return r;
}

static int
exchange_end_broken(struct turn *t, struct exchange *x)
{
    bool failed = x->verdict == 0 || x->verdict == HTTP_HANDLER_FAILED;
    enum goevd_http_reason reason = failed                 ? GOEVD_HTTP_REASON_FAILED
                                    : x->verdict == -EPIPE ? GOEVD_HTTP_REASON_GONE
                                                           : GOEVD_HTTP_REASON_REFUSED;
    int r = 0;

    if ((x->flags & X_BEGUN) == 0 && x->verdict < HTTP_VERDICT_END)
        r = exchange_fail(t, x);
    else
        turn_commit(t);
    if (r == -ENOBUFS) /* again when output has drained */
        return -EBUSY;
    if (failed)
        exchange_complain(x, (x->flags & X_WRONG) != 0 ? "has not written what it had announced"
                                                       : "has failed");
    t->close_flags = GOEVD_CLOSE_FLUSH;
    exchange_finish(t, x, reason);
    return MIN(r, 0);
}

/* ---- From one step to the next --------------------------------------------------------------- */

static int
exchange_call_next(struct exchange *x)
{
    exchange_cancel_timer(x);
    x->flags &= ~(uint32_t)X_NEXT;
    if (x->handler + 1 == x->handler->chain->all + x->handler->chain->count)
        return exchange_reply(x, 404, "", 0, NULL, 0);
    x->handler++;
    return x->handler->calls.on_request(exchange_public(x), exchange_state(x));
}

static int
exchange_take_upgrade(struct turn *t, struct exchange *x)
{
    turn_commit(t);
    if (t->outside)
        return goevd_conn_timer_arm(exchange_c(x), EXCHANGE_KICK, 0, 0) < 0 ? -ENOMEM : -EBUSY;
    return goevd_conn_upgrade(exchange_c(x), x->upgrade_to, x->upgrade_state, x->upgrade_len) < 0
               ? -ENOMEM
               : -EBUSY;
}

/* The handler has said all. */
static int
exchange_complete(struct turn *t, struct exchange *x)
{
    if (exchange_reply_waits(x))
        return -EBUSY;
    if ((x->flags & X_UPGRADE) != 0)
        return exchange_take_upgrade(t, x);
    exchange_finish(t, x, GOEVD_HTTP_REASON_DONE);
    return 0;
}

int
exchange_advance(struct turn *t, struct exchange *x, ptrdiff_t r)
{
    for (;;) {
        if (r < 0 && (x->flags & (X_ENDED | X_BROKEN)) == 0)
            exchange_break(x, r == -EPIPE ? -EPIPE : HTTP_HANDLER_FAILED);
        if ((x->flags & X_BROKEN) != 0)
            return exchange_end_broken(t, x);
        if ((x->flags & X_ENDED) != 0)
            return exchange_complete(t, x);
        if ((x->flags & X_NEXT) != 0)
            r = exchange_call_next(x);
        else if ((x->flags & (X_READ | X_HAD_ALL | X_BODY)) == X_READ)
            r = exchange_body_last(x);
        else if (exchange_body_awaited(x) && (t->conn->flags & CONN_EOF) != 0)
            exchange_break(x, HTTP_BAD_END);
        else
            return exchange_body_awaited(x) ? 0 : -EBUSY;
    }
}

/* It lasts: the connection knows it, and the poller takes another for the next request. */
static int
exchange_attach(struct turn *t, struct exchange *x)
{
    if (exchange_make(t->local) < 0)
        return -ENOMEM;
    x->c = t->c;
    x->conn = t->conn;
    x->flags |= X_ATTACHED;
    x->head = t->at;
    x->body_came = 0;
    if ((x->flags & X_LENGTH) != 0)
        x->body.left = x->req->content_length;
    else
        x->body.chunked = (struct http_chunked){0};
    t->at += x->head_len;
    t->conn->exchange = x;
    t->conn->flags |= CONN_EXCHANGE;
    return 0;
}

int
exchange_go_on(struct turn *t, struct exchange *x, int r)
{
    if (exchange_attach(t, x) < 0) {
        exchange_reply_drop(x);
        exchange_close(x, GOEVD_HTTP_REASON_GONE);
        exchange_reset(x);
        return -ENOMEM;
    }
    return exchange_advance(t, x, r);
}

int
exchange_handle_any(struct turn *t, struct exchange *x)
{
    int r = exchange_clear_state(x);

    if (r < 0)
        return r;
    if (x->handler->chain->edited)
        x->flags |= X_FIELDS;
    r = x->handler->calls.on_request(exchange_public(x), exchange_state(x));
    if (x->flags != X_ENDED)
        return exchange_go_on(t, x, r);
    t->at += x->head_len;
    exchange_close(x, GOEVD_HTTP_REASON_DONE);
    return 0;
}

void
exchange_break(struct exchange *x, int verdict)
{
    if ((x->flags & X_BROKEN) == 0)
        x->verdict = verdict;
    x->flags |= X_BROKEN;
}

/* ---- From outside of a turn ------------------------------------------------------------------ */

void
exchange_changed(struct exchange *x)
{
    struct http_local *local = x->local;

    if (x->turn != NULL || (x->flags & X_DEFERRED) != 0)
        return;
    x->flags |= X_DEFERRED;
    x->next = local->deferred;
    local->deferred = x;
    /* without memory it is seen to with the next one, or when the connection ends */
    (void)goevd_timer_arm(local->kick, 0, 0);
}

int
exchange_set_user(struct exchange *x, const char *name, size_t len)
{
    if (len == 0 || len > GOEVD_HTTP_USER_MAX)
        return -EINVAL;
    if (buffer_reserve(&x->user, len) < 0)
        return -ENOMEM;
    x->user.len = 0;
    (void)buffer_append(&x->user, name, len);
    x->flags |= X_USER;
    return 0;
}

uint64_t
exchange_number(struct exchange *x)
{
    uint64_t at = (uint64_t)(x->handler - x->handler->chain->all);

    x->flags |= X_NAMED;
    return (uint64_t)goevd_poller_index(x->local->poller) << 56 | (uint64_t)x->slot << 36 |
           at << 32 | x->local->slots[x->slot].generation;
}

struct exchange *
exchange_find(struct http_local *local, uint64_t number)
{
    size_t slot = number >> 36 & (EXCHANGE_SLOTS_MAX - 1);
    struct exchange *x;

    if (slot >= local->slot_count || local->slots[slot].generation != (uint32_t)number)
        return NULL;
    x = local->slots[slot].exchange;
    return (uint64_t)(x->handler - x->handler->chain->all) == (number >> 32 & 15) ? x : NULL;
}
