#include "worker/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Someone without an entry has no further groups. */
static int
privileges_change(const struct privileges *p, struct err *reterr)
{
    unsigned groups = getpwuid(p->uid) ? CAPNG_INIT_SUPP_GRP : 0;
    int r = capng_change_id((int)p->uid, (int)p->gid,
                            (capng_flags_t)(CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | groups));

    if (r < 0)
        return err_set(reterr, -EPERM, "cannot become user %u and group %u (capng_change_id: %d)",
                       p->uid, p->gid, r);
    /* A change of the user disables core dumps, which are needed to find the cause of a crash. */
    prctl(PR_SET_DUMPABLE, 1);
    return 0;
}

static int
privileges_give_up(const struct privileges *p, bool binds, struct err *reterr)
{
    bool change = p->uid != geteuid() || p->gid != getegid();
    bool keeps = binds && capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_BIND_SERVICE);

    if (!change && (p->uid == 0 || capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE))
        return 0;
    if (change && !(capng_have_capability(CAPNG_EFFECTIVE, CAP_SETUID) &&
                    capng_have_capability(CAPNG_EFFECTIVE, CAP_SETGID)))
        return err_set(reterr, -EPERM,
                       "the configuration wants user %u and group %u, but goevd runs as user %u "
                       "and may not change that; start it as root, or leave user and group out",
                       p->uid, p->gid, geteuid());
    capng_clear(CAPNG_SELECT_ALL);
    if (keeps)
        capng_update(CAPNG_ADD, (capng_type_t)(CAPNG_EFFECTIVE | CAPNG_PERMITTED),
                     CAP_NET_BIND_SERVICE);
    if (change)
        return privileges_change(p, reterr);
    return capng_apply(CAPNG_SELECT_CAPS) < 0 ? err_set(reterr, -EPERM, "cannot drop capabilities")
                                              : 0;
}

int
privileges_drop(const struct privileges *p, bool binds, struct err *reterr)
{
    int r = privileges_give_up(p, binds, reterr);

    if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        r = err_set_errno(reterr, -errno, "cannot give up new privileges");
    return r;
}
