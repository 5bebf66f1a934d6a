/* The parts of a plugin besides its error. */
#pragma once

#include <errno.h>
#include <string.h>

#include <goevd/plugin.h>

static inline ptrdiff_t
plain_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
           unsigned flags)
{
    int r = goevd_conn_write(c, data, len);

    (void)state, (void)fresh, (void)flags;
    return r < 0 ? r : (ptrdiff_t)len;
}

static const struct goevd_stream plain_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_read = plain_read,
};

static inline const void *
plain_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &plain_stream : NULL;
}

static inline int
plain_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    (void)self, (void)options;
    *ret_instance = NULL;
    return 0;
}
