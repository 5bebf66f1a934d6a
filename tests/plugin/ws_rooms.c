/* A WebSocket application that does with rooms, and with other connections, what text messages tell
 * it: each is a command, a word, and the rest. What reaches other connections comes from a thread
 * that is no poller. Answers are what the call returned. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/websocket.h>

GOEVD_WEBSOCKET_TABLE;

struct rooms {
    struct goevd_self *self;
    struct goevd_websocket_host *host;
};

struct order {
    struct rooms *rooms;
    struct goevd_websocket_conn *w; /* plugin that gives it */
    char verb[16];
    char word[300];
    char rest[4096];
    int result;
};

static void
rooms_done(void *arg, int result)
{
    struct rooms *rooms = arg;

    goevd_log(rooms->self, GOEVD_LOG_NOTICE, "done %d", result);
}

/* A call from another thread: join the room that arg names. */
static void
rooms_enter(struct goevd_websocket_conn *w, void *state, void *arg)
{
    char *room = arg;

    (void)state;
    if (w != NULL)
        goevd_websocket_join(w, room, strlen(room));
    free(room);
}

static int
rooms_enter_other(struct goevd_websocket_id id, const char *room)
{
    char *copy = strdup(room);
    int r = copy == NULL ? -ENOMEM : goevd_websocket_call(id, rooms_enter, copy);

    if (r < 0)
        free(copy);
    return r;
}

static void *
rooms_thread(void *arg)
{
    struct order *o = arg;
    struct goevd_websocket_id id = {o->rooms->host, strtoull(o->word, NULL, 10)};
    size_t len = strlen(o->rest);

    if (strcmp(o->verb, "text") == 0)
        o->result =
            goevd_websocket_post(id, GOEVD_WEBSOCKET_TEXT, o->rest, len, rooms_done, o->rooms);
    else if (strcmp(o->verb, "ping") == 0)
        o->result = goevd_websocket_post(id, GOEVD_WEBSOCKET_PING, o->rest, len, NULL, NULL);
    else if (strcmp(o->verb, "type") == 0)
        o->result = goevd_websocket_post(id, 3, o->rest, len, NULL, NULL);
    else if (strcmp(o->verb, "close") == 0)
        o->result = goevd_websocket_post_close(id, (unsigned)strtoul(o->rest, NULL, 10),
                                               strchr(o->rest, ' '));
    else if (strcmp(o->verb, "enter") == 0)
        o->result = rooms_enter_other(id, o->rest);
    else if (strcmp(o->verb, "publish") == 0)
        o->result = goevd_websocket_publish(o->rooms->host, o->word, strlen(o->word),
                                            GOEVD_WEBSOCKET_TEXT, o->rest, len);
    else if (strcmp(o->verb, "all") == 0)
        o->result =
            goevd_websocket_publish(o->rooms->host, NULL, 0, GOEVD_WEBSOCKET_BINARY, o->rest, len);
    else if (strcmp(o->verb, "stray") == 0) /* which only the poller may call */
        o->result = goevd_websocket_send(o->w, GOEVD_WEBSOCKET_TEXT, o->rest, len);
    else
        o->result = -ENOSYS;
    return NULL;
}

static int
rooms_obey(struct order *o)
{
    pthread_t thread;

    if (strcmp(o->verb, "join") == 0)
        return goevd_websocket_join(o->w, o->word, strlen(o->word));
    if (strcmp(o->verb, "leave") == 0)
        return goevd_websocket_leave(o->w, o->word, strlen(o->word));
    if (strcmp(o->verb, "slow") == 0)
        return goevd_websocket_set_slow(o->w, (int)strtol(o->word, NULL, 10),
                                        strtoull(o->rest, NULL, 10));
    if (pthread_create(&thread, NULL, rooms_thread, o) != 0)
        abort();
    pthread_join(thread, NULL);
    return o->result;
}

static int
rooms_message(struct goevd_websocket_conn *w, void *state, int type, const char *data, size_t len)
{
    struct order o = {.rooms = goevd_websocket_instance(w), .w = w};
    char text[5000] = "", answer[32];
    int n;

    (void)state;
    if (type != GOEVD_WEBSOCKET_TEXT) { /* published as it is, from the poller */
        n = goevd_websocket_publish(goevd_websocket_conn_host(w), "data", 4, type, data, len);
        return n == -EAGAIN ? goevd_websocket_close(w, 4013, "publish_max") : n;
    }
    memcpy(text, data, len < sizeof(text) ? len : sizeof(text) - 1);
    if (strcmp(text, "id") == 0) {
        n = snprintf(answer, sizeof(answer), "%llu",
                     (unsigned long long)goevd_websocket_conn_id(w).number);
    } else {
        sscanf(text, "%15s %299s %4095[^\n]", o.verb, o.word, o.rest);
        n = snprintf(answer, sizeof(answer), "%s %d", o.verb, rooms_obey(&o));
    }
    return goevd_websocket_send(w, GOEVD_WEBSOCKET_TEXT, answer, (size_t)n);
}

static void *
rooms_protocol_in_thread(void *arg)
{
    struct goevd_str protocol = goevd_websocket_request_protocol(arg);

    return protocol.len > 0 ? arg : NULL; /* not a tail call, so that the caller is known */
}

static void *
rooms_choose_in_thread(void *arg)
{
    return goevd_websocket_request_choose(arg, NULL) < 0 ? arg : NULL;
}

/* The function that a query names is called from a thread, although only the poller may call it. */
static int
rooms_request(struct goevd_websocket_request *q, void *state)
{
    struct goevd_str query = goevd_websocket_request_query(q);
    pthread_t thread;

    (void)state;
    if (query.len == 0)
        return 0;
    if (pthread_create(&thread, NULL,
                       *query.data == 'p' ? rooms_protocol_in_thread : rooms_choose_in_thread,
                       q) != 0)
        abort();
    pthread_join(thread, NULL);
    return 0;
}

static int
rooms_hosted(void *instance, struct goevd_websocket_host *host)
{
    struct rooms *rooms = instance;

    rooms->host = host;
    return 0;
}

static const struct goevd_websocket_app rooms_app = {
    .version = GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket_app),
    .websocket = &goevd_websocket,
    .on_request = rooms_request,
    .on_message = rooms_message,
    .on_host = rooms_hosted,
};

static int
rooms_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct rooms *rooms = calloc(1, sizeof(*rooms));

    (void)options;
    if (rooms == NULL)
        return -ENOMEM;
    rooms->self = self;
    *ret_instance = rooms;
    return 0;
}

static const void *
rooms_interface(const char *id)
{
    return strcmp(id, GOEVD_WEBSOCKET) == 0 ? &rooms_app : NULL;
}

GOEVD_PLUGIN(.name = "ws_rooms", .description = "rooms, as messages tell it",
             .create = rooms_create, .destroy = free, .interface = rooms_interface);
