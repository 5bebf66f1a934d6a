/* A WebSocket application that gets messages part by part, and reports each part. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <goevd/websocket.h>

GOEVD_WEBSOCKET_TABLE;

struct stream_state {
    size_t bytes;   /* parts of the current message that were reported */
    size_t refused; /* parts */
};

/* The answer to a part is as long as the part, behind its type and flags; to the last one it tells
 * how long the message was. */
static int
stream_fragment(struct goevd_websocket_conn *w, void *state, int type, const char *data, size_t len,
                unsigned flags)
{
    struct stream_state *s = state;
    char text[70000];
    int n, r;

    n = snprintf(text, sizeof(text), "%d %u %zu ", type, flags,
                 (flags & GOEVD_WEBSOCKET_LAST) != 0 ? s->bytes + len : 0);
    if (len > sizeof(text) - (size_t)n)
        return -EMSGSIZE;
    memcpy(text + n, data, len);
    r = goevd_websocket_send(w, GOEVD_WEBSOCKET_BINARY, text, (size_t)n + len);
    if (r == -ENOBUFS)
        s->refused++;
    else
        s->bytes = (flags & GOEVD_WEBSOCKET_LAST) != 0 ? 0 : s->bytes + len;
    return r;
}

static void
stream_closed(struct goevd_websocket_conn *w, void *state, unsigned code, struct goevd_str reason,
              int who)
{
    const struct stream_state *s = state;

    (void)reason, (void)who;
    goevd_conn_log(goevd_websocket_stream(w), GOEVD_LOG_NOTICE, "close %u, %s", code,
                   s->refused != 0 ? "some late" : "none late");
}

static const struct goevd_websocket_app stream_app = {
    .version = GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket_app),
    .conn_size = sizeof(struct stream_state),
    .websocket = &goevd_websocket,
    .on_fragment = stream_fragment,
    .on_close = stream_closed,
};

static int
stream_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    (void)self, (void)options, (void)ret_instance;
    return 0;
}

static const void *
stream_interface(const char *id)
{
    return strcmp(id, GOEVD_WEBSOCKET) == 0 ? &stream_app : NULL;
}

GOEVD_PLUGIN(.name = "ws_stream", .description = "gets messages part by part",
             .create = stream_create, .interface = stream_interface);
