#include "websocket/rooms/rooms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "websocket/metrics.h"
#include "websocket/rooms/backlog.h"
#include "websocket/rooms/publication.h"

#define TABLE_FIRST 64

/* All of a poller. */
struct rooms {
    struct room **table; /* by the hash of their names */
    size_t size;         /* of the table, a power of two */
    size_t count;
    uint64_t seed;
    struct goevd_websocket_conn *all; /* open connections */
};

/* A connection in a room. */
struct member {
    struct goevd_websocket_conn *w;
    struct room *room;
    struct member *next, **at; /* in the room */
    struct member *other;      /* of the same connection */
};

struct room {
    struct room *next; /* of the same place in the table */
    struct member *members;
    size_t len;
    char name[];
};

/* ---- By name --------------------------------------------------------------------------------- */

/* FNV-1a from a secret beginning, as clients may choose the names. */
static size_t
rooms_place(const struct rooms *rooms, const char *name, size_t len)
{
    uint64_t hash = rooms->seed;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3);
    return (size_t)(hash ^ hash >> 32) & (rooms->size - 1);
}

/* Where the room is, or where it would be. */
static struct room **
rooms_find(const struct rooms *rooms, const char *name, size_t len)
{
    struct room **at = &rooms->table[rooms_place(rooms, name, len)];

    while (*at != NULL && ((*at)->len != len || memcmp((*at)->name, name, len) != 0))
        at = &(*at)->next;
    return at;
}

/* Twice as many places; without memory it stays as it is. */
static void
rooms_grow(struct rooms *rooms)
{
    struct rooms wider = {.size = rooms->size * 2, .seed = rooms->seed};

    wider.table = calloc(wider.size, sizeof(struct room *));
    if (wider.table == NULL)
        return;
    for (size_t i = 0; i < rooms->size; i++)
        while (rooms->table[i] != NULL) {
            struct room *room = rooms->table[i], **to;

            rooms->table[i] = room->next;
            to = &wider.table[rooms_place(&wider, room->name, room->len)];
            room->next = *to;
            *to = room;
        }
    free(rooms->table);
    rooms->table = wider.table;
    rooms->size = wider.size;
}

static struct room *
rooms_room(struct rooms *rooms, const char *name, size_t len)
{
    struct room **at, *room;

    if (rooms->count >= rooms->size)
        rooms_grow(rooms);
    at = rooms_find(rooms, name, len);
    if (*at != NULL)
        return *at;
    room = calloc(1, sizeof(*room) + len);
    if (room == NULL)
        return NULL;
    room->len = len;
    memcpy(room->name, name, len);
    rooms->count++;
    return *at = room;
}

static void
rooms_forget(struct rooms *rooms, struct room *room)
{
    struct room **at = rooms_find(rooms, room->name, room->len);

    *at = room->next;
    rooms->count--;
    free(room);
}

struct rooms *
rooms_new(void)
{
    struct rooms *rooms = calloc(1, sizeof(*rooms));

    if (rooms == NULL)
        return NULL;
    rooms->size = TABLE_FIRST;
    rooms->table = calloc(rooms->size, sizeof(struct room *));
    if (rooms->table == NULL || getrandom(&rooms->seed, sizeof(rooms->seed), 0) < 0) {
        rooms_free(rooms);
        return NULL;
    }
    return rooms;
}

void
rooms_free(struct rooms *rooms)
{
    if (rooms == NULL)
        return;
    free(rooms->table);
    free(rooms);
}

/* ---- Members --------------------------------------------------------------------------------- */

static struct rooms *
rooms_of(const struct goevd_websocket_conn *w)
{
    struct websocket_local *l = goevd_conn_local(w->c);

    return l->rooms;
}

static bool
rooms_name_valid(size_t len)
{
    return len != 0 && len <= GOEVD_WEBSOCKET_ROOM_MAX;
}

/* Where the membership hangs on the connection, or would. */
static struct member **
member_find(struct subscriber *s, const struct room *room)
{
    struct member **at = &s->members;

    while (*at != NULL && (*at)->room != room)
        at = &(*at)->other;
    return at;
}

static int
member_new(struct goevd_websocket_conn *w, struct room *room, struct member **at)
{
    struct member *m = malloc(sizeof(*m));

    if (m == NULL)
        return -ENOMEM;
    *m = (struct member){.w = w, .room = room, .next = room->members, .at = &room->members};
    if (m->next != NULL)
        m->next->at = &m->next;
    room->members = m;
    *at = m;
    w->subscriber->count++;
    figures_add(w, conn_instance(w)->figures.members, 1);
    return 0;
}

