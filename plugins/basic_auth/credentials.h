/* Parses name and password from the header Authorization, RFC 7617 section 2. */
#pragma once

#include <goevd/plugin.h>

/* Longest name, and longest password: the limit of crypt(3). */
#define AUTH_CREDENTIALS_PART_MAX 511

struct auth_credentials {
    char name[AUTH_CREDENTIALS_PART_MAX + 1];
    char password[AUTH_CREDENTIALS_PART_MAX + 1];
};

/* Parse the header. False: it has no valid name and password. */
bool auth_credentials_read(struct goevd_str value, struct auth_credentials *ret);
