#include "download/root.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
dl_root_open(const struct dl_root *root)
{
    int fd = open(root->options->root.data, O_PATH | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

/* Make the directory of fd the root. Returns 0 or a negative errno. */
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
dl_root_init(struct dl_root *root, struct goevd_self *self, const struct dl_options *o)
{
    int fd, r;

    *root = (struct dl_root){.self = self, .options = o, .fd = -1};
    pthread_mutex_init(&root->lock, NULL);
    fd = dl_root_open(root);
    r = fd < 0 ? fd : dl_root_set(root, fd);
    if (r < 0) {
        if (fd >= 0)
            close(fd);
        return goevd_refuse(self, "root", "%s: %s", o->root.data, strerror(-r));
    }
    return 0;
}

void
dl_root_fini(struct dl_root *root)
{
    if (root->fd >= 0)
        close(root->fd);
    pthread_mutex_destroy(&root->lock);
}

/* Log each change: the root cannot be opened any more, or can be opened again. */
static void
dl_root_report(struct dl_root *root, int error)
{
    const char *name = root->options->root.data;

    if (root->lost == (error != 0))
        return;
    root->lost = error != 0;
    if (error != 0)
        goevd_log(root->self, GOEVD_LOG_WARNING,
                  "cannot open the root %s again: %s; still serving the last directory", name,
                  strerror(error));
    else
        goevd_log(root->self, GOEVD_LOG_NOTICE, "the root %s can be opened again", name);
}

static void
dl_root_reopen(struct dl_root *root)
{
    struct dl_root old = *root;
    int fd = dl_root_open(root);

    dl_root_report(root, fd < 0 ? -fd : 0);
    if (fd < 0)
        return;
    if (dl_root_set(root, fd) < 0 || (root->device == old.device && root->inode == old.inode)) {
        root->fd = old.fd;
        close(fd);
        return;
    }
    root->generation++;
    close(old.fd);
}

int
dl_root_copy_init(struct dl_root_copy *copy, struct dl_root *root)
{
    pthread_mutex_lock(&root->lock);
    *copy = (struct dl_root_copy){
        .root = root,
        .fd = fcntl(root->fd, F_DUPFD_CLOEXEC, 3),
        .generation = root->generation,
    };
    pthread_mutex_unlock(&root->lock);
    return copy->fd < 0 ? -errno : 0;
}

void
dl_root_copy_fini(struct dl_root_copy *copy)
{
    if (copy->fd >= 0)
        close(copy->fd);
    copy->fd = -1;
}

/* Whether open_time has passed. Pollers read the clock at different moments, so another poller's
 * time may be ahead of now_ns. */
static bool
dl_root_is_due(const struct dl_root *root, uint64_t since_ns, uint64_t now_ns)
{
    return (int64_t)(now_ns - since_ns) >= root->options->open_time_ns;
}

bool
dl_root_copy_refresh(struct dl_root_copy *copy, uint64_t now_ns)
{
    struct dl_root *root = copy->root;
    int fd = -1;

    if (!dl_root_is_due(root, copy->checked_ns, now_ns))
        return false;
    copy->checked_ns = now_ns;
    pthread_mutex_lock(&root->lock);
    if (dl_root_is_due(root, root->opened_ns, now_ns)) {
        root->opened_ns = now_ns;
        dl_root_reopen(root);
    }
    if (copy->generation != root->generation)
        fd = fcntl(root->fd, F_DUPFD_CLOEXEC, 3);
    if (fd >= 0)
        copy->generation = root->generation;
    pthread_mutex_unlock(&root->lock);
    if (fd < 0)
        return false;
    close(copy->fd);
    copy->fd = fd;
    return true;
}
