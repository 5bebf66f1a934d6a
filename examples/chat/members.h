/* The members of each room of a chat: names, counted and versioned. */
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define CHAT_ROOM_MAX 64    /* bytes of a room's name, percent-encoded */
#define CHAT_NAME_MAX 120   /* bytes of a member's name, percent-encoded */
#define CHAT_LISTED_MAX 100 /* names that a newcomer gets; the count has no limit */
#define CHAT_LIST_MAX (CHAT_LISTED_MAX * (CHAT_NAME_MAX + 3) + 128) /* bytes of that message */
#define CHAT_EVENT_MAX (CHAT_NAME_MAX + 128)                        /* bytes of any other */

/* All rooms of one application. Members join and leave on any poller, so a lock guards them; it is
 * held for as long as one room's names take. */
struct chat_rooms {
    pthread_mutex_t lock;
    struct chat_room *first;
};

/* A connection in a room. It is part of the connection's state. */
struct chat_member {
    struct chat_member *next, *previous;
    struct chat_room *room; /* NULL: in none */
    char room_name[CHAT_ROOM_MAX + 1];
    char name[CHAT_NAME_MAX + 1];
};

void chat_rooms_init(struct chat_rooms *rooms);
void chat_rooms_fini(struct chat_rooms *rooms);

/* Enter the room that the member names. `ret_list` is for the newcomer, `ret_joined` for the room.
 * Thread   [any]
 * Returns  0; -ENOMEM.
 */
int chat_rooms_enter(struct chat_rooms *rooms, struct chat_member *member,
                     char ret_list[CHAT_LIST_MAX], char ret_joined[CHAT_EVENT_MAX]);

/* Leave it. `ret_left` is for the room.
 * Thread   [any]
 * Returns  0; -ENOENT if it was in none, or no member is left to read that.
 */
int chat_rooms_leave(struct chat_rooms *rooms, struct chat_member *member,
                     char ret_left[CHAT_EVENT_MAX]);
