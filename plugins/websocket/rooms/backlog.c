#include "websocket/rooms/backlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "websocket/limit.h"
#include "websocket/message/frame.h"
#include "websocket/metrics.h"

struct ws_waiting {
    struct ws_waiting *next;
    struct ws_publication *publication;
};

struct ws_subscriber *
ws_backlog_subscriber(struct goevd_websocket_conn *w)
{
    const struct ws_options *o = ws_conn_instance(w)->options;
    struct ws_subscriber *s = w->subscriber;

    if (s)
        return s;
    s = malloc(sizeof(*s));
    if (s)
        *s = (struct ws_subscriber){
            .last = &s->first, .max = o->room_backlog_max, .slow = o->room_slow};
    return w->subscriber = s;
}

int
ws_backlog_set_slow(struct goevd_websocket_conn *w, int slow, size_t max)
{
    int64_t most = ws_conn_instance(w)->options->room_backlog_max;
    struct ws_subscriber *s;

    if (slow < GOEVD_WEBSOCKET_SLOW_CLOSE || slow > GOEVD_WEBSOCKET_SLOW_DROP_NEWEST)
        return -EINVAL;
    if ((w->flags & (WS_CONN_CLOSING | WS_CONN_DONE)) != 0)
        return -EPIPE;
    s = ws_backlog_subscriber(w);
    if (!s)
        return -ENOMEM;
    s->max = max < (size_t)most ? (int64_t)max : most;
    s->slow = slow;
    return 0;
}

static int64_t
ws_waiting_cost(const struct ws_publication *p)
{
    return (int64_t)p->len + WS_WAITING_COST;
}

static void
ws_backlog_pop(struct ws_subscriber *s)
{
    struct ws_waiting *first = s->first;

    s->first = first->next;
    if (!s->first)
        s->last = &s->first;
    s->bytes -= ws_waiting_cost(first->publication);
    ws_publication_drop(first->publication);
    free(first);
}

static int
ws_backlog_push(struct ws_subscriber *s, struct ws_publication *p)
{
    struct ws_waiting *it = malloc(sizeof(*it));

    if (!it)
        return -ENOMEM;
    ws_publication_hold(p);
    *it = (struct ws_waiting){NULL, p};
    *s->last = it;
    s->last = &it->next;
    s->bytes += ws_waiting_cost(p);
    return 0;
}

void
ws_backlog_free(struct goevd_websocket_conn *w)
{
    while (w->subscriber && w->subscriber->first)
        ws_backlog_pop(w->subscriber);
    free(w->subscriber);
    w->subscriber = NULL;
}

/* ---- Slow connections ------------------------------------------------------------------------ */

static void
ws_backlog_close(struct goevd_websocket_conn *w)
{
    const char *reason = ws_limit_reason(WS_LIMIT_BACKLOG);

    while (w->subscriber->first)
        ws_backlog_pop(w->subscriber);
    ws_limit_tell(w, WS_LIMIT_BACKLOG);
    (void)ws_conn_begin_close(w, WS_FRAME_CODE_LATER, reason, strlen(reason), GOEVD_WEBSOCKET_SELF);
}

/* Queue a publication in the backlog. Returns 0; negative: the message is lost. */
static int
ws_backlog_keep(struct goevd_websocket_conn *w, struct ws_publication *p)
{
    struct ws_subscriber *s = ws_backlog_subscriber(w);
    int64_t max;

    if (!s)
        return -ENOMEM;
    max = s->max - ws_waiting_cost(p);
    if (s->bytes > max && s->slow == GOEVD_WEBSOCKET_SLOW_CLOSE) {
        ws_backlog_close(w);
        return 0;
    }
    while (s->slow == GOEVD_WEBSOCKET_SLOW_DROP_OLDEST && max >= 0 && s->bytes > max) {
        ws_backlog_pop(s);
        ws_metrics_add(w, ws_conn_instance(w)->metrics.dropped, 1);
    }
    return s->bytes > max ? -ENOBUFS : ws_backlog_push(s, p);
}

/* Returns as ws_publication_send() does. */
static int
ws_backlog_send(struct goevd_websocket_conn *w, struct ws_publication *p)
{
    int r = ws_publication_send(p, w);

    if (r == 1 || r == -ENOBUFS)
        w->flags |= WS_CONN_FULL;
    return r;
}

void
ws_backlog_deliver(struct goevd_websocket_conn *w, struct ws_publication *p)
{
    int r = -ENOBUFS;

    if ((w->flags & (WS_CONN_CLOSING | WS_CONN_DONE)) != 0)
        return;
    if ((w->flags & (WS_CONN_FULL | WS_CONN_SENDING)) == 0)
        r = ws_backlog_send(w, p);
    if (r == -ENOBUFS)
        r = ws_backlog_keep(w, p);
    if (r < 0)
        ws_metrics_add(w, ws_conn_instance(w)->metrics.dropped, 1);
}

void
ws_backlog_resume(struct goevd_websocket_conn *w)
{
    struct ws_subscriber *s = w->subscriber;

    while ((w->flags & (WS_CONN_FULL | WS_CONN_CLOSING | WS_CONN_DONE)) == 0 && s &&
           s->first != NULL) {
        int r = ws_backlog_send(w, s->first->publication);

        if (r != -ENOBUFS)
            ws_backlog_pop(s);
        if (r < 0 && r != -ENOBUFS)
            ws_metrics_add(w, ws_conn_instance(w)->metrics.dropped, 1);
    }
}

bool
ws_backlog_drained(struct goevd_websocket_conn *w)
{
    w->flags &= ~(uint32_t)WS_CONN_FULL;
    if (!(w->flags & WS_CONN_SENDING))
        ws_backlog_resume(w);
    return (w->flags & WS_CONN_FULL) == 0;
}
