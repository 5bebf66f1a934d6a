#include "websocket/keepalive.h"

#include <string.h>

#include <goevd/poller.h>

#include "websocket/limit.h"
#include "websocket/message/frame.h"

static uint32_t
ws_keepalive_now_ms(const struct goevd_websocket_conn *w)
{
    return (uint32_t)(goevd_poller_now(goevd_conn_poller(w->c)) / GOEVD_MILLISECOND);
}

/* Remaining time for the current message in ns; 0: none left; UINT64_MAX: there is no message, or
 * it waits for the application. */
static uint64_t
ws_keepalive_message_left(const struct goevd_websocket_conn *w)
{
    const struct ws_options *o = ws_conn_instance(w)->options;
    uint64_t taken = (uint64_t)(ws_keepalive_now_ms(w) - w->begun_ms) * GOEVD_MILLISECOND;
    uint64_t allowed = (uint64_t)o->message_timeout_ns, bytes = w->streamed + w->message_len;

    if (allowed == 0 || (w->flags & (WS_CONN_MESSAGE | WS_CONN_WAITS)) != WS_CONN_MESSAGE)
        return UINT64_MAX;
    if (o->message_rate != 0)
        allowed += (uint64_t)((double)bytes / (double)o->message_rate * (double)GOEVD_SECOND);
    return allowed > taken ? allowed - taken : 0;
}

/* Arm the timer for a delay (0: none), or for the deadline of the current message if that is
 * earlier. */
static void
ws_keepalive_arm(struct goevd_websocket_conn *w, int64_t delay_ns)
{
    uint64_t left = ws_keepalive_message_left(w);

    if (left == UINT64_MAX || (delay_ns != 0 && (uint64_t)delay_ns < left))
        left = (uint64_t)delay_ns;
    goevd_conn_deadline(w->c, left);
}

void
ws_keepalive_begin(struct goevd_websocket_conn *w)
{
    w->flags &= ~(uint32_t)WS_CONN_PINGED;
    ws_keepalive_arm(w, ws_conn_instance(w)->options->ping_interval_ns);
}

void
ws_keepalive_message(struct goevd_websocket_conn *w)
{
    const struct ws_options *o = ws_conn_instance(w)->options;

    w->begun_ms = ws_keepalive_now_ms(w);
    if (o->message_timeout_ns != 0 && !(w->flags & (WS_CONN_CLOSING | WS_CONN_LEAVING)))
        ws_keepalive_arm(w, w->flags & WS_CONN_PINGED ? o->pong_timeout_ns : o->ping_interval_ns);
}

static void
ws_keepalive_cut_message(struct goevd_websocket_conn *w)
{
    const char *reason = ws_limit_reason(WS_LIMIT_TIME);

    ws_limit_tell(w, WS_LIMIT_TIME);
    (void)ws_conn_begin_close(w, WS_FRAME_CODE_POLICY, reason, strlen(reason),
                              GOEVD_WEBSOCKET_VIOLATION);
    ws_conn_end(w, GOEVD_CLOSE_FLUSH);
}

static int
ws_keepalive_go_away(struct goevd_websocket_conn *w)
{
    (void)ws_conn_begin_close(w, WS_FRAME_CODE_AWAY, NULL, 0, GOEVD_WEBSOCKET_SELF);
    return 0;
}

/* close_timeout counts from the moment at which the close frame has left the queue. Until then the
 * listener's output_rate and idle_timeout apply. Returns true while the connection goes on. */
static bool
ws_keepalive_close_goes_on(struct goevd_websocket_conn *w)
{
    bool queued = goevd_conn_queued(w->c) != 0, was_queued = w->flags & WS_CONN_PINGED;

    w->flags &= ~(uint32_t)WS_CONN_PINGED;
    w->flags |= queued ? WS_CONN_PINGED : 0;
    if (!queued && !was_queued)
        return false;
    goevd_conn_deadline(w->c, (uint64_t)ws_conn_instance(w)->options->close_timeout_ns);
    return true;
}

static void
ws_keepalive_closing(struct goevd_websocket_conn *w)
{
    if (ws_keepalive_close_goes_on(w))
        return;
    ws_limit_tell(w, WS_LIMIT_CLOSE);
    ws_conn_end(w, GOEVD_CLOSE_FLUSH);
}

/* Send a ping after an interval without data from the peer. While output waits, input may be
 * unread: then the listener's idle_timeout applies instead. */
int
ws_keepalive_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    struct goevd_websocket_conn *w = state;
    const struct ws_options *o = ws_conn_instance(w)->options;
    bool heard = (w->flags & WS_CONN_HEARD) || goevd_conn_queued(c) != 0;
    bool pinged = (w->flags & WS_CONN_PINGED) != 0;

    if (cookie != GOEVD_DEADLINE) /* a timer of the application, which has no timers */
        return 0;
    if ((w->flags & (WS_CONN_LEAVING | WS_CONN_CLOSING)) == WS_CONN_LEAVING)
        return ws_keepalive_go_away(w);
    if (w->flags & WS_CONN_CLOSING) {
        ws_keepalive_closing(w);
        return 0;
    }
    if (ws_keepalive_message_left(w) == 0) {
        ws_keepalive_cut_message(w);
        return 0;
    }
    if (pinged && !heard) {
        ws_limit_tell(w, WS_LIMIT_PONG);
        ws_conn_end(w, GOEVD_CLOSE_NOW);
        return 0;
    }
    w->flags &= ~(uint32_t)(WS_CONN_HEARD | WS_CONN_PINGED);
    if (!heard && o->ping_interval_ns != 0) {
        w->flags |= WS_CONN_PINGED;
        (void)ws_conn_send(w, WS_FRAME_PING, NULL, 0); /* out of memory: treat the ping as lost */
    }
    ws_keepalive_arm(w, w->flags & WS_CONN_PINGED ? o->pong_timeout_ns : o->ping_interval_ns);
    return 0;
}

/* Clients that are closed at the same moment also reconnect at the same moment. Consecutive ids,
 * multiplied by the golden ratio, spread the close frames evenly over stop_spread. */
int
ws_keepalive_stop(struct goevd_conn *c, void *state)
{
    struct goevd_websocket_conn *w = state;
    uint64_t spread = (uint64_t)ws_conn_instance(w)->options->stop_spread_ns;
    uint64_t wait = (goevd_conn_id(c) * UINT64_C(0x9e3779b97f4a7c15) >> 48) * spread >> 16;

    if ((w->flags & (WS_CONN_CLOSING | WS_CONN_DONE)) != 0)
        return 0;
    if (wait == 0)
        return ws_keepalive_go_away(w);
    w->flags |= WS_CONN_LEAVING;
    goevd_conn_deadline(c, wait);
    return 0;
}
