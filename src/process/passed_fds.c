#include "process/passed_fds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define PASSED_FDS_FIRST 3 /* SD_LISTEN_FDS_START */
#define PASSED_FDS_MAX 4096

struct passed_fd {
    int fd; /* -1: taken */
    char name[PASSED_FDS_NAME_MAX];
};

/* Names are separated by colons; without any all are called "unknown". */
static void
passed_fds_name(struct passed_fds *in, const char *names)
{
    for (unsigned i = 0; i < in->count; i++) {
        size_t len = strcspn(names, ":");

        snprintf(in->fds[i].name, PASSED_FDS_NAME_MAX, "%.*s", len ? (int)len : 7,
                 len ? names : "unknown");
        names += len + (names[len] == ':');
    }
}

static int
passed_fds_read(struct passed_fds *in, struct err *reterr)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    const char *names = getenv("LISTEN_FDNAMES");
    unsigned long n = count ? strtoul(count, NULL, 10) : 0;

    if (!pid || strtol(pid, NULL, 10) != getpid() || n == 0)
        return 0;
    if (n > PASSED_FDS_MAX)
        return err_set(reterr, -EINVAL, "LISTEN_FDS says %s; at most %d sockets can be taken over",
                       count, PASSED_FDS_MAX);
    in->fds = calloc(n, sizeof(*in->fds));
    if (!in->fds)
        return err_set(reterr, -ENOMEM, "no memory for inherited sockets");
    in->count = (unsigned)n;
    passed_fds_name(in, names ? names : "");
    for (unsigned i = 0; i < in->count; i++) {
        in->fds[i].fd = PASSED_FDS_FIRST + (int)i;
        if (fd_set_cloexec(in->fds[i].fd, true) < 0)
            return err_set(reterr, -errno,
                           "LISTEN_FDS says %s, but file descriptor %d is not open; pass as many "
                           "sockets as it says",
                           count, in->fds[i].fd);
    }
    return 0;
}

int
passed_fds_init(struct passed_fds *in, struct err *reterr)
{
    int r;

    *in = (struct passed_fds){0};
    r = passed_fds_read(in, reterr);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return r;
}

void
passed_fds_fini(struct passed_fds *in)
{
    for (unsigned i = 0; i < in->count; i++)
        fd_close(in->fds[i].fd);
    free(in->fds);
    *in = (struct passed_fds){0};
}

unsigned
passed_fds_take(struct passed_fds *in, const char *name, int *ret_fds, unsigned max)
{
    unsigned n = 0;

    for (unsigned i = 0; i < in->count && n < max; i++) {
        struct passed_fd *f = &in->fds[i];

        if (f->fd < 0 || strcmp(f->name, name) != 0)
            continue;
        ret_fds[n++] = f->fd;
        f->fd = -1;
    }
    return n;
}

static bool
passed_fds_begins(const struct passed_fd *f, const char *prefix)
{
    return strncmp(f->name, prefix, strlen(prefix)) == 0;
}

bool
passed_fds_left(const struct passed_fds *in, const char *prefix, char *buf, size_t size)
{
    size_t len = 0;

    buf[0] = '\0';
    for (unsigned i = 0; i < in->count && len < size; i++)
        if (in->fds[i].fd >= 0 && !passed_fds_begins(&in->fds[i], prefix))
            len +=
                (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "", in->fds[i].name);
    return len > 0;
}

unsigned
passed_fds_each(struct passed_fds *in, const char *prefix, passed_fds_fn fn, void *arg)
{
    unsigned n = 0;

    for (unsigned i = 0; i < in->count; i++) {
        struct passed_fd *f = &in->fds[i];

        if (f->fd < 0 || !passed_fds_begins(f, prefix) || !fn(f->fd, f->name, arg))
            continue;
        f->fd = -1;
        n++;
    }
    return n;
}
