#include "process/logfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "process/path.h"

#define LOGFILE_KEY "log.target"

static int
logfile_refuse(int r, const char *key, const char *what, const char *path, struct err *reterr)
{
    return err_set(reterr, r, "%s: cannot %s %s: %s; %s, or choose another target", key, what, path,
                   err_words(r), err_advice(r));
}

/* Let sink.h read the end of the file. */
static int
logfile_make_readable(int fd)
{
    struct stat st;
    char self[64];
    int both = -1;

    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        both = open(self, O_RDWR | O_APPEND | O_CLOEXEC);
    if (both < 0)
        return fd;
    fd_close(fd);
    return both;
}

/* O_NONBLOCK: a FIFO without a reader is refused, and one that is not read for long is not waited
 * for. */
int
logfile_open(const char *key, const char *path, struct err *reterr)
{
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = path_open(path, flags, LOGFILE_MODE);

    if (fd == -ELOOP)
        return err_set(reterr, fd,
                       "%s: a link on the way to %s could have been made by another user, and root "
                       "does not follow it; name the file itself, or choose a folder of root",
                       key, path);
    return fd < 0 ? logfile_refuse(fd, key, "open", path, reterr) : logfile_make_readable(fd);
}

int
logfile_check(const char *key, const char *path, struct err *reterr)
{
    int r = fd_check_path(path);

    return r < 0 ? logfile_refuse(r, key, "open", path, reterr) : 0;
}

int
logfile_begin(const struct proto_log *log, struct err *reterr)
{
    int fd = logfile_open(LOGFILE_KEY, log->path, reterr), r;

    if (fd < 0)
        return fd;
    r = log_begin_file(fd, (enum log_format)log->format);
    if (r == 0)
        return fd;
    fd_close(fd);
    return logfile_refuse(r, LOGFILE_KEY, "write to", log->path, reterr);
}

int
logfile_reopen(const struct proto_log *log, const char *why, struct err *reterr)
{
    int fd, r;

    if (log->target != LOG_TO_FILE)
        return err_set(reterr, -ENOENT, "the log goes to no file: there is nothing to reopen");
    log_notice("%s: reopening the log", why);
    fd = logfile_begin(log, reterr);
    if (fd < 0)
        return fd;
    log_flush(); /* the lines so far belong to the old one */
    r = log_replace_file(fd);
    if (r == 0)
        return fd;
    fd_close(fd);
    return err_set_errno(reterr, r, "cannot go over to the new log file");
}

void
logfile_use(const struct proto_log *log, int fd, unsigned repeats_max, uint64_t repeats_ns)
{
    struct log_config config = {
        .target = (enum log_target)log->target,
        .format = (enum log_format)log->format,
        .fd = fd,
        .repeats_max = repeats_max,
        .repeats_ns = repeats_ns,
    };

    log_configure(&config);
}
