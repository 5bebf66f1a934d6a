/* quotes - changing prices for their subscribers.
 *
 * A WebSocket application for a route such as /quotes/{name}. A client gets the last price of that
 * name at once, and each one that follows. "+NAME" subscribes to another, "-NAME" ends that. A
 * client that reads slowly loses old prices, never new ones. Prices only change while there is a
 * client.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/cache.h>
#include <goevd/poller.h>
#include <goevd/threads.h>
#include <goevd/websocket.h>

#define NAMES 3
#define BACKLOG 4096
#define CLIENTS_MAX 10000 /* of all pollers; each takes its share */
#define PERIOD_NS (100 * GOEVD_MILLISECOND)

GOEVD_WEBSOCKET_TABLE;

static const char *const names[NAMES] = {"gold", "silver", "copper"};

struct quotes {
    struct goevd_self *self;
    struct goevd_websocket_host *host; /* NULL: no websocket names this instance */
    atomic_uint clients;
};

/* Of one poller. The first poller makes the prices. */
struct local {
    struct quotes *quotes;
    struct goevd_timer *timer; /* NULL: this is not the first poller */
    unsigned clients;
    int64_t cents[NAMES];
};

struct client {
    unsigned first; /* of names */
    bool counted;
};

/* ---- Prices ---------------------------------------------------------------------------------- */

static void
quotes_tick(struct goevd_timer *timer, void *arg)
{
    struct local *l = arg;
    struct quotes *q = l->quotes;

    if (atomic_load(&q->clients) == 0) {
        goevd_timer_cancel(timer); /* until quotes_run() */
        return;
    }
    for (uint32_t i = 0; i < NAMES; i++) {
        char text[64];
        int len;

        l->cents[i] += (int64_t)(goevd_now() / 1000 % 21) - 10;
        len = snprintf(text, sizeof(text), "%s %lld", names[i], (long long)l->cents[i]);
        (void)goevd_cache_set(q->self, i, text, (size_t)len);
        if (q->host)
            (void)goevd_websocket_publish(q->host, names[i], strlen(names[i]), GOEVD_WEBSOCKET_TEXT,
                                          text, (size_t)len);
    }
}

/* Of the first poller, as there is a client. */
static void
quotes_run(struct goevd_poller *poller, void *local, void *arg)
{
    struct local *l = local;

    (void)poller, (void)arg;
    if (l)
        (void)goevd_timer_arm(l->timer, 0, PERIOD_NS);
}

/* The last price, in two parts: the second is in the cache. */
static int
quotes_send_last(struct goevd_websocket_conn *w, unsigned name)
{
    const struct quotes *q = goevd_websocket_instance(w);
    struct goevd_poller *poller = goevd_conn_poller(goevd_websocket_stream(w));
    size_t len = 0;
    const char *text = goevd_cache_get(q->self, poller, name, &len);
    int r;

    if (!text)
        return 0;
    r = goevd_websocket_send_fragment(w, GOEVD_WEBSOCKET_TEXT, "last ", 5, GOEVD_WEBSOCKET_FIRST);
    return r < 0 ? r
                 : goevd_websocket_send_fragment(w, GOEVD_WEBSOCKET_TEXT, text, len,
                                                 GOEVD_WEBSOCKET_LAST);
}

/* ---- Clients --------------------------------------------------------------------------------- */

static unsigned
quotes_find(const char *name, size_t len)
{
    unsigned i = 0;

    while (i < NAMES && (strlen(names[i]) != len || memcmp(names[i], name, len) != 0))
        i++;
    return i;
}

static int
quotes_request(struct goevd_websocket_request *q, void *state)
{
    struct goevd_str name = goevd_websocket_request_param(q, "name");
    struct client *client = state;

    client->first = quotes_find(name.data, name.len);
    return client->first < NAMES ? 0 : 404;
}

static int
quotes_subscribe(struct goevd_websocket_conn *w, unsigned name)
{
    int r = goevd_websocket_join(w, names[name], strlen(names[name]));

    return r < 0 ? r : quotes_send_last(w, name);
}

