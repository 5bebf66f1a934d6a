/* echo - sends all bytes back.
 *
 * The smallest complete plugin: one stream handler, no options, no state. Read it first. As the
 * application of the websocket plugin it sends messages back.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <goevd/websocket.h>

GOEVD_WEBSOCKET_TABLE;

/* Send everything back, and consume it. The write has three kinds of results:
 *   1        queued, but the peer reads slowly: the host pauses reading until the queue has drained
 *   -ENOBUFS nothing queued, because the queue is full: consuming nothing keeps the bytes, and they
 *            are delivered again when the queue has drained
 *   other    the connection cannot continue: returning the value closes it
 */
static ptrdiff_t
echo_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
          unsigned flags)
{
    int r = goevd_conn_write(c, data, len);

    (void)state, (void)fresh, (void)flags;
    if (r == -ENOBUFS)
        return 0;
    return r < 0 ? r : (ptrdiff_t)len;
}

/* No on_eof: after the peer's last byte the host sends the queued output and closes. */
static const struct goevd_stream echo_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_read = echo_read,
};

/* The same for messages. The websocket plugin handles each result. */
static int
echo_message(struct goevd_websocket_conn *w, void *state, int type, const char *data, size_t len)
{
    (void)state;
    return goevd_websocket_send(w, type, data, len);
}

static const struct goevd_websocket_app echo_app = {
    .version = GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket_app),
    .websocket = &goevd_websocket,
    .on_message = echo_message,
};

static int
echo_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    (void)self, (void)options;
    *ret_instance = NULL;
    return 0;
}

static const void *
echo_interface(const char *id)
{
    if (strcmp(id, GOEVD_WEBSOCKET) == 0)
        return &echo_app;
    return strcmp(id, GOEVD_STREAM) == 0 ? &echo_stream : NULL;
}

GOEVD_PLUGIN(.name = "echo", .description = "sends received bytes back", .create = echo_create,
             .interface = echo_interface);
