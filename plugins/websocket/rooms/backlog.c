#include "websocket/rooms/backlog.h"

#include <errno.h>
#include <stdlib.h>

#include "websocket/message/frame.h"
#include "websocket/metrics.h"
#include "websocket/rooms/rooms.h"

struct waiting {
    struct waiting *next;
    struct publication *publication;
};

struct subscriber *
backlog_subscriber(struct goevd_websocket_conn *w)
{
    const struct options *o = conn_instance(w)->options;
    struct subscriber *s = w->subscriber;

    if (s != NULL)
        return s;
    s = malloc(sizeof(*s));
    if (s != NULL)
        *s = (struct subscriber){.last = &s->first, .max = o->room_backlog, .slow = o->room_slow};
    return w->subscriber = s;
}

int
backlog_set_slow(struct goevd_websocket_conn *w, int slow, size_t max)
{
    int64_t most = conn_instance(w)->options->room_backlog;
    struct subscriber *s;

    if (slow < GOEVD_WEBSOCKET_SLOW_CLOSE || slow > GOEVD_WEBSOCKET_SLOW_DROP_NEWEST)
        return -EINVAL;
    if ((w->flags & (CONN_CLOSING | CONN_DONE)) != 0)
        return -EPIPE;
    s = backlog_subscriber(w);
    if (s == NULL)
        return -ENOMEM;
    s->max = max < (size_t)most ? (int64_t)max : most;
    s->slow = slow;
    return 0;
}

static int64_t
waiting_cost(const struct publication *p)
{
    return (int64_t)p->len + WAITING_COST;
}

static void
backlog_pop(struct subscriber *s)
{
    struct waiting *first = s->first;

    s->first = first->next;
    if (s->first == NULL)
        s->last = &s->first;
    s->bytes -= waiting_cost(first->publication);
    publication_drop(first->publication);
    free(first);
}

static int
backlog_push(struct subscriber *s, struct publication *p)
{
    struct waiting *it = malloc(sizeof(*it));

    if (it == NULL)
        return -ENOMEM;
    publication_hold(p);
    *it = (struct waiting){NULL, p};
    *s->last = it;
    s->last = &it->next;
    s->bytes += waiting_cost(p);
    return 0;
}

void
backlog_free(struct goevd_websocket_conn *w)
{
    while (w->subscriber != NULL && w->subscriber->first != NULL)
        backlog_pop(w->subscriber);
    free(w->subscriber);
    w->subscriber = NULL;
}

/* ---- Who cannot keep up ---------------------------------------------------------------------- */

static void
backlog_close(struct goevd_websocket_conn *w)
{
    static const char reason[] = "too slow";

    while (w->subscriber->first != NULL)
        backlog_pop(w->subscriber);
    figures_add(w, conn_instance(w)->figures.closed, 1);
    (void)conn_begin_close(w, FRAME_CODE_LATER, reason, sizeof(reason) - 1, GOEVD_WEBSOCKET_SELF);
}

/* Returns 0; negative: the message is lost. */
static int
backlog_keep(struct goevd_websocket_conn *w, struct publication *p)
{
    struct subscriber *s = backlog_subscriber(w);
    int64_t max;

    if (s == NULL)
        return -ENOMEM;
    max = s->max - waiting_cost(p);
    if (s->bytes > max && s->slow == GOEVD_WEBSOCKET_SLOW_CLOSE) {
        backlog_close(w);
        return 0;
    }
    while (s->slow == GOEVD_WEBSOCKET_SLOW_DROP_OLDEST && max >= 0 && s->bytes > max) {
        backlog_pop(s);
        figures_add(w, conn_instance(w)->figures.dropped, 1);
    }
    return s->bytes > max ? -ENOBUFS : backlog_push(s, p);
}

/* Returns as publication_send(). */
static int
backlog_send(struct goevd_websocket_conn *w, struct publication *p)
{
    int r = publication_send(p, w);

    if (r == 1 || r == -ENOBUFS)
        w->flags |= CONN_FULL;
    return r;
}

void
backlog_deliver(struct goevd_websocket_conn *w, struct publication *p)
{
    int r = -ENOBUFS;

    if ((w->flags & (CONN_CLOSING | CONN_DONE)) != 0)
        return;
    if ((w->flags & (CONN_FULL | CONN_SENDING)) == 0)
        r = backlog_send(w, p);
    if (r == -ENOBUFS)
        r = backlog_keep(w, p);
    if (r < 0)
        figures_add(w, conn_instance(w)->figures.dropped, 1);
}

void
rooms_resume(struct goevd_websocket_conn *w)
{
    struct subscriber *s = w->subscriber;

    while ((w->flags & (CONN_FULL | CONN_CLOSING | CONN_DONE)) == 0 && s != NULL &&
           s->first != NULL) {
        int r = backlog_send(w, s->first->publication);

        if (r != -ENOBUFS)
            backlog_pop(s);
        if (r < 0 && r != -ENOBUFS)
            figures_add(w, conn_instance(w)->figures.dropped, 1);
    }
}

bool
rooms_drained(struct goevd_websocket_conn *w)
{
    w->flags &= (uint16_t)~CONN_FULL;
    if ((w->flags & CONN_SENDING) == 0)
        rooms_resume(w);
    return (w->flags & CONN_FULL) == 0;
}
