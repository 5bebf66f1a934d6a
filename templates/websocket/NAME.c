/* @NAME@ - a WebSocket application that counts the messages of each connection.
 * goevd-websocket-app(7) explains these callbacks and the others. */
#include <stdio.h>
#include <string.h>

#include <goevd/websocket.h>

GOEVD_WEBSOCKET_TABLE;

/* ---- Options --------------------------------------------------------------------------------- */

struct options {
    struct goevd_str word;
};

static const struct goevd_option rows[] = {
    {.name = "word",
     .type = GOEVD_OPTION_STRING,
     .offset = offsetof(struct options, word),
     .def = "message",
     .max = 64,
     .help = "Text to count in each message."},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema schema = GOEVD_SCHEMA(struct options, rows);

/* ---- Connections ----------------------------------------------------------------------------- */

/* The state of each connection; zeroed when it opens. */
struct counter {
    unsigned count;
};

static int
@NAME@_message(struct goevd_websocket_conn *w, void *state, int type, const char *data, size_t len)
{
    const struct options *o = goevd_websocket_instance(w);
    struct counter *c = state;
    char text[100];
    int n = snprintf(text, sizeof(text), "%.*s %u: %zu bytes", (int)o->word.len, o->word.data,
                     ++c->count, len);

    (void)type, (void)data;
    return goevd_websocket_send(w, GOEVD_WEBSOCKET_TEXT, text, (size_t)n);
}

static const struct goevd_websocket_app app = {
    .version = GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket_app),
    .conn_size = sizeof(struct counter),
    .websocket = &goevd_websocket,
    .on_message = @NAME@_message,
};

/* ---- The plugin ------------------------------------------------------------------------------ */

static int
@NAME@_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct options *o = options;

    /* goevd -t calls create too: refuse wrong options here, but start threads and write files only
     * if this is no check. */
    if (!goevd_checking(self))
        goevd_log(self, GOEVD_LOG_INFO, "counts each %.*s", (int)o->word.len, o->word.data);
    *ret_instance = (void *)options; /* they outlive the instance, and are all of it */
    return 0;
}

static const void *
@NAME@_interface(const char *id)
{
    return strcmp(id, GOEVD_WEBSOCKET) == 0 ? &app : NULL;
}

GOEVD_PLUGIN(.name = "@NAME@", .description = "counts messages", .options = &schema,
             .create = @NAME@_create, .interface = @NAME@_interface);
