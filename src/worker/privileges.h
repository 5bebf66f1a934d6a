/* Privileges of a worker: its user, its group and the capabilities that it keeps. */
#pragma once

#include "base/err.h"

struct privileges {
    uint32_t uid, gid;
};

/* Become that user before any other thread exists. No capability is left but the one to bind ports
 * below 1024 if `binds`, and none can be gained again: prctl(2), PR_SET_NO_NEW_PRIVS. Root that is
 * to stay root keeps its capabilities. -EPERM if this process may not become that user. */
int privileges_drop(const struct privileges *p, bool binds, struct err *reterr);
