#include "daemon/store.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/fd.h"

struct store_entry {
    struct store_entry *next;
    struct address asked;
    unsigned nth;
    struct address bound;
    struct listen_options options; /* as asked for last */
    bool wanted;                   /* since store_begin() */
    bool fresh;                    /* opened since then */
    unsigned count;
    int fds[PROTO_FDS_MAX];
};

bool
store_is_same(const struct address *a, const struct address *b)
{
    return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}

static struct store_entry *
store_find(struct store *s, const struct proto_listen *listen)
{
    for (struct store_entry *e = s->entries; e; e = e->next)
        if (e->nth == listen->nth && store_is_same(&e->asked, &listen->address))
            return e;
    return NULL;
}

static int
store_open(struct store *s, const struct proto_listen *listen, struct store_entry **ret,
           struct err *reterr)
{
    unsigned count = MIN(MAX(listen->count, 1), PROTO_FDS_MAX);
    struct store_entry *e = calloc(1, sizeof(*e));
    int r;

    if (!e)
        return err_set(reterr, -ENOMEM, "no memory for a listening socket");
    e->asked = listen->address;
    e->nth = listen->nth;
    e->fresh = true;
    e->count = address_is_tcp(&listen->address) ? count : 1;
    r = listen_open(&listen->address, &listen->options, e->count, e->fds, &e->bound, reterr);
    if (r < 0) {
        free(e);
        return r;
    }
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
    if (e->bound.sa.sa_family != AF_INET6 || e->options.ipv6_only == listen->options.ipv6_only)
        return 0;
    return err_set(reterr, -EBUSY, "ipv6_only cannot change while it listens; restart goevd");
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
    e->options = listen->options;
    e->wanted = true;
    *ret_bound = e->bound;
    *ret_fds = e->fds;
    *ret_count = e->count;
    return 0;
}

static void
store_close(struct store_entry *e)
{
    for (unsigned i = 0; i < e->count; i++)
        fd_close(e->fds[i]);
    listen_unlink(&e->bound);
    free(e);
}

void
store_begin(struct store *s)
{
    for (struct store_entry *e = s->entries; e; e = e->next)
        e->wanted = e->fresh = false;
}

static int
store_adjust(struct store_entry *e, struct err *reterr)
{
    int r = listen_adjust_file(&e->bound, &e->options, reterr);

    for (unsigned i = 0; r == 0 && i < e->count; i++)
        r = listen_adjust(e->fds[i], &e->bound, &e->options, reterr);
    return r;
}

int
store_commit(struct store *s, struct err *reterr)
{
    int r = 0;

    for (struct store_entry **at = &s->entries, *e; (e = *at);) {
        if (!e->wanted) {
            *at = e->next;
            store_close(e);
            continue;
        }
        if (!e->fresh && store_adjust(e, reterr) < 0)
            r = reterr->code;
        at = &e->next;
    }
    return r;
}

void
store_rollback(struct store *s)
{
    for (struct store_entry **at = &s->entries, *e; (e = *at);) {
        if (e->fresh) {
            *at = e->next;
            store_close(e);
        } else {
            at = &e->next;
        }
    }
}

void
store_fini(struct store *s)
{
    while (s->entries) {
        struct store_entry *e = s->entries;

        s->entries = e->next;
        store_close(e);
    }
}
