#include "websocket/keepalive.h"

#include "websocket/message/frame.h"

void
live_begin(struct goevd_websocket_conn *w)
{
    w->flags &= (uint16_t)~CONN_PINGED;
    goevd_conn_deadline(w->c, (uint64_t)conn_instance(w)->options->ping_interval_ns);
}

static int
live_go_away(struct goevd_websocket_conn *w)
{
    (void)conn_begin_close(w, FRAME_CODE_AWAY, NULL, 0, GOEVD_WEBSOCKET_SELF);
    return 0;
}

/* A peer from which nothing has come for an interval is asked whether it is there. Where output
 * waits, what comes may not be read: then the listener's idle_timeout judges. */
int
live_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    struct goevd_websocket_conn *w = state;
    const struct options *o = conn_instance(w)->options;
    bool heard = (w->flags & CONN_HEARD) != 0 || goevd_conn_queued(c) != 0;
    bool pinged = (w->flags & CONN_PINGED) != 0;

    (void)cookie;
    if ((w->flags & (CONN_LEAVING | CONN_CLOSING)) == CONN_LEAVING)
        return live_go_away(w);
    if ((w->flags & CONN_CLOSING) != 0 || (pinged && !heard)) {
        conn_end(w, (w->flags & CONN_CLOSING) != 0 ? GOEVD_CLOSE_FLUSH : GOEVD_CLOSE_NOW);
        return 0;
    }
    w->flags &= (uint16_t) ~(CONN_HEARD | CONN_PINGED);
    if (!heard) {
        w->flags |= CONN_PINGED;
        (void)conn_send(w, FRAME_PING, NULL, 0); /* without memory it is as if it were lost */
    }
    goevd_conn_deadline(c, (uint64_t)(heard ? o->ping_interval_ns : o->pong_timeout_ns));
    return 0;
}

/* Peers that are all closed at once come back all at once. The ids that connections have in turn
 * lie, times the golden ratio, evenly over the whole range. */
int
live_stop(struct goevd_conn *c, void *state)
{
    struct goevd_websocket_conn *w = state;
    uint64_t spread = (uint64_t)conn_instance(w)->options->stop_spread_ns;
    uint64_t wait = (goevd_conn_id(c) * UINT64_C(0x9e3779b97f4a7c15) >> 48) * spread >> 16;

    if ((w->flags & (CONN_CLOSING | CONN_DONE)) != 0)
        return 0;
    if (wait == 0)
        return live_go_away(w);
    w->flags |= CONN_LEAVING;
    goevd_conn_deadline(c, wait);
    return 0;
}
