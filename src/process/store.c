#include "process/store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/fd.h"

struct store_entry {
    struct store_entry *next;
    struct proto_listen asked; /* last; its address, name and number are what it is found by */
    struct address bound;
    struct listen_file file; /* of a unix socket */
    bool wanted;             /* since store_begin() */
    bool fresh;              /* opened since then */
    unsigned count;
    int fds[PROTO_FDS_MAX];
};

/* ---- Finding --------------------------------------------------------------------------------- */

static struct store_entry *
store_find(struct store *s, const struct proto_listen *listen)
{
    for (struct store_entry *e = s->entries; e; e = e->next)
        if (e->asked.nth == listen->nth && proto_is_same(&e->asked, listen))
            return e;
    return NULL;
}

/* How the manager knows it over a restart: a name holds no colon, and no address fits one as it is
 * written. */
static void
store_name(const struct proto_listen *listen, char buf[PASSED_FDS_NAME_MAX])
{
    const unsigned char *bytes = (const unsigned char *)&listen->address.sa;
    size_t len = (size_t)snprintf(buf, PASSED_FDS_NAME_MAX, STORE_PREFIX "%u.", listen->nth);

    for (socklen_t i = 0; i < listen->address.len && len + 2 < PASSED_FDS_NAME_MAX; i++)
        len += (size_t)snprintf(buf + len, PASSED_FDS_NAME_MAX - len, "%02x", bytes[i]);
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* Whatever has passed them may have made them in another way. */
static int
store_adopt(struct store_entry *e, const char *name, struct err *reterr)
{
    for (unsigned i = 0; i < e->count; i++) {
        int type = 0, listens = 0;
        socklen_t len = sizeof(type);

        if (getsockopt(e->fds[i], SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM ||
            getsockopt(e->fds[i], SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || !listens)
            return err_set(reterr, -EINVAL,
                           "what systemd has passed as '%s' is no stream socket that listens; "
                           "let its unit have ListenStream=, and not Accept=",
                           name);
        if (fd_set_nonblock(e->fds[i], true) < 0)
            return err_set_errno(reterr, -errno, "cannot use the socket '%s'", name);
    }
    e->bound = (struct address){.len = sizeof(e->bound.storage), .any = e->asked.address.any};
    if (getsockname(e->fds[0], &e->bound.sa, &e->bound.len) < 0)
        return err_set_errno(reterr, -errno, "cannot learn the address of the socket '%s'", name);
    return 0;
}

static int
store_open_passed(struct store *s, struct store_entry *e, struct err *reterr)
{
    const char *name = e->asked.systemd;
    char names[256];

    e->count = passed_fds_take(&s->passed, name, e->fds, PROTO_FDS_MAX);
    if (e->count > 0)
        return store_adopt(e, name, reterr);
    if (passed_fds_left(&s->passed, STORE_PREFIX, names, sizeof(names)))
        return err_set(reterr, -ENOENT, "systemd has passed no socket '%s', but: %s", name, names);
    return err_set(reterr, -ENOENT,
                   "systemd has passed no socket '%s', and no other; is there a socket unit with "
                   "FileDescriptorName=%s, and was goevd started with it?",
                   name, name);
}

static int
store_open_own(struct store *s, struct store_entry *e, struct err *reterr)
{
    const struct proto_listen *listen = &e->asked;
    struct listen_file file;
    char name[PASSED_FDS_NAME_MAX];

    store_name(listen, name);
    e->count = passed_fds_take(&s->passed, name, e->fds, PROTO_FDS_MAX);
    if (e->count > 0 && listen_file_find(&listen->address, &file) != -ENOENT)
        return store_adopt(e, name, reterr);
    while (e->count > 0) /* nobody could reach them */
        fd_close(e->fds[--e->count]);
    e->count = address_is_tcp(&listen->address) ? MIN(MAX(listen->count, 1), PROTO_FDS_MAX) : 1;
    return listen_open(&listen->address, &listen->options, e->count, e->fds, &e->bound, reterr);
}

static int
store_open(struct store *s, const struct proto_listen *listen, struct store_entry **ret,
           struct err *reterr)
{
    struct store_entry *e = calloc(1, sizeof(*e));
    int r;

    if (!e)
        return err_set(reterr, -ENOMEM, "no memory for a listening socket");
    e->asked = *listen;
    e->fresh = true;
    r = *listen->systemd ? store_open_passed(s, e, reterr) : store_open_own(s, e, reterr);
    if (r < 0) {
        free(e);
        return r;
    }
    (void)listen_file_find(&e->bound, &e->file);
    e->next = s->entries;
    s->entries = e;
    *ret = e;
    return 0;
}

/* Whether an IPv6 socket takes IPv4 too is decided when it is bound, ipv6(7). */
static int
store_check_change(const struct store_entry *e, const struct proto_listen *listen,
                   struct err *reterr)
{
    if (e->bound.sa.sa_family != AF_INET6 || *listen->systemd ||
        e->asked.options.ipv6_only == listen->options.ipv6_only)
        return 0;
    return err_set(reterr, -EBUSY, "ipv6_only cannot change while it listens; restart goevd");
}

/* Nobody reaches a unix socket whose file is gone. Where another stands in its place, that is
 * somebody else's. */
static bool
store_is_gone(const struct store_entry *e)
{
    struct listen_file now;

    return !*e->asked.systemd && listen_file_find(&e->bound, &now) == -ENOENT;
}

int
store_get(struct store *s, const struct proto_listen *listen, struct address *ret_bound,
          const int **ret_fds, unsigned *ret_count, struct err *reterr)
{
    struct store_entry *e = store_find(s, listen);
    bool anew = !e || store_is_gone(e);
    int r = !anew ? store_check_change(e, listen, reterr) : store_open(s, listen, &e, reterr);

    if (r < 0)
        return r;
    assert(e);
    e->asked = *listen;
    e->wanted = true;
    *ret_bound = e->bound;
    *ret_fds = e->fds;
    *ret_count = e->count;
    return 0;
}

/* ---- From one worker to the next ------------------------------------------------------------- */

static void
store_free(struct store_entry *e)
{
    for (unsigned i = 0; i < e->count; i++)
        fd_close(e->fds[i]);
    free(e);
}

/* What systemd has passed is not ours to end. */
static void
store_close(struct store *s, struct store_entry *e)
{
    char name[PASSED_FDS_NAME_MAX];

    if (!*e->asked.systemd) {
        listen_unlink(&e->bound, &e->file);
        store_name(&e->asked, name);
        if (s->on_forget && !e->fresh)
            s->on_forget(name, s->arg);
    }
    store_free(e);
}

void
store_begin(struct store *s)
{
    for (struct store_entry *e = s->entries; e; e = e->next)
        e->wanted = e->fresh = false;
}

int
store_check(const struct store *s, struct err *reterr)
{
    char names[256];

    if (!passed_fds_left(&s->passed, STORE_PREFIX, names, sizeof(names)))
        return 0;
    return err_set(reterr, -EINVAL,
                   "systemd has passed sockets that no listener takes: %s; let a listener have the "
                   "address systemd:NAME, or take them out of the socket unit",
                   names);
}

static void
store_keep(struct store *s, const struct store_entry *e)
{
    char name[PASSED_FDS_NAME_MAX];

    if (!s->on_keep || *e->asked.systemd)
        return;
    store_name(&e->asked, name);
    s->on_keep(name, e->fds, e->count, s->arg);
}

static int
store_adjust(struct store_entry *e, struct err *reterr)
{
    const struct listen_options *options = &e->asked.options;
    int r = *e->asked.systemd ? 0 : listen_adjust_file(&e->bound, &e->file, options, reterr);

    for (unsigned i = 0; r == 0 && i < e->count; i++)
        r = listen_adjust(e->fds[i], &e->bound, options, reterr);
    return r;
}

/* First, for the manager knows sockets by a name that one of those that stay may have too. */
static void
store_drop_unwanted(struct store *s)
{
    for (struct store_entry **at = &s->entries, *e; (e = *at);) {
        if (e->wanted || *e->asked.systemd) {
            at = &e->next;
        } else {
            *at = e->next;
            store_close(s, e);
        }
    }
}

int
store_commit(struct store *s, struct err *reterr)
{
    int r = 0;

    store_drop_unwanted(s);
    for (struct store_entry *e = s->entries; e; e = e->next) {
        if (store_adjust(e, reterr) < 0)
            r = reterr->code;
        if (e->fresh)
            store_keep(s, e);
        e->fresh = false;
    }
    if (s->on_forget)
        passed_fds_drop(&s->passed, STORE_PREFIX, s->on_forget, s->arg);
    return r;
}

/* A socket that came from systemd is there for the next one that asks. */
void
store_rollback(struct store *s)
{
    for (struct store_entry **at = &s->entries, *e; (e = *at);) {
        if (e->fresh && !*e->asked.systemd) {
            *at = e->next;
            store_close(s, e);
        } else {
            at = &e->next;
        }
    }
}

/* ---- All of it ------------------------------------------------------------------------------- */

int
store_init(struct store *s, struct err *reterr)
{
    *s = (struct store){0};
    return passed_fds_init(&s->passed, reterr);
}

void
store_fini(struct store *s)
{
    while (s->entries) {
        struct store_entry *e = s->entries;

        s->entries = e->next;
        if (!s->on_keep && !*e->asked.systemd)
            listen_unlink(&e->bound, &e->file);
        store_free(e);
    }
    passed_fds_fini(&s->passed);
}
