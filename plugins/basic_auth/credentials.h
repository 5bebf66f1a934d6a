/* What the header Authorization says, RFC 7617 section 2. */
#pragma once

#include <goevd/plugin.h>

/* Bytes of a name, and of a password: crypt(3) takes no more. */
#define CREDENTIALS_PART_MAX 511

struct credentials {
    char name[CREDENTIALS_PART_MAX + 1];
    char password[CREDENTIALS_PART_MAX + 1];
};

/* Read it; false where it says anything but a name and a password that can be some. */
bool credentials_read(struct goevd_str value, struct credentials *ret);
