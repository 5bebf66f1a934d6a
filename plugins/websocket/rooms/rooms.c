#include "websocket/rooms/rooms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <goevd/poller.h>
#include <goevd/threads.h>

#include "websocket/metrics.h"
#include "websocket/rooms/backlog.h"
#include "websocket/rooms/publication.h"

#define TABLE_FIRST 64

/* The rooms of one poller. */
struct ws_rooms {
    struct ws_room **table; /* hash table by name */
    size_t size;            /* slots of the table, a power of two */
    size_t count;
    uint64_t seed;
    struct goevd_websocket_conn *all; /* all open connections */
};

/* The membership of a connection in a room. */
struct ws_member {
    struct goevd_websocket_conn *w;
    struct ws_room *room;
    struct ws_member *next, **at; /* in the list of the room */
    struct ws_member *other;      /* next membership of the same connection */
};

struct ws_room {
    struct ws_room *next; /* next room in the same slot */
    struct ws_member *members;
    size_t len;
    char name[];
};

/* ---- By name --------------------------------------------------------------------------------- */

/* FNV-1a with a secret start value, because clients may choose the names. */
static size_t
ws_rooms_place(const struct ws_rooms *rooms, const char *name, size_t len)
{
    uint64_t hash = rooms->seed;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3);
    return (size_t)(hash ^ hash >> 32) & (rooms->size - 1);
}

/* The slot that holds the room, or would hold it. */
static struct ws_room **
ws_rooms_find(const struct ws_rooms *rooms, const char *name, size_t len)
{
    struct ws_room **at = &rooms->table[ws_rooms_place(rooms, name, len)];

    while (*at && ((*at)->len != len || memcmp((*at)->name, name, len) != 0))
        at = &(*at)->next;
    return at;
}

/* Double the table; without memory it keeps its size. */
static void
ws_rooms_grow(struct ws_rooms *rooms)
{
    struct ws_rooms wider = {.size = rooms->size * 2, .seed = rooms->seed};

    wider.table = calloc(wider.size, sizeof(struct ws_room *));
    if (!wider.table)
        return;
    for (size_t i = 0; i < rooms->size; i++)
        while (rooms->table[i]) {
            struct ws_room *room = rooms->table[i], **to;

            rooms->table[i] = room->next;
            to = &wider.table[ws_rooms_place(&wider, room->name, room->len)];
            room->next = *to;
            *to = room;
        }
    free(rooms->table);
    rooms->table = wider.table;
    rooms->size = wider.size;
}

static struct ws_room *
ws_rooms_room(struct ws_rooms *rooms, const char *name, size_t len)
{
    struct ws_room **at, *room;

    if (rooms->count >= rooms->size)
        ws_rooms_grow(rooms);
    at = ws_rooms_find(rooms, name, len);
    if (*at)
        return *at;
    room = calloc(1, sizeof(*room) + len);
    if (!room)
        return NULL;
    room->len = len;
    memcpy(room->name, name, len);
    rooms->count++;
    return *at = room;
}

static void
ws_rooms_forget(struct ws_rooms *rooms, struct ws_room *room)
{
    struct ws_room **at = ws_rooms_find(rooms, room->name, room->len);

    *at = room->next;
    rooms->count--;
    free(room);
}

struct ws_rooms *
ws_rooms_new(void)
{
    struct ws_rooms *rooms = calloc(1, sizeof(*rooms));

    if (!rooms)
        return NULL;
    rooms->size = TABLE_FIRST;
    rooms->table = calloc(rooms->size, sizeof(struct ws_room *));
    if (!rooms->table || getrandom(&rooms->seed, sizeof(rooms->seed), 0) < 0) {
        ws_rooms_free(rooms);
        return NULL;
    }
    return rooms;
}

void
ws_rooms_free(struct ws_rooms *rooms)
{
    if (!rooms)
        return;
    free(rooms->table);
    free(rooms);
}

/* ---- Members --------------------------------------------------------------------------------- */

static struct ws_rooms *
ws_rooms_of(const struct goevd_websocket_conn *w)
{
    struct ws_local *l = goevd_conn_local(w->c);

    return l->rooms;
}

static bool
ws_rooms_name_valid(size_t len)
{
    return len != 0 && len <= GOEVD_WEBSOCKET_ROOM_MAX;
}

/* The link that holds the membership of a connection, or would hold it. */
static struct ws_member **
ws_member_find(struct ws_subscriber *s, const struct ws_room *room)
{
    struct ws_member **at = &s->members;

    while (*at && (*at)->room != room)
        at = &(*at)->other;
    return at;
}

static int
ws_member_new(struct goevd_websocket_conn *w, struct ws_room *room, struct ws_member **at)
{
    struct ws_member *m = malloc(sizeof(*m));

    if (!m)
        return -ENOMEM;
    *m = (struct ws_member){.w = w, .room = room, .next = room->members, .at = &room->members};
    if (m->next)
        m->next->at = &m->next;
    room->members = m;
    *at = m;
    w->subscriber->count++;
    ws_metrics_add(w, ws_conn_instance(w)->metrics.members, 1);
    return 0;
}

