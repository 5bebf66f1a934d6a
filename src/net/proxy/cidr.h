/* Sets of addresses, as people write them: 10.0.0.0/8, ::1, unix. */
#pragma once

#include <sys/socket.h>

#include "base/err.h"

struct cidr {
    sa_family_t family; /* AF_UNIX: every unix peer */
    uint8_t prefix;     /* bits of ip that count */
    uint8_t ip[16];
};

/* "ADDRESS/BITS", "ADDRESS" alone for that one, or "unix". Bits behind the prefix must be 0. An
 * IPv6 network of IPv4 addresses (::ffff:0:0/96 and its parts) is the same as their IPv4 one.
 */
int cidr_parse(const char *text, struct cidr *ret, struct err *reterr);

/* Does that address lie in one of them? IPv4 addresses that came as IPv6 ones are IPv4. */
bool cidr_any(const struct cidr *cidrs, size_t count, const struct sockaddr *sa);
