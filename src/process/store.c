#include "process/store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/log.h"

struct store_entry {
    struct store_entry *next;
    struct proto_listen asked;  /* last; found by its address, name and number */
    struct proto_listen wanted; /* by the worker that starts */
    struct address bound;
    struct listen_file file; /* of a unix socket */
    bool is_wanted;          /* since store_begin() */
    bool fresh;              /* opened since then */
    unsigned count;
    unsigned kept; /* by the manager, the first of them, under names that `asked` makes */
    int fds[PROTO_FDS_MAX];
};

/* ---- Finding --------------------------------------------------------------------------------- */

/* The sockets may have been asked for in another way, as with port 0 that has become this one. */
static bool
store_is_bound_to(const struct store_entry *e, const struct proto_listen *listen)
{
    return !*e->asked.systemd && !*listen->systemd && address_is_tcp(&e->bound) &&
           address_is_same(&e->bound, &listen->address);
}

static struct store_entry *
store_find(struct store *s, const struct proto_listen *listen)
{
    for (struct store_entry *e = s->entries; e; e = e->next)
        if (!e->is_wanted && e->asked.nth == listen->nth && proto_is_same(&e->asked, listen))
            return e;
    for (struct store_entry *e = s->entries; e; e = e->next)
        if (!e->is_wanted && store_is_bound_to(e, listen))
            return e;
    return NULL;
}

static void
store_free(struct store_entry *e)
{
    for (unsigned i = 0; i < e->count; i++)
        fd_close(e->fds[i]);
    free(e);
}

/* ---- Files of unix sockets ------------------------------------------------------------------- */

struct store_file_job {
    struct helper_job job;
    struct address bound;
    struct listen_file file;
    struct listen_options options;
    struct err err;
};

static void
store_unlink_run(struct helper_job *job)
{
    struct store_file_job *j = container_of(job, struct store_file_job, job);

    listen_unlink(&j->bound, &j->file);
}

static void
store_adjust_run(struct helper_job *job)
{
    struct store_file_job *j = container_of(job, struct store_file_job, job);

    (void)listen_adjust_file(&j->bound, &j->file, &j->options, &j->err);
}

static void
store_file_done(struct helper_job *job)
{
    struct store_file_job *j = container_of(job, struct store_file_job, job);

    if (j->err.code)
        log_warning("a listening socket stays as it was: %s", j->err.text);
    free(j);
}

static void
store_submit(struct store *s, const struct address *bound, const struct listen_file *file,
             const struct listen_options *options, void (*run)(struct helper_job *job))
{
    struct store_file_job *j = NULL;

    if (!listen_has_file(bound))
        return;
    j = calloc(1, sizeof(*j));
    if (!j) {
        log_error("no memory to change the file of unix:%s", bound->un.sun_path);
        return;
    }
    *j = (struct store_file_job){
        .job = {.run = run, .done = store_file_done}, .bound = *bound, .file = *file};
    if (options)
        j->options = *options;
    helper_submit(s->paths, &j->job);
}

static void
store_unlink(struct store *s, const struct address *bound, const struct listen_file *file)
{
    store_submit(s, bound, file, NULL, store_unlink_run);
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

    e->count = passed_fds_take(&s->kept.passed, name, e->fds, PROTO_FDS_MAX);
    if (e->count > 0)
        return store_adopt(e, name, reterr);
    if (passed_fds_left(&s->kept.passed, KEPT_PREFIX, names, sizeof(names)))
        return err_set(reterr, -ENOENT, "systemd has passed no socket '%s', but: %s", name, names);
    return err_set(reterr, -ENOENT,
                   "systemd has passed no socket '%s', and no other; is there a socket unit with "
                   "FileDescriptorName=%s, and was goevd started with it?",
                   name, name);
}

static bool
store_has_beside(struct store *s, const struct proto_listen *listen)
{
    for (const struct store_entry *e = s->entries; e; e = e->next)
        if (listen_is_beside(e->fds[0], &listen->address, listen->options.ipv6_only))
            return true;
    return kept_is_beside(&s->kept, listen);
}

/* A conflict with sockets of goevd itself is none. Those that it has kept come first in the
 * kernel's order of those of an address, and new ones behind them. */
