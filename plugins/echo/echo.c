/* echo - writes back what it reads.
 *
 * The smallest whole plugin: one stream handler, no options, no state. A first one to read.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <string.h>

#include <goevd/plugin.h>

/* Everything goes back and is consumed. Three things can happen to the write:
 *   1        queued, but the peer reads slowly: the host pauses reading until the queue has drained
 *   -ENOBUFS nothing queued, the queue is at its cap: consuming nothing keeps the bytes, and they
 *            come again when the queue has drained
 *   other    the connection cannot go on: returning it closes the connection
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

/* No on_eof: once the peer has sent its last byte, the host sends what is queued and closes. */
static const struct goevd_stream echo_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_read = echo_read,
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
    return strcmp(id, GOEVD_STREAM) == 0 ? &echo_stream : NULL;
}

GOEVD_PLUGIN(.name = "echo", .description = "writes back what it reads", .create = echo_create,
             .interface = echo_interface);