static void
ws_member_free(struct goevd_websocket_conn *w, struct ws_member **at)
{
    struct ws_member *m = *at;

    *at = m->other;
    *m->at = m->next;
    if (m->next)
        m->next->at = m->at;
    if (!m->room->members)
        ws_rooms_forget(ws_rooms_of(w), m->room);
    free(m);
    w->subscriber->count--;
    ws_metrics_add(w, ws_conn_instance(w)->metrics.members, -1);
}

int
ws_rooms_join(struct goevd_websocket_conn *w, const char *name, size_t len)
{
    struct ws_subscriber *s;
    struct ws_member **at;
    struct ws_room *room;
    int r;

    if (!ws_rooms_name_valid(len))
        return -EINVAL;
    if ((w->flags & (WS_CONN_CLOSING | WS_CONN_DONE)) != 0)
        return -EPIPE;
    s = ws_backlog_subscriber(w);
    room = s ? ws_rooms_room(ws_rooms_of(w), name, len) : NULL;
    if (!room)
        return -ENOMEM;
    at = ws_member_find(s, room);
    if (*at)
        return 0;
    r = s->count >= ws_conn_instance(w)->options->rooms_max ? -ENOSPC : ws_member_new(w, room, at);
    if (r < 0 && !room->members)
        ws_rooms_forget(ws_rooms_of(w), room);
    return r;
}

int
ws_rooms_leave(struct goevd_websocket_conn *w, const char *name, size_t len)
{
    struct ws_room *room =
        ws_rooms_name_valid(len) ? *ws_rooms_find(ws_rooms_of(w), name, len) : NULL;
    struct ws_member **at;

    if (!room || !w->subscriber)
        return -ENOENT;
    at = ws_member_find(w->subscriber, room);
    if (!*at)
        return -ENOENT;
    ws_member_free(w, at);
    return 0;
}

void
ws_rooms_add(struct goevd_websocket_conn *w)
{
    struct ws_rooms *rooms = ws_rooms_of(w);

    w->next = rooms->all;
    w->at = &rooms->all;
    if (w->next)
        w->next->at = &w->next;
    rooms->all = w;
}

void
ws_rooms_remove(struct goevd_websocket_conn *w)
{
    if (!w->at)
        return;
    *w->at = w->next;
    if (w->next)
        w->next->at = w->at;
    while (w->subscriber && w->subscriber->members)
        ws_member_free(w, &w->subscriber->members);
    ws_backlog_free(w);
}

/* ---- Publishing ------------------------------------------------------------------------------ */

/* Deliver a publication on one poller. Writing to a connection calls no callback before it returns,
 * so the lists do not change. */
static void
ws_rooms_receive(struct goevd_poller *poller, void *local, void *arg)
{
    struct ws_publication *p = arg;
    struct ws_local *l = local;
    struct goevd_str name = ws_publication_room(p);
    struct ws_room *room;

    if (!l)
        return;
    if (goevd_poller_index(poller) == 0)
        goevd_metric_add(p->ws->self, poller, p->ws->metrics.published, 1);
    if (name.len == 0) {
        for (struct goevd_websocket_conn *w = l->rooms->all; w; w = w->next)
            ws_backlog_deliver(w, p);
        return;
    }
    room = *ws_rooms_find(l->rooms, name.data, name.len);
    for (struct ws_member *m = room ? room->members : NULL; m; m = m->next)
        ws_backlog_deliver(m->w, p);
}

static void
ws_rooms_received(void *arg)
{
    struct ws_publication *p = arg;

    atomic_fetch_sub_explicit(&p->ws->publishing, (int64_t)ws_publication_size(p),
                              memory_order_relaxed);
    ws_publication_drop(p);
}

int
ws_rooms_publish(struct ws_instance *ws, const char *name, size_t name_len, int type,
                 const void *data, size_t len)
{
    struct goevd_str room = {name, name ? name_len : 0};
    struct ws_publication *p;
    int64_t size;
    int r = 0;

    if ((type != GOEVD_WEBSOCKET_TEXT && type != GOEVD_WEBSOCKET_BINARY) ||
        (name && !ws_rooms_name_valid(name_len)))
        return -EINVAL;
    p = ws_publication_new(ws, room, (uint8_t)type, data, len);
    if (!p)
        return -ENOMEM;
    size = (int64_t)ws_publication_size(p);
    if (atomic_fetch_add_explicit(&ws->publishing, size, memory_order_relaxed) + size >
        ws->options->publish_max)
        r = -EAGAIN;
    if (r == 0)
        r = goevd_call_all(ws->self, ws_rooms_receive, ws_rooms_received, p);
    if (r < 0)
        ws_rooms_received(p);
    return r;
}
