/* A WebSocket application of ABI 1.0: it greets, sends messages back, and closes when told to. */
#include <stdio.h>
#include <string.h>

#include <goevd/websocket.h>

GOEVD_WEBSOCKET_TABLE;

struct state {
    char room[16];
    unsigned messages;
};

static int
abi_request(struct goevd_websocket_request *q, void *state)
{
    struct goevd_str room = goevd_websocket_request_param(q, "room");

    snprintf(((struct state *)state)->room, sizeof(((struct state *)state)->room), "%.*s",
             (int)room.len, room.data);
    return room.len > 0 && room.data[0] == '-' ? 403 : goevd_websocket_request_choose(q, "abi");
}

static int
abi_open(struct goevd_websocket_conn *w, void *state)
{
    const struct state *s = state;

    return goevd_websocket_send(w, GOEVD_WEBSOCKET_TEXT, s->room, strlen(s->room));
}

static int
abi_message(struct goevd_websocket_conn *w, void *state, int type, const char *data, size_t len)
{
    ((struct state *)state)->messages++;
    if (len == 4 && memcmp(data, "ping", 4) == 0)
        return goevd_websocket_ping(w, "?", 1);
    if (len == 5 && memcmp(data, "close", 5) == 0)
        return goevd_websocket_close(w, 4000, "as you like");
    return goevd_websocket_send(w, type, data, len);
}

static void
abi_close(struct goevd_websocket_conn *w, void *state, unsigned code, struct goevd_str reason,
          int who)
{
    const struct state *s = state;

    (void)reason;
    goevd_log(goevd_websocket_instance(w), GOEVD_LOG_NOTICE, "%s closed with %u by %d after %u",
              s->room, code, who, s->messages);
}

static const struct goevd_websocket_app app = {
    .version = GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket_app),
    .conn_size = sizeof(struct state),
    .websocket = &goevd_websocket,
    .on_request = abi_request,
    .on_open = abi_open,
    .on_message = abi_message,
    .on_close = abi_close,
};

static int
abi_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    (void)options;
    *ret_instance = self;
    return 0;
}

static const void *
abi_interface(const char *id)
{
    return strcmp(id, GOEVD_WEBSOCKET) == 0 ? &app : NULL;
}

GOEVD_PLUGIN(.name = "abi_websocket", .description = "a WebSocket application of ABI 1.0",
             .create = abi_create, .interface = abi_interface);
