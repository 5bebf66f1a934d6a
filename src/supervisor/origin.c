#include "supervisor/origin.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/fd.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u /* of newer kernels, which want it to be said */
#endif

static int
origin_make_memfd(void)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = memfd_create("goevd-snapshot", flags | MFD_NOEXEC_SEAL);

    return fd < 0 && errno == EINVAL ? memfd_create("goevd-snapshot", flags) : fd;
}

struct origin *
origin_new(struct err *reterr)
{
    struct origin *o = calloc(1, sizeof(*o));

    if (!o) {
        err_set(reterr, -ENOMEM, "no memory for the snapshot of the configuration");
        return NULL;
    }
    o->binary_fd = -1;
    o->snapshot_fd = origin_make_memfd();
    if (o->snapshot_fd >= 0)
        return o;
    err_set_errno(reterr, -errno, "cannot make a memfd for the snapshot of the configuration");
    free(o);
    return NULL;
}

int
origin_add(struct origin *o, const struct proto_kept *file, int fd)
{
    if (file->binary) {
        fd_close(o->binary_fd);
        o->binary_fd = fd;
        return 0;
    }
    if (o->plugin_count == PROTO_KEPT_MAX) {
        fd_close(fd);
        return 0;
    }
    o->plugins[o->plugin_count] = (struct origin_plugin){.path = strdup(file->path), .fd = fd};
    return o->plugins[o->plugin_count++].path ? 0 : -ENOMEM;
}

bool
origin_is_sealed(const struct origin *o)
{
    const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

    return (fcntl(o->snapshot_fd, F_GET_SEALS) & wanted) == wanted;
}

void
origin_free(struct origin *o)
{
    if (!o)
        return;
    for (unsigned i = 0; i < o->plugin_count; i++) {
        fd_close(o->plugins[i].fd);
        free(o->plugins[i].path);
    }
    fd_close(o->binary_fd);
    fd_close(o->snapshot_fd);
    free(o);
}
