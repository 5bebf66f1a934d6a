/* How many connections each client has with a listener. All pollers count together: a lock for each
 * connection, of which there are many, and which listeners without such a limit do not have. */
#pragma once

#include <sys/socket.h>

#include "base/err.h"

struct tally;

/* -ENOMEM; another negative errno: there are no random numbers. NULL frees nothing. */
int tally_new(struct tally **ret);
void tally_free(struct tally *t);

/* Count one more of this address, unless it has `max`. An IPv6 /64 counts as one address, because a
 * client has all addresses of its network. All unix peers count as one. 0; -EAGAIN at `max`;
 * -ENOMEM. */
int tally_add(struct tally *t, const struct sockaddr *peer, unsigned max);

/* One of them is gone. */
void tally_drop(struct tally *t, const struct sockaddr *peer);