/* The first client of all lets prices change again. */
static int
quotes_count(struct goevd_websocket_conn *w, struct client *client)
{
    struct quotes *q = goevd_websocket_instance(w);
    struct local *l = goevd_websocket_local(w);

    if (l->clients == CLIENTS_MAX / goevd_poller_count())
        return -EAGAIN;
    client->counted = true;
    l->clients++;
    return atomic_fetch_add(&q->clients, 1) == 0 ? goevd_call(q->self, 0, quotes_run, NULL) : 0;
}

static int
quotes_open(struct goevd_websocket_conn *w, void *state)
{
    struct client *client = state;
    int r = quotes_count(w, client);

    if (r == -EAGAIN)
        return goevd_websocket_close(w, 1013, "too many clients");
    if (r == 0)
        r = goevd_websocket_set_slow(w, GOEVD_WEBSOCKET_SLOW_DROP_OLDEST, BACKLOG);
    return r < 0 ? r : quotes_subscribe(w, client->first);
}

static int
quotes_message(struct goevd_websocket_conn *w, void *state, int type, const char *data, size_t len)
{
    unsigned name = len > 0 ? quotes_find(data + 1, len - 1) : NAMES;

    (void)state, (void)type;
    if (name == NAMES)
        return goevd_websocket_close(w, 1008, "+NAME or -NAME, please");
    if (data[0] == '+')
        return quotes_subscribe(w, name);
    (void)goevd_websocket_leave(w, names[name], strlen(names[name]));
    return goevd_websocket_ping(w, "left", 4);
}

static void
quotes_close(struct goevd_websocket_conn *w, void *state, unsigned code, struct goevd_str reason,
             int who)
{
    struct quotes *q = goevd_websocket_instance(w);
    struct local *l = goevd_websocket_local(w);
    const struct client *client = state;

    (void)code, (void)reason, (void)who;
    if (!client->counted)
        return;
    l->clients--;
    atomic_fetch_sub(&q->clients, 1);
}

static int
quotes_host(void *instance, struct goevd_websocket_host *host)
{
    ((struct quotes *)instance)->host = host;
    return 0;
}

static const struct goevd_websocket_app quotes_app = {
    .version = GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket_app),
    .conn_size = sizeof(struct client),
    .websocket = &goevd_websocket,
    .on_request = quotes_request,
    .on_open = quotes_open,
    .on_message = quotes_message,
    .on_close = quotes_close,
    .on_host = quotes_host,
};

/* ---- Life ------------------------------------------------------------------------------------ */

static int
quotes_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct quotes *q = calloc(1, sizeof(*q));

    (void)options;
    if (!q)
        return -ENOMEM;
    q->self = self;
    *ret_instance = q;
    return 0;
}

static int
quotes_poller_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    struct local *l = calloc(1, sizeof(*l));

    if (!l)
        return -ENOMEM;
    l->quotes = instance;
    for (unsigned i = 0; i < NAMES; i++)
        l->cents[i] = 10000;
    *ret_local = l;
    if (goevd_poller_index(poller) > 0)
        return 0;
    l->timer = goevd_timer_new(poller, quotes_tick, l);
    if (l->timer)
        return 0;
    free(l);
    return -ENOMEM;
}

static void
quotes_poller_stop(void *instance, struct goevd_poller *poller, void *local)
{
    struct local *l = local;

    (void)instance, (void)poller;
    goevd_timer_free(l->timer);
    free(l);
}

static const void *
quotes_interface(const char *id)
{
    return strcmp(id, GOEVD_WEBSOCKET) == 0 ? &quotes_app : NULL;
}

GOEVD_PLUGIN(.name = "quotes", .description = "prices that change, to their subscribers",
             .create = quotes_create, .destroy = free, .poller_start = quotes_poller_start,
             .poller_stop = quotes_poller_stop, .interface = quotes_interface);
