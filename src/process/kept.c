#include "process/kept.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

/* ---- Names ----------------------------------------------------------------------------------- */

/* A name holds no colon, and no address fits one as it is written. */
static size_t
kept_prefix(const struct proto_listen *asked, char buf[PASSED_FDS_NAME_MAX])
{
    const unsigned char *bytes = (const unsigned char *)&asked->address.sa;
    size_t len = (size_t)snprintf(buf, PASSED_FDS_NAME_MAX, KEPT_PREFIX "%u.", asked->nth);

    for (socklen_t i = 0; i < asked->address.len; i++)
        len += (size_t)snprintf(buf + len, PASSED_FDS_NAME_MAX - len, "%02x", bytes[i]);
    len += (size_t)snprintf(buf + len, PASSED_FDS_NAME_MAX - len, ".");
    return len;
}

void
kept_name(const struct proto_listen *asked, unsigned place, char buf[PASSED_FDS_NAME_MAX])
{
    size_t len = kept_prefix(asked, buf);

    snprintf(buf + len, PASSED_FDS_NAME_MAX - len, "%u", place);
}

void
kept_forget(struct kept *k, const struct proto_listen *asked, unsigned first, unsigned count)
{
    char name[PASSED_FDS_NAME_MAX];

    for (unsigned place = first; k->on_forget && place < first + count; place++) {
        kept_name(asked, place, name);
        k->on_forget(name, k->arg);
    }
}

/* ---- Taking ---------------------------------------------------------------------------------- */

struct kept_search {
    struct kept *kept;
    const struct proto_listen *listen;
    size_t prefix_len;
    bool beside;
    int fds[PROTO_FDS_MAX]; /* by place; -1: there is none */
};

/* The manager may have been given one twice. */
static bool
kept_sort(int fd, const char *name, void *arg)
{
    struct kept_search *search = arg;
    unsigned place;

    if (sscanf(name + search->prefix_len, "%u", &place) != 1 || place >= PROTO_FDS_MAX)
        return false;
    if (search->fds[place] < 0)
        search->fds[place] = fd;
    else
        fd_close(fd);
    return true;
}

/* A unix socket whose file is gone cannot be reached. */
static bool
kept_fits(int fd, const struct proto_listen *listen)
{
    struct listen_file file;

    return listen_fits(fd, &listen->address, &listen->options) &&
           listen_file_find(&listen->address, &file) != -ENOENT;
}

static bool
kept_see(int fd, const char *name, void *arg)
{
    (void)fd;
    (void)name;
    *(bool *)arg = true;
    return false;
}

bool
kept_has(struct kept *k, const struct proto_listen *listen)
{
    char prefix[PASSED_FDS_NAME_MAX];
    bool has = false;

    kept_prefix(listen, prefix);
    passed_fds_each(&k->passed, prefix, kept_see, &has);
    return has;
}

static void
kept_drop(struct kept *k, const struct proto_listen *listen, unsigned place, int fd)
{
    if (fd < 0)
        return;
    listen_end(fd);
    kept_forget(k, listen, place, 1);
}

/* Without a gap, because the kernel counts sockets without one when it steers; and the last is
 * ended first, because the kernel lets the last take the place of one that has ended. */
unsigned
kept_take(struct kept *k, const struct proto_listen *listen, unsigned max, int *ret_fds)
{
    struct kept_search search = {.listen = listen};
    char prefix[PASSED_FDS_NAME_MAX];
    unsigned n = 0;

    for (unsigned place = 0; place < PROTO_FDS_MAX; place++)
        search.fds[place] = -1;
    search.prefix_len = kept_prefix(listen, prefix);
    passed_fds_each(&k->passed, prefix, kept_sort, &search);
    while (n < MIN(max, PROTO_FDS_MAX) && search.fds[n] >= 0 && kept_fits(search.fds[n], listen)) {
        ret_fds[n] = search.fds[n];
        n++;
    }
    for (unsigned place = PROTO_FDS_MAX; place-- > n;)
        kept_drop(k, listen, place, search.fds[place]);
    return n;
}

/* ---- Sockets that are left ------------------------------------------------------------------- */

static bool
kept_end_one(int fd, const char *name, void *arg)
{
    const struct kept_search *search = arg;
    const struct proto_listen *listen = search->listen;

    if (listen && !listen_conflicts(fd, &listen->address, listen->options.ipv6_only))
        return false;
    listen_end(fd);
    if (search->kept->on_forget)
        search->kept->on_forget(name, search->kept->arg);
    return true;
}

unsigned
kept_end(struct kept *k, const struct proto_listen *listen)
{
    struct kept_search search = {.kept = k, .listen = listen};

    return passed_fds_each(&k->passed, KEPT_PREFIX, kept_end_one, &search);
}

static bool
kept_find_beside(int fd, const char *name, void *arg)
{
    struct kept_search *search = arg;
    const struct proto_listen *listen = search->listen;

    (void)name;
    search->beside |= listen_is_beside(fd, &listen->address, listen->options.ipv6_only);
    return false;
}

bool
kept_is_beside(struct kept *k, const struct proto_listen *listen)
{
    struct kept_search search = {.listen = listen};

    passed_fds_each(&k->passed, KEPT_PREFIX, kept_find_beside, &search);
    return search.beside;
}
