/* chat - rooms in which everybody hears what anybody says.
 *
 * Named by the websocket plugin it is the application: who connects with ?room=NAME is in that
 * room, and each text goes to all who are there, as it came. As a handler of http it is a page that
 * speaks to it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/http.h>
#include <goevd/websocket.h>

#include "page.h"

#define ROOM_MAX 64

GOEVD_HTTP_TABLE;
GOEVD_WEBSOCKET_TABLE;

struct options {
    struct goevd_str socket;
};

static const struct goevd_option options_table[] = {
    {GOEVD_OPTION(struct options, socket, "socket", STRING), .def = "/ws/chat", .min = 1,
     .max = 1024, .help = "where the page finds the application: the path of its route"},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema options_schema = GOEVD_SCHEMA(struct options, options_table);

struct chat {
    char *page;
    size_t len;
};

/* ---- The application ------------------------------------------------------------------------- */

struct talker {
    uint8_t len;
    char room[ROOM_MAX];
};

/* The value of ?room=, as it was sent: it is only compared. */
static struct goevd_str
chat_room(struct goevd_str query)
{
    while (query.len != 0) {
        const char *amp = memchr(query.data, '&', query.len);
        size_t len = amp == NULL ? query.len : (size_t)(amp - query.data);

        if (len > 5 && memcmp(query.data, "room=", 5) == 0)
            return (struct goevd_str){query.data + 5, len - 5};
        query.len -= amp == NULL ? len : len + 1;
        query.data += amp == NULL ? len : len + 1;
    }
    return (struct goevd_str){"lobby", 5};
}

static int
chat_asked(struct goevd_websocket_request *q, void *state)
{
    struct goevd_str room = chat_room(goevd_websocket_request_query(q));
    struct talker *t = state;

    if (room.len > ROOM_MAX)
        return 400;
    memcpy(t->room, room.data, room.len);
    t->len = (uint8_t)room.len;
    return 0;
}

static int
chat_open(struct goevd_websocket_conn *w, void *state)
{
    const struct talker *t = state;

    return goevd_websocket_join(w, t->room, t->len);
}

static int
chat_message(struct goevd_websocket_conn *w, void *state, int type, const char *data, size_t len)
{
    const struct talker *t = state;
    int r;

    if (type != GOEVD_WEBSOCKET_TEXT)
        return goevd_websocket_close(w, 1003, "only text");
    r = goevd_websocket_publish(goevd_websocket_conn_host(w), t->room, t->len, type, data, len);
    return r == -EAGAIN ? goevd_websocket_close(w, 1013, "too much is said") : r;
}

static const struct goevd_websocket_app chat_app = {
    .version = GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket_app),
    .conn_size = sizeof(struct talker),
    .websocket = &goevd_websocket,
    .on_request = chat_asked,
    .on_open = chat_open,
    .on_message = chat_message,
};

/* ---- The page -------------------------------------------------------------------------------- */

static int
chat_request(struct goevd_http_request *r, void *state)
{
    const struct chat *chat = goevd_http_instance(r);
    enum goevd_http_method method = goevd_http_method(r);
    int result;

    (void)state;
    if (method != GOEVD_HTTP_GET && method != GOEVD_HTTP_HEAD) {
        result = goevd_http_add_header(r, "Allow", "GET, HEAD");
        return result < 0 ? result : goevd_http_reply(r, 405, NULL, NULL, 0);
    }
    return goevd_http_reply(r, 200, "text/html; charset=utf-8", chat->page, chat->len);
}

static const struct goevd_http_handler chat_handler = {
    .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
    .http = &goevd_http,
    .on_request = chat_request,
};

/* ---- Life ------------------------------------------------------------------------------------ */

static bool
chat_path_valid(const char *path)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";

    return path[0] == '/' && path[strspn(path, plain)] == '\0';
}

static int
chat_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct options *o = options;
    struct chat *chat;
    int n;

    if (!chat_path_valid(o->socket.data))
        return goevd_refuse(self, "socket",
                            "'%s' is no path of letters, digits, '/', '.', '_' and '-'; write it "
                            "as in the route of the application",
                            o->socket.data);
    chat = calloc(1, sizeof(*chat));
    if (chat == NULL)
        return -ENOMEM;
    n = asprintf(&chat->page, "%s%s%s", PAGE_HEAD, o->socket.data, PAGE_TAIL);
    if (n < 0) {
        free(chat);
        return -ENOMEM;
    }
    chat->len = (size_t)n;
    *ret_instance = chat;
    return 0;
}

static void
chat_destroy(void *instance)
{
    struct chat *chat = instance;

    free(chat->page);
    free(chat);
}

static const void *
chat_interface(const char *id)
{
    if (strcmp(id, GOEVD_WEBSOCKET) == 0)
        return &chat_app;
    return strcmp(id, GOEVD_HTTP) == 0 ? &chat_handler : NULL;
}

GOEVD_PLUGIN(.name = "chat", .description = "rooms to talk in, and a page for them",
             .options = &options_schema, .create = chat_create, .destroy = chat_destroy,
             .interface = chat_interface);
