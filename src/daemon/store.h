/* The supervisor's listening sockets: opened when a worker first asks for an address, kept until
 * the supervisor ends, handed to every worker that asks again. */
#pragma once

#include "daemon/proto.h"

struct store_entry;

struct store {
    struct store_entry *entries;
};

/* The sockets of an address, opened now if they are not yet. They stay the store's. */
int store_get(struct store *s, const struct proto_listen *listen, struct address *ret_bound,
              const int **ret_fds, unsigned *ret_count, struct err *reterr);

/* Whether two listeners ask for one address, however it was written. */
bool store_is_same(const struct address *a, const struct address *b);

/* Close all sockets and remove the files of unix sockets. */
void store_fini(struct store *s);
