#include "worker/owner.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

static bool
owner_number(const char *text, uint32_t *ret)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || n >= UINT32_MAX)
        return false;
    *ret = (uint32_t)n;
    return true;
}

int
owner_find_user(const char *name, uint32_t *ret_uid, uint32_t *ret_gid)
{
    bool number = owner_number(name, ret_uid);
    const struct passwd *user = number ? getpwuid(*ret_uid) : getpwnam(name);

    if (!user && !number)
        return -ENOENT;
    if (user)
        *ret_uid = user->pw_uid;
    if (ret_gid)
        *ret_gid = user ? user->pw_gid : *ret_uid;
    return 0;
}

int
owner_find_group(const char *name, uint32_t *ret_gid)
{
    const struct group *group;

    if (owner_number(name, ret_gid))
        return 0;
    group = getgrnam(name);
    if (!group)
        return -ENOENT;
    *ret_gid = group->gr_gid;
    return 0;
}
