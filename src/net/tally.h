/* How many connections each client has with a listener. All pollers count together: a lock for each
 * connection, of which there are many, and which listeners without such a limit do not have. */
#pragma once

#include <sys/socket.h>

#include "base/err.h"

struct tally;

/* -ENOMEM; another negative errno: there are no random numbers. NULL frees nothing. */
int tally_new(struct tally **ret);
void tally_free(struct tally *t);

/* One more of this address, unless it has `max`. Of IPv6, 64 bits are an address, for whoever has
 * one has all of them; all unix peers are one. 0; -EAGAIN: it has; -ENOMEM. */
int tally_add(struct tally *t, const struct sockaddr *peer, unsigned max);

/* One of them is gone. */
void tally_drop(struct tally *t, const struct sockaddr *peer);
