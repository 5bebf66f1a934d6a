#include "download/root.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
dl_root_set(struct dl_root *root, int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    root->fd = fd;
    root->device = st.st_dev;
    root->inode = st.st_ino;
    return 0;
}

int
dl_root_init(struct dl_root *root, struct goevd_self *self, const struct dl_options *o, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int r = copy < 0 ? -errno : dl_root_set(root, copy);

    root->self = self;
    root->options = o;
    if (r < 0) {
        root->fd = -1;
        if (copy >= 0)
            close(copy);
    }
    return r;
}

void
dl_root_fini(struct dl_root *root)
{
    if (root->fd >= 0)
        close(root->fd);
    root->fd = -1;
}

/* Its name could be opened, or not: log each change once. */
static void
dl_root_report(struct dl_root *root, int error)
{
    const char *name = root->options->root.data;

    if (root->lost == (error != 0))
        return;
    root->lost = error != 0;
    if (error != 0)
        goevd_log(root->self, GOEVD_LOG_WARNING,
                  "cannot open the root %s again: %s; the directory that it was is served on", name,
                  strerror(error));
    else
        goevd_log(root->self, GOEVD_LOG_NOTICE, "the root %s can be opened again", name);
}

bool
dl_root_refresh(struct dl_root *root, uint64_t now_ns)
{
    struct dl_root old = *root;
    int fd;

    if (now_ns - old.opened_ns < (uint64_t)old.options->open_time_ns)
        return false;
    root->opened_ns = now_ns;
    fd = open(old.options->root.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
    dl_root_report(root, fd < 0 ? errno : 0);
    if (fd < 0)
        return false;
    if (dl_root_set(root, fd) < 0 || (root->device == old.device && root->inode == old.inode)) {
        root->fd = old.fd;
        close(fd);
        return false;
    }
    close(old.fd);
    return true;
}
