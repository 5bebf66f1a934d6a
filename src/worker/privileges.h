/* What a worker may do: whose it is, and which capabilities it keeps. */
#pragma once

#include "base/err.h"

struct privileges {
    uint32_t uid, gid;
};

/* Become that, before any other thread exists, with no capability left, but the one to bind ports
 * below 1024 if `binds`, and never to gain any again: prctl(2), PR_SET_NO_NEW_PRIVS. Root that is
 * to stay root stays all that it is. -EPERM for somebody whom this process may not become. */
int privileges_drop(const struct privileges *p, bool binds, struct err *reterr);