static void
member_free(struct goevd_websocket_conn *w, struct member **at)
{
    struct member *m = *at;

    *at = m->other;
    *m->at = m->next;
    if (m->next != NULL)
        m->next->at = m->at;
    if (m->room->members == NULL)
        rooms_forget(rooms_of(w), m->room);
    free(m);
    w->subscriber->count--;
    figures_add(w, conn_instance(w)->figures.members, -1);
}

int
rooms_join(struct goevd_websocket_conn *w, const char *name, size_t len)
{
    struct subscriber *s;
    struct member **at;
    struct room *room;
    int r;

    if (!rooms_name_valid(len))
        return -EINVAL;
    if ((w->flags & (CONN_CLOSING | CONN_DONE)) != 0)
        return -EPIPE;
    s = backlog_subscriber(w);
    room = s == NULL ? NULL : rooms_room(rooms_of(w), name, len);
    if (room == NULL)
        return -ENOMEM;
    at = member_find(s, room);
    if (*at != NULL)
        return 0;
    r = s->count >= conn_instance(w)->options->rooms_max ? -ENOSPC : member_new(w, room, at);
    if (r < 0 && room->members == NULL)
        rooms_forget(rooms_of(w), room);
    return r;
}

int
rooms_leave(struct goevd_websocket_conn *w, const char *name, size_t len)
{
    struct room *room = rooms_name_valid(len) ? *rooms_find(rooms_of(w), name, len) : NULL;
    struct member **at;

    if (room == NULL || w->subscriber == NULL)
        return -ENOENT;
    at = member_find(w->subscriber, room);
    if (*at == NULL)
        return -ENOENT;
    member_free(w, at);
    return 0;
}

void
rooms_add(struct goevd_websocket_conn *w)
{
    struct rooms *rooms = rooms_of(w);

    w->next = rooms->all;
    w->at = &rooms->all;
    if (w->next != NULL)
        w->next->at = &w->next;
    rooms->all = w;
}

void
rooms_remove(struct goevd_websocket_conn *w)
{
    if (w->at == NULL)
        return;
    *w->at = w->next;
    if (w->next != NULL)
        w->next->at = w->at;
    while (w->subscriber != NULL && w->subscriber->members != NULL)
        member_free(w, &w->subscriber->members);
    backlog_free(w);
}

/* ---- Publishing ------------------------------------------------------------------------------ */

/* On each poller. A connection that is written to calls nobody before it returns. */
static void
rooms_receive(struct goevd_poller *poller, void *local, void *arg)
{
    struct publication *p = arg;
    struct websocket_local *l = local;
    struct goevd_str name = publication_room(p);
    struct room *room;

    if (l == NULL)
        return;
    if (goevd_poller_index(poller) == 0)
        goevd_figure_add(p->ws->self, poller, p->ws->figures.published, 1);
    if (name.len == 0) {
        for (struct goevd_websocket_conn *w = l->rooms->all; w != NULL; w = w->next)
            backlog_deliver(w, p);
        return;
    }
    room = *rooms_find(l->rooms, name.data, name.len);
    for (struct member *m = room == NULL ? NULL : room->members; m != NULL; m = m->next)
        backlog_deliver(m->w, p);
}

static void
rooms_received(void *arg)
{
    struct publication *p = arg;

    atomic_fetch_sub_explicit(&p->ws->publishing, (int64_t)publication_size(p),
                              memory_order_relaxed);
    publication_drop(p);
}

int
rooms_publish(struct websocket *ws, const char *name, size_t name_len, int type, const void *data,
              size_t len)
{
    struct goevd_str room = {name, name == NULL ? 0 : name_len};
    struct publication *p;
    int64_t size;
    int r = 0;

    if ((type != GOEVD_WEBSOCKET_TEXT && type != GOEVD_WEBSOCKET_BINARY) ||
        (name != NULL && !rooms_name_valid(name_len)))
        return -EINVAL;
    p = publication_new(ws, room, (uint8_t)type, data, len);
    if (p == NULL)
        return -ENOMEM;
    size = (int64_t)publication_size(p);
    if (atomic_fetch_add_explicit(&ws->publishing, size, memory_order_relaxed) + size >
        ws->options->publish_max)
        r = -EAGAIN;
    if (r == 0)
        r = goevd_call_all(ws->self, rooms_receive, rooms_received, p);
    if (r < 0)
        rooms_received(p);
    return r;
}
