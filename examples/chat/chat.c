/* chat - rooms in which all members get each message.
 *
 * As an application of the websocket plugin: a client that connects with ?room=ROOM&name=NAME is in
 * that room under that name. Each text that it sends goes to all members as
 *
 *   {"event":"said","name":NAME,"text":TEXT}
 *
 * Members also get {"event":"joined","name":NAME,"count":N,"version":V}, and the same with "left".
 * A newcomer first gets {"event":"members","count":N,"version":V,"names":[...]}, with at most 100
 * names. Pollers do not wait for each other, so that events may overtake that list: one whose
 * version is not above the list's is in the list already. Names stay percent-encoded, as
 * encodeURIComponent() writes them.
 *
 * As a handler of http: a page that speaks to the application.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/http.h>
#include <goevd/websocket.h>

#include "members.h"
#include "page.h"

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
    struct chat_rooms rooms;
};

/* ---- The application ------------------------------------------------------------------------- */

/* The value of a name in the query, as it was sent; `otherwise` if it is missing or empty. */
static struct goevd_str
chat_param(struct goevd_str query, const char *name, const char *otherwise)
{
    size_t name_len = strlen(name);

    while (query.len != 0) {
        const char *amp = memchr(query.data, '&', query.len);
        size_t len = amp ? (size_t)(amp - query.data) : query.len;

        if (len > name_len + 1 && memcmp(query.data, name, name_len) == 0 &&
            query.data[name_len] == '=')
            return (struct goevd_str){query.data + name_len + 1, len - name_len - 1};
        query.len -= amp ? len + 1 : len;
        query.data += amp ? len + 1 : len;
    }
    return (struct goevd_str){otherwise, strlen(otherwise)};
}

/* Copy a value that encodeURIComponent() may have written. Returns whether it is one and not too
 * long. */
static bool
chat_copy(struct goevd_str value, char *to, size_t max)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_.!~*'()%+";

    if (value.len > max)
        return false;
    memcpy(to, value.data, value.len);
    to[value.len] = '\0';
    return strspn(to, plain) == value.len;
}

static int
chat_asked(struct goevd_websocket_request *q, void *state)
{
    struct goevd_str query = goevd_websocket_request_query(q);
    struct chat_member *m = state;
    bool good = chat_copy(chat_param(query, "room", "lobby"), m->room_name, CHAT_ROOM_MAX) &&
                chat_copy(chat_param(query, "name", "guest"), m->name, CHAT_NAME_MAX);

    return good ? 0 : 400;
}

/* An event that the room cannot get now is one that a busy room can do without: the next one has
 * the count. */
static void
chat_publish_event(struct goevd_websocket_conn *w, const struct chat_member *m, const char *event)
{
    (void)goevd_websocket_publish(goevd_websocket_conn_host(w), m->room_name, strlen(m->room_name),
                                  GOEVD_WEBSOCKET_TEXT, event, strlen(event));
}

static int
chat_open(struct goevd_websocket_conn *w, void *state)
{
    struct chat *chat = goevd_websocket_instance(w);
    struct chat_member *m = state;
    char list[CHAT_LIST_MAX], joined[CHAT_EVENT_MAX];
    int r = goevd_websocket_join(w, m->room_name, strlen(m->room_name));

    if (r < 0)
        return r;
    r = chat_rooms_enter(&chat->rooms, m, list, joined);
    if (r < 0)
        return r;
    r = goevd_websocket_send(w, GOEVD_WEBSOCKET_TEXT, list, strlen(list));
    chat_publish_event(w, m, joined);
    return r < 0 ? r : 0;
}

/* JSON with a text and the name of its author, RFC 8259 section 7. A text is UTF-8, which needs no
 * more escapes. Returns it, to be freed, or NULL. */
static char *
chat_quote(const struct chat_member *m, const char *text, size_t len, size_t *ret_len)
{
    char *json = NULL;
    FILE *out = open_memstream(&json, ret_len);

    if (!out)
        return NULL;
    fprintf(out, "{\"event\":\"said\",\"name\":\"%s\",\"text\":\"", m->name);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ')
            fprintf(out, "\\u%04x", text[i]);
        else if (text[i] == '"' || text[i] == '\\')
            fprintf(out, "\\%c", text[i]);
        else
            fputc(text[i], out);
    }
    fputs("\"}", out);
    if (fclose(out) == 0)
        return json;
    free(json);
    return NULL;
}

static int
chat_message(struct goevd_websocket_conn *w, void *state, int type, const char *data, size_t len)
{
    const struct chat_member *m = state;
    size_t json_len;
    char *json;
    int r;

    if (type != GOEVD_WEBSOCKET_TEXT)
        return goevd_websocket_close(w, 1003, "only text");
    json = chat_quote(m, data, len, &json_len);
    if (!json)
        return -ENOMEM;
    r = goevd_websocket_publish(goevd_websocket_conn_host(w), m->room_name, strlen(m->room_name),
                                type, json, json_len);
    free(json);
    return r == -EAGAIN ? goevd_websocket_close(w, 1013, "too much is being said") : r;
}

static void
chat_close(struct goevd_websocket_conn *w, void *state, unsigned code, struct goevd_str reason,
           int who)
{
    struct chat *chat = goevd_websocket_instance(w);
    struct chat_member *m = state;
    char left[CHAT_EVENT_MAX];

    (void)code, (void)reason, (void)who;
    if (chat_rooms_leave(&chat->rooms, m, left) == 0)
        chat_publish_event(w, m, left);
}

static const struct goevd_websocket_app chat_app = {
    .version = GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket_app),
    .conn_size = sizeof(struct chat_member),
    .websocket = &goevd_websocket,
    .on_request = chat_asked,
    .on_open = chat_open,
    .on_message = chat_message,
    .on_close = chat_close,
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
    result = goevd_http_start(r, 200, "text/html; charset=utf-8", chat->len);
    if (result >= 0) /* the page stays until all requests are over: no copy, and no release */
        result = goevd_http_write_shared(r, chat->page, chat->len, NULL, NULL);
    return result < 0 ? result : goevd_http_end(r);
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
    if (!chat)
        return -ENOMEM;
    n = asprintf(&chat->page, "%s%s%s", page_head, o->socket.data, page_tail);
    if (n < 0) {
        free(chat);
        return -ENOMEM;
    }
    chat->len = (size_t)n;
    chat_rooms_init(&chat->rooms);
    *ret_instance = chat;
    return 0;
}

static void
chat_destroy(void *instance)
{
    struct chat *chat = instance;

    chat_rooms_fini(&chat->rooms);
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
