#include "net/bytes/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"

/* ---- Pages in memory ------------------------------------------------------------------------- */

/* Only files of tmpfs and its like have seals, and only those are nowhere else. Asking fstatfs(2)
 * for the type might have to wait itself. */
static bool
disk_is_none(int fd)
{
    return fcntl(fd, F_GET_SEALS) >= 0;
}

/* Whether a byte can be read without waiting. */
static bool
disk_has(int fd, off_t offset)
{
    char byte;
    struct iovec iov = {&byte, 1};

    if (preadv2(fd, &iov, 1, offset, RWF_NOWAIT) >= 0)
        return true;
    return errno == EOPNOTSUPP ? disk_is_none(fd) : errno != EAGAIN;
}

/* cachestat(2) would also cover the pages between, but takes more than ten times as long, and it
 * counts pages that are still on their way from the disk. */
size_t
disk_ready(int fd, off_t offset, size_t len)
{
    if (!disk_has(fd, offset))
        return 0;
    while (len > 1 && !disk_has(fd, offset + (off_t)len - 1))
        len /= 4;
    return len;
}

/* ---- Reading it ------------------------------------------------------------------------------ */

static int
disk_read_run(struct work *w)
{
    struct disk_read *read = container_of(w, struct disk_read, work);
    ssize_t n;

    do
        n = pread(read->fd, read->segment->copy, read->len, read->offset);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        n = n < 0 ? -errno : -EIO;
    read->fd = fd_close(read->fd);
    return (int)n;
}

/* A disk that does not answer delays no other. */
static uint8_t
disk_share(int fd)
{
    struct stat st;

    return work_share(fstat(fd, &st) < 0 ? 0 : st.st_dev);
}

void
disk_read_free(struct disk_read *read)
{
    struct buffers *buffers = &read->work.poller->buffers;

    fd_close(read->fd);
    outq_spare_free(buffers, read->segment);
    buffer_give(buffers, read, sizeof(*read));
}

int
disk_read_new(struct work_pool *pool, struct poller *p, int fd, off_t offset, size_t len,
              uint64_t id, work_done_fn done)
{
    struct disk_read *read = buffer_take(&p->buffers, sizeof(*read));
    int r = 0;

    if (!read)
        return -ENOMEM;
    *read = (struct disk_read){.work = {.run = disk_read_run,
                                        .done = done,
                                        .poller = p,
                                        .kind = WORK_FILES,
                                        .share = disk_share(fd)},
                               .id = id,
                               .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
                               .offset = offset,
                               .len = len,
                               .segment = outq_spare(&p->buffers, len)};
    if (read->fd < 0 || !read->segment)
        r = read->fd < 0 ? -EMFILE : -ENOMEM;
    else
        r = work_submit(pool, &read->work);
    if (r < 0)
        disk_read_free(read);
    return r;
}
