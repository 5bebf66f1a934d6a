#include "process/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "process/path.h"

static int
pidfile_busy(int fd, const char *path, struct err *reterr)
{
    char pid[16] = "";
    ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

    pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
    return err_set(reterr, -EBUSY,
                   "pid_file %s is held by process %s, which lives; is that another "
                   "goevd? Stop it, or choose another file",
                   path, *pid ? pid : "(unknown)");
}

/* Its holder removes it when he ends: the file that is locked must still be the one at the path. */
static bool
pidfile_is_there(int fd, const char *path)
{
    struct stat ours, there;

    return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

static int
pidfile_refuse(int code, const char *what, const char *path, struct err *reterr)
{
    return err_set(reterr, code, "cannot %s pid_file %s: %s; %s, or choose another file", what,
                   path, err_words(code), err_advice(code));
}

static int
pidfile_lock(const char *path, struct err *reterr)
{
    int fd, r;

    do {
        fd = path_open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
            return pidfile_refuse(fd, "open", path, reterr);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            r = errno == EWOULDBLOCK ? pidfile_busy(fd, path, reterr)
                                     : pidfile_refuse(-errno, "lock", path, reterr);
            fd_close(fd);
            return r;
        }
    } while (!pidfile_is_there(fd, path) && (fd_close(fd), true));
    return fd;
}

static int
pidfile_write(int fd, const char *path, struct err *reterr)
{
    char pid[16];
    int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

    if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)len, 0) != len)
        return pidfile_refuse(errno ? -errno : -ENOSPC, "write", path, reterr);
    return 0;
}

int
pidfile_check(const char *path, struct err *reterr)
{
    int r = fd_check_path(path);

    return r < 0 ? pidfile_refuse(r, "open", path, reterr) : 0;
}

int
pidfile_open(struct pidfile *f, const char *path, struct err *reterr)
{
    int fd, r;

    if (f->fd >= 0 && strcmp(f->path, path) == 0)
        return 0;
    fd = pidfile_lock(path, reterr);
    if (fd < 0)
        return fd;
    r = pidfile_write(fd, path, reterr);
    if (r < 0) {
        unlink(path);
        fd_close(fd);
        return r;
    }
    f->fd = fd;
    snprintf(f->path, sizeof(f->path), "%s", path);
    return 0;
}

void
pidfile_close(struct pidfile *f)
{
    if (f->fd < 0)
        return;
    unlink(f->path);
    f->fd = fd_close(f->fd);
}
