/* Name and password in the header Authorization, RFC 7617 section 2. */
#pragma once

#include <goevd/plugin.h>

/* Bytes of a name, and of a password: crypt(3) takes no more. */
#define AUTH_CREDENTIALS_PART_MAX 511

struct auth_credentials {
    char name[AUTH_CREDENTIALS_PART_MAX + 1];
    char password[AUTH_CREDENTIALS_PART_MAX + 1];
};

/* Read it; false unless it has a possible name and password. */
bool auth_credentials_read(struct goevd_str value, struct auth_credentials *ret);
