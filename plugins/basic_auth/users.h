/* The file of users: lines "NAME:HASH", as htpasswd(1) writes them, with hashes of crypt(5). Empty
 * lines and lines that begin with "#" are ignored. */
#pragma once

#include <goevd/plugin.h>

/* Longest line. */
#define AUTH_USERS_LINE_MAX 1024

struct auth_user {
    const char *name;
    const char *hash;
    unsigned line;
};

struct auth_users {
    struct auth_user *all; /* sorted by name; not empty */
    size_t count;
    char *text; /* memory of the names and hashes */
};

/* Read the file. An error is reported for the option `at`, with file and line. */
int auth_users_init(struct auth_users *users, struct goevd_self *self, const char *at,
                    const char *path, size_t max);
void auth_users_fini(struct auth_users *users);

/* NULL: no user has that name. */
const struct auth_user *auth_users_find(const struct auth_users *users, const char *name);