static int
store_bind(struct store *s, struct store_entry *e, unsigned count, struct err *reterr)
{
    const struct proto_listen *listen = &e->wanted;
    unsigned more = count - e->count;
    int *fds = e->fds + e->count, r;

    if (e->count > 0 || store_has_beside(s, listen))
        r = listen_open_beside(&listen->address, &listen->options, more, fds, &e->bound, reterr);
    else
        r = listen_open(&listen->address, &listen->options, more, fds, &e->bound, reterr);
    if (r == 0)
        e->count = count;
    return r;
}

/* Kept sockets may be in the way, for example if another user has bound them. Returns how many were
 * ended. */
static unsigned
store_make_room(struct store *s, struct store_entry *e)
{
    unsigned own = e->count;

    while (e->count > 0)
        listen_end(e->fds[--e->count]);
    kept_forget(&s->kept, &e->wanted, 0, own);
    return own + kept_end(&s->kept, &e->wanted);
}

static int
store_open_own(struct store *s, struct store_entry *e, struct err *reterr)
{
    const struct proto_listen *listen = &e->wanted;
    bool tcp = address_is_tcp(&listen->address);
    unsigned count = tcp ? MIN(MAX(listen->count, 1), PROTO_FDS_MAX) : 1;
    struct err err = {0};
    int r = 0;

    e->count = e->kept = kept_take(&s->kept, listen, count, e->fds);
    if (e->count > 0)
        r = store_adopt(e, "kept", &err);
    if (r == 0 && e->count < count)
        r = store_bind(s, e, count, &err);
    if (r == -EADDRINUSE && store_make_room(s, e) > 0) {
        e->kept = 0;
        return store_bind(s, e, count, reterr);
    }
    return r < 0 ? err_set(reterr, r, "%s", err.text) : 0;
}

static int
store_open(struct store *s, const struct proto_listen *listen, struct store_entry **ret,
           struct err *reterr)
{
    struct store_entry *e = calloc(1, sizeof(*e));
    int r;

