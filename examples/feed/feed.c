/* feed - messages of one publisher for all subscribers.
 *
 * An application of the websocket plugin. A client that connects with ?key=KEY is the publisher,
 * one at a time; all others get its messages.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/websocket.h>

GOEVD_WEBSOCKET_TABLE;

struct options {
    struct goevd_str key;
};

static const struct goevd_option options_table[] = {
    {GOEVD_OPTION(struct options, key, "key", STRING), .flags = GOEVD_OPTION_REQUIRED, .min = 1,
     .max = 256, .help = "secret of the publisher, sent as ?key=KEY; another key is refused"},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema options_schema = GOEVD_SCHEMA(struct options, options_table);

struct feed {
    struct goevd_str key;
    atomic_bool published; /* there is a publisher */
};

struct reader {
    bool publishes;
};

static const char room[] = "feed";

/* It takes as long whatever differs. */
static bool
feed_key_is(struct goevd_str key, const char *shown, size_t len)
{
    unsigned differs = key.len != len;

    for (size_t i = 0; i < len; i++)
        differs |= (unsigned char)shown[i] ^ (unsigned char)key.data[i % key.len];
    return differs == 0;
}

/* The value of ?key=, as it was sent; NULL: there is none. */
static struct goevd_str
feed_key(struct goevd_str query)
{
    while (query.len != 0) {
        const char *amp = memchr(query.data, '&', query.len);
        size_t len = amp ? (size_t)(amp - query.data) : query.len;

        if (len >= 4 && memcmp(query.data, "key=", 4) == 0)
            return (struct goevd_str){query.data + 4, len - 4};
        query.len -= amp ? len + 1 : len;
        query.data += amp ? len + 1 : len;
    }
    return (struct goevd_str){0};
}

static int
feed_asked(struct goevd_websocket_request *q, void *state)
{
    const struct feed *f = goevd_websocket_request_instance(q);
    struct goevd_str shown = feed_key(goevd_websocket_request_query(q));
    static const char wrong[] = "the key is wrong\n";
    struct reader *reader = state;
    int r;

    reader->publishes = shown.data != NULL;
    if (!reader->publishes || feed_key_is(f->key, shown.data, shown.len))
        return 0;
    r = goevd_websocket_request_add_header(q, "Cache-Control", "no-store");
    return r < 0 ? r
                 : goevd_websocket_request_refuse(q, 403, "text/plain", wrong, sizeof(wrong) - 1);
}

static int
feed_open(struct goevd_websocket_conn *w, void *state)
{
    struct feed *f = goevd_websocket_instance(w);
    struct reader *reader = state;

    if (!reader->publishes)
        return goevd_websocket_join(w, room, sizeof(room) - 1);
    reader->publishes = !atomic_exchange(&f->published, true);
    return reader->publishes ? 0 : goevd_websocket_close(w, 1008, "another client publishes");
}

static int
feed_message(struct goevd_websocket_conn *w, void *state, int type, const char *data, size_t len)
{
    const struct reader *reader = state;
    int r;

    if (!reader->publishes)
        return goevd_websocket_close(w, 1008, "only the publisher may speak");
    r = goevd_websocket_publish(goevd_websocket_conn_host(w), room, sizeof(room) - 1, type, data,
                                len);
    return r == -EAGAIN ? goevd_websocket_close(w, 1013, "too fast") : r;
}

static void
feed_close(struct goevd_websocket_conn *w, void *state, unsigned code, struct goevd_str reason,
           int who)
{
    struct feed *f = goevd_websocket_instance(w);
    const struct reader *reader = state;

    (void)code, (void)reason, (void)who;
    if (reader->publishes)
        atomic_store(&f->published, false);
}

static const struct goevd_websocket_app feed_app = {
    .version = GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket_app),
    .conn_size = sizeof(struct reader),
    .websocket = &goevd_websocket,
    .on_request = feed_asked,
    .on_open = feed_open,
    .on_message = feed_message,
    .on_close = feed_close,
};

static int
feed_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct options *o = options;
    struct feed *f;

    for (size_t i = 0; i < o->key.len; i++)
        if (o->key.data[i] <= ' ' || o->key.data[i] > '~' ||
            strchr("&#\"<>", o->key.data[i]) != NULL)
            return goevd_refuse(self, "key",
                                "a key of visible ASCII without & # \" < > is needed: no request "
                                "could show this one");
    f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->key = o->key;
    *ret_instance = f;
    return 0;
}

static const void *
feed_interface(const char *id)
{
    return strcmp(id, GOEVD_WEBSOCKET) == 0 ? &feed_app : NULL;
}

GOEVD_PLUGIN(.name = "feed", .description = "one publisher, many subscribers",
             .options = &options_schema, .create = feed_create, .destroy = free,
             .interface = feed_interface);
