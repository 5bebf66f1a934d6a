/* What the header Authorization says, RFC 7617 section 2. */
#pragma once

#include <goevd/plugin.h>

/* Bytes of a name, and of a password: crypt(3) takes no more. */
#define AUTH_CREDENTIALS_PART_MAX 511

struct auth_credentials {
    char name[AUTH_CREDENTIALS_PART_MAX + 1];
    char password[AUTH_CREDENTIALS_PART_MAX + 1];
};

/* Read it; false where it says anything but a name and a password that can be some. */
bool auth_credentials_read(struct goevd_str value, struct auth_credentials *ret);