    if (!e)
        return err_set(reterr, -ENOMEM, "no memory for a listening socket");
    e->asked = e->wanted = *listen;
    e->fresh = true;
    r = *listen->systemd ? store_open_passed(s, e, reterr) : store_open_own(s, e, reterr);
    if (r < 0) {
        store_free(e);
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

/* A unix socket whose file is gone cannot be reached. Another file in its place belongs to another
 * program. */
void
store_opening_run(struct store_opening *o)
{
    struct listen_file now;

    if (o->exists && listen_file_find(&o->before, &now) != -ENOENT)
        return;
    if (listen_open(&o->listen.address, &o->listen.options, 1, &o->fd, &o->bound, &o->err) == 0)
        (void)listen_file_find(&o->bound, &o->file);
}

bool
store_opening_begin(struct store *s, const struct proto_listen *listen, struct store_opening *ret)
{
    const struct store_entry *e = store_find(s, listen);

    if (*listen->systemd || !listen_has_file(&listen->address) || kept_has(&s->kept, listen))
        return false;
    *ret = (struct store_opening){.listen = *listen, .exists = e != NULL, .fd = -1};
    if (e)
        ret->before = e->bound;
    return true;
}

int
store_opening_end(struct store *s, struct store_opening *o, struct err *reterr)
{
    struct store_entry *e;

    if (o->fd < 0)
        return o->err.code ? err_set(reterr, o->err.code, "%s", o->err.text) : 0;
    e = calloc(1, sizeof(*e));
    if (!e) {
        store_opening_drop(s, o);
        return err_set(reterr, -ENOMEM, "no memory for a listening socket");
    }
    *e = (struct store_entry){.asked = o->listen,
                              .wanted = o->listen,
                              .bound = o->bound,
                              .file = o->file,
                              .fresh = true,
                              .count = 1,
                              .fds = {o->fd},
                              .next = s->entries};
    s->entries = e;
    return 0;
}

void
store_opening_drop(struct store *s, struct store_opening *o)
{
    if (o->fd < 0)
        return;
    store_unlink(s, &o->bound, &o->file);
    o->fd = helper_close(s->paths, o->fd);
}

int
store_get(struct store *s, const struct proto_listen *listen, struct address *ret_bound,
          const int **ret_fds, unsigned *ret_count, struct err *reterr)
{
    struct store_entry *e = store_find(s, listen);
    int r = e ? store_check_change(e, listen, reterr) : store_open(s, listen, &e, reterr);

    if (r < 0)
        return r;
    assert(e);
    e->wanted = *listen;
    e->is_wanted = true;
    *ret_bound = e->bound;
    *ret_fds = e->fds;
    *ret_count = e->count;
    return 0;
}

/* ---- From one worker to the next ------------------------------------------------------------- */

/* Sockets that systemd has passed are not goevd's to end. */
static void
store_close(struct store *s, struct store_entry *e)
{
    if (!*e->asked.systemd) {
        store_unlink(s, &e->bound, &e->file);
        kept_forget(&s->kept, &e->asked, 0, e->kept);
    }
    store_free(e);
}

void
store_begin(struct store *s)
{
    for (struct store_entry *e = s->entries; e; e = e->next)
        e->is_wanted = e->fresh = false;
}

int
store_check(const struct store *s, struct err *reterr)
{
    char names[256];

    if (!passed_fds_left(&s->kept.passed, KEPT_PREFIX, names, sizeof(names)))
        return 0;
    return err_set(reterr, -EINVAL,
                   "systemd has passed sockets that no listener takes: %s; let a listener have the "
                   "address systemd:NAME, or take them out of the socket unit",
                   names);
}

/* Under names that the last request for them makes. */
static void
store_keep(struct store *s, struct store_entry *e)
{
    char name[PASSED_FDS_NAME_MAX];

    if (*e->wanted.systemd)
        return;
    if (e->asked.nth != e->wanted.nth || !proto_is_same(&e->asked, &e->wanted)) {
        kept_forget(&s->kept, &e->asked, 0, e->kept);
        e->kept = 0;
    }
    e->asked = e->wanted;
    for (; s->kept.on_keep && e->kept < e->count; e->kept++) {
        kept_name(&e->asked, e->kept, name);
        s->kept.on_keep(name, e->fds[e->kept], s->kept.arg);
    }
}

static int
store_steer(const struct store_entry *e, struct err *reterr)
{
    const struct proto_listen *listen = &e->wanted;
    unsigned cpus[PROTO_FDS_MAX];
    char text[ADDRESS_TEXT_MAX];
    struct err err = {0};

    if (listen->steer_count == 0 || listen->steer_count > PROTO_FDS_MAX ||
        !listen_can_steer(e->fds, e->count)) {
        listen_unsteer(e->fds[0]);
        return 0;
    }
    for (unsigned i = 0; i < e->count; i++)
        cpus[i] = listen->steer_cpus[i % listen->steer_count];
    if (listen_steer(e->fds[0], cpus, e->count, &err) == 0)
        return 0;
    return err_set(reterr, err.code, "%s: %s",
                   address_format(&e->bound.sa, e->bound.len, text, sizeof(text)), err.text);
}

static int
store_adjust(struct store *s, struct store_entry *e, struct err *reterr)
{
    const struct listen_options *options = &e->wanted.options;
    int r = 0;

    if (!*e->wanted.systemd)
        store_submit(s, &e->bound, &e->file, options, store_adjust_run);
    for (unsigned i = 0; r == 0 && i < e->count; i++)
        r = listen_adjust(e->fds[i], &e->bound, options, reterr);
    return r == 0 ? store_steer(e, reterr) : r;
}

/* First, for the manager knows sockets by a name that one of those that stay may have too. */
static void
store_drop_unwanted(struct store *s)
{
    for (struct store_entry **at = &s->entries, *e; (e = *at);) {
        if (e->is_wanted || *e->asked.systemd) {
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
    kept_end(&s->kept, NULL);
    for (struct store_entry *e = s->entries; e; e = e->next) {
        if (!e->is_wanted)
            continue;
        if (store_adjust(s, e, reterr) < 0)
            r = reterr->code;
        store_keep(s, e);
        e->fresh = false;
    }
    return r;
}

/* A socket that came from systemd is there for the next one that asks, and so is one that it has
 * kept. */
void
store_rollback(struct store *s)
{
    for (struct store_entry **at = &s->entries, *e; (e = *at);) {
        if (e->fresh && !*e->asked.systemd && e->kept == 0) {
            *at = e->next;
            store_close(s, e);
        } else {
            at = &e->next;
        }
    }
}

/* ---- All of it ------------------------------------------------------------------------------- */

int
store_init(struct store *s, struct helper *paths, struct err *reterr)
{
    *s = (struct store){.paths = paths};
    return passed_fds_init(&s->kept.passed, reterr);
}

void
store_fini(struct store *s)
{
    while (s->entries) {
        struct store_entry *e = s->entries;

        s->entries = e->next;
        if (!s->kept.on_keep && !*e->asked.systemd)
            store_unlink(s, &e->bound, &e->file);
        store_free(e);
    }
    passed_fds_fini(&s->kept.passed);
}
