#include "websocket/keepalive.h"

#include "websocket/message/frame.h"

void
ws_keepalive_begin(struct goevd_websocket_conn *w)
{
    w->flags &= ~(uint32_t)WS_CONN_PINGED;
    goevd_conn_deadline(w->c, (uint64_t)ws_conn_instance(w)->options->ping_interval_ns);
}

static int
ws_keepalive_go_away(struct goevd_websocket_conn *w)
{
    (void)ws_conn_begin_close(w, WS_FRAME_CODE_AWAY, NULL, 0, GOEVD_WEBSOCKET_SELF);
    return 0;
}

/* close_timeout counts from when the close frame has left the queue: how slowly it may do that is
 * up to the listener's output_rate and idle_timeout. Returns whether it goes on. */
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

/* A peer from which nothing has come for an interval is asked whether it is there. Where output
 * waits, what comes may not be read: then the listener's idle_timeout judges. */
int
ws_keepalive_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    struct goevd_websocket_conn *w = state;
    const struct ws_options *o = ws_conn_instance(w)->options;
    bool heard = (w->flags & WS_CONN_HEARD) || goevd_conn_queued(c) != 0;
    bool pinged = (w->flags & WS_CONN_PINGED) != 0;

    (void)cookie;
    if ((w->flags & (WS_CONN_LEAVING | WS_CONN_CLOSING)) == WS_CONN_LEAVING)
        return ws_keepalive_go_away(w);
    if (w->flags & WS_CONN_CLOSING) {
        if (!ws_keepalive_close_goes_on(w))
            ws_conn_end(w, GOEVD_CLOSE_FLUSH);
        return 0;
    }
    if (pinged && !heard) {
        ws_conn_end(w, GOEVD_CLOSE_NOW);
        return 0;
    }
    w->flags &= ~(uint32_t)(WS_CONN_HEARD | WS_CONN_PINGED);
    if (!heard) {
        w->flags |= WS_CONN_PINGED;
        (void)ws_conn_send(w, WS_FRAME_PING, NULL, 0); /* without memory it is as if it were lost */
    }
    goevd_conn_deadline(c, (uint64_t)(heard ? o->ping_interval_ns : o->pong_timeout_ns));
    return 0;
}

/* Peers that are all closed at once come back all at once. The ids that connections have in turn
 * lie, times the golden ratio, evenly over the whole range. */
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
