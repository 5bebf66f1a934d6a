#include "websocket/incoming.h"

#include <stdlib.h>

#define FIRST_ROOM 4096

static size_t
ws_incoming_size(size_t room, size_t len)
{
    room = room == 0 ? FIRST_ROOM : room;
    while (room < len)
        room *= 2;
    return room;
}

char *
ws_incoming_scratch(struct ws_local *l, size_t len)
{
    if (len > l->scratch_room) {
        size_t room = ws_incoming_size(l->scratch_room, len);
        char *more = malloc(room);

        if (!more)
            return NULL;
        free(l->scratch);
        l->scratch = more;
        l->scratch_room = room;
    }
    return l->scratch;
}

char *
ws_incoming_room(struct goevd_websocket_conn *w, size_t len)
{
    struct ws_local *l = goevd_conn_local(w->c);
    size_t room;
    char *more;

    if (!w->message) {
        w->message = l->spare;
        w->message_room = l->spare_room;
        l->spare = NULL;
        l->spare_room = 0;
    }
    if (w->message && w->message_len + len <= w->message_room)
        return w->message + w->message_len;
    room = ws_incoming_size(w->message_room, w->message_len + len);
    more = realloc(w->message, room);
    if (!more)
        return NULL;
    w->message = more;
    w->message_room = room;
    return more + w->message_len;
}

void
ws_incoming_give(struct goevd_websocket_conn *w)
{
    struct ws_local *l = goevd_conn_local(w->c);

    if (w->message && l && !l->spare && w->message_room <= WS_INCOMING_KEEP_MAX) {
        l->spare = w->message;
        l->spare_room = w->message_room;
    } else {
        free(w->message);
    }
    w->message = NULL;
    w->message_len = w->message_room = 0;
}
