/* Users and groups as a configuration names them: by name, or by number. */
#pragma once

#include "base/util.h"

/* A number that no entry has is taken as it is, and as the number of its group. ret_gid, the group
 * of that user, may be NULL. 0; -ENOENT. */
int owner_find_user(const char *name, uint32_t *ret_uid, uint32_t *ret_gid);

int owner_find_group(const char *name, uint32_t *ret_gid);
