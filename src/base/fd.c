#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int
fd_close(int fd)
{
    int saved = errno;

    if (fd >= 0)
        close(fd); /* close(2): the fd is gone even if this returns EINTR */
    errno = saved;
    return -1;
}

void
fd_reserve(unsigned count)
{
    struct rlimit limit;
    int any, high;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    any = eventfd(0, EFD_CLOEXEC);
    high = any < 0 ? -1 : fcntl(any, F_DUPFD_CLOEXEC, (int)MIN(count, limit.rlim_cur) - 1);
    fd_close(high); /* the table never shrinks */
    fd_close(any);
}

static int
fd_set_flag(int fd, int get, int set, int flag, bool on)
{
    int flags = fcntl(fd, get);

    if (flags < 0)
        return -errno;
    flags = on ? flags | flag : flags & ~flag;
    return fcntl(fd, set, flags) < 0 ? -errno : 0;
}

int
fd_set_nonblock(int fd, bool nonblock)
{
    return fd_set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, nonblock);
}

int
fd_set_cloexec(int fd, bool cloexec)
{
    return fd_set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, cloexec);
}

static int
fd_check_folder(const char *path)
{
    _cleanup_free_ char *folder = strndup(path, (size_t)MAX(strrchr(path, '/') - path, 1));

    if (!folder)
        return -ENOMEM;
    return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int
fd_check_path(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return errno == ENOENT ? fd_check_folder(path) : -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0 ? -errno : 0;
}

void
fd_attach(struct msghdr *header, struct cmsghdr *room, const int *fds, unsigned count)
{
    if (count == 0)
        return;
    header->msg_control = room;
    header->msg_controllen = CMSG_SPACE(count * sizeof(int));
    memset(room, 0, header->msg_controllen);
    room->cmsg_level = SOL_SOCKET;
    room->cmsg_type = SCM_RIGHTS;
    room->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(room), fds, count * sizeof(int));
}
