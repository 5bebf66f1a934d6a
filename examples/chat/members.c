#include "members.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct chat_room {
    struct chat_room *next;
    struct chat_member *first;
    size_t count;
    uint64_t version; /* counts joins and leaves */
    char name[CHAT_ROOM_MAX + 1];
};

void
chat_rooms_init(struct chat_rooms *rooms)
{
    *rooms = (struct chat_rooms){0};
    pthread_mutex_init(&rooms->lock, NULL);
}

void
chat_rooms_fini(struct chat_rooms *rooms)
{
    pthread_mutex_destroy(&rooms->lock);
}

static struct chat_room *
chat_rooms_find(struct chat_rooms *rooms, const char *name)
{
    struct chat_room *room = rooms->first;

    while (room && strcmp(room->name, name) != 0)
        room = room->next;
    if (room)
        return room;
    room = calloc(1, sizeof(*room));
    if (!room)
        return NULL;
    snprintf(room->name, sizeof(room->name), "%s", name);
    room->next = rooms->first;
    rooms->first = room;
    return room;
}

static void
chat_rooms_forget(struct chat_rooms *rooms, struct chat_room *room)
{
    struct chat_room **at = &rooms->first;

    while (*at != room)
        at = &(*at)->next;
    *at = room->next;
    free(room);
}

static void
chat_room_add(struct chat_room *room, struct chat_member *member)
{
    member->room = room;
    member->previous = NULL;
    member->next = room->first;
    if (room->first)
        room->first->previous = member;
    room->first = member;
    room->count++;
    room->version++;
}

static void
chat_room_remove(struct chat_room *room, struct chat_member *member)
{
    if (member->previous)
        member->previous->next = member->next;
    else
        room->first = member->next;
    if (member->next)
        member->next->previous = member->previous;
    member->room = NULL;
    room->count--;
    room->version++;
}

static void
chat_room_put_event(const struct chat_room *room, const char *event, const char *name,
                    char ret[CHAT_EVENT_MAX])
{
    snprintf(ret, CHAT_EVENT_MAX,
             "{\"event\":\"%s\",\"name\":\"%s\",\"count\":%zu,\"version\":%" PRIu64 "}", event,
             name, room->count, room->version);
}

/* Names need no escapes: on_request lets in only those that are percent-encoded. */
static void
chat_room_put_list(const struct chat_room *room, char ret[CHAT_LIST_MAX])
{
    size_t listed = 0, len;

    len =
        (size_t)snprintf(ret, CHAT_LIST_MAX,
                         "{\"event\":\"members\",\"count\":%zu,\"version\":%" PRIu64 ",\"names\":[",
                         room->count, room->version);
    for (const struct chat_member *m = room->first; m && listed < CHAT_LISTED_MAX; m = m->next)
        len += (size_t)snprintf(ret + len, CHAT_LIST_MAX - len, "%s\"%s\"", listed++ ? "," : "",
                                m->name);
    snprintf(ret + len, CHAT_LIST_MAX - len, "]}");
}

int
chat_rooms_enter(struct chat_rooms *rooms, struct chat_member *member, char ret_list[CHAT_LIST_MAX],
                 char ret_joined[CHAT_EVENT_MAX])
{
    struct chat_room *room;

    pthread_mutex_lock(&rooms->lock);
    room = chat_rooms_find(rooms, member->room_name);
    if (room) {
        chat_room_add(room, member);
        chat_room_put_list(room, ret_list);
        chat_room_put_event(room, "joined", member->name, ret_joined);
    }
    pthread_mutex_unlock(&rooms->lock);
    return room ? 0 : -ENOMEM;
}

int
chat_rooms_leave(struct chat_rooms *rooms, struct chat_member *member,
                 char ret_left[CHAT_EVENT_MAX])
{
    struct chat_room *room = member->room;
    int r = 0;

    if (!room)
        return -ENOENT;
    pthread_mutex_lock(&rooms->lock);
    chat_room_remove(room, member);
    chat_room_put_event(room, "left", member->name, ret_left);
    if (room->count == 0) {
        chat_rooms_forget(rooms, room);
        r = -ENOENT;
    }
    pthread_mutex_unlock(&rooms->lock);
    return r;
}
