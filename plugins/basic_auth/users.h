/* The file of users: lines "NAME:HASH", as htpasswd(1) writes them, with hashes of crypt(5). Empty
 * lines and those that begin with "#" say nothing. */
#pragma once

#include <goevd/plugin.h>

/* Bytes of a line. */
#define USERS_LINE_MAX 1024

struct user {
    const char *name;
    const char *hash;
    unsigned line;
};

struct users {
    struct user *all; /* by name; not empty */
    size_t count;
    char *text; /* what they are of */
};

/* Read them; what is wrong is refused at `at` in the options, with file and line. */
int users_init(struct users *users, struct goevd_self *self, const char *at, const char *path,
               size_t max);
void users_fini(struct users *users);

/* NULL where there is nobody of that name. */
const struct user *users_find(const struct users *users, const char *name);
