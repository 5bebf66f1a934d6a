#include "supervisor/origin.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/fd.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u /* newer kernels warn about memfds without it */
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
    char *path;

    if (file->binary && o->binary_fd >= 0)
        return -EEXIST;
    if (file->binary) {
        o->binary_fd = fd;
        return 0;
    }
    if (o->plugin_count == PROTO_KEPT_MAX)
        return -E2BIG;
    path = strdup(file->path);
    if (!path)
        return -ENOMEM;
    o->plugins[o->plugin_count++] = (struct origin_plugin){.path = path, .fd = fd};
    return 0;
}

bool
origin_is_sealed(const struct origin *o)
{
    const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

    return (fcntl(o->snapshot_fd, F_GET_SEALS) & wanted) == wanted;
}

void
origin_free(struct origin *o, struct helper *closer)
{
    if (!o)
        return;
    for (unsigned i = 0; i < o->plugin_count; i++) {
        helper_close(closer, o->plugins[i].fd);
        free(o->plugins[i].path);
    }
    helper_close(closer, o->binary_fd);
    helper_close(closer, o->snapshot_fd);
    free(o);
}
