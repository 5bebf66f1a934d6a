/* The supervisor's listening sockets: opened when a worker first asks for an address, handed to
 * every worker that asks again, closed when one serves that has not asked. */
#pragma once

#include "daemon/proto.h"

struct store_entry;

struct store {
    struct store_entry *entries;
};

/* A worker starts: what it asks for from now on is kept by store_commit(). */
void store_begin(struct store *s);

/* It serves: close the sockets that it has not asked for, and let its options hold for those that
 * were there before. Sockets go on listening if an option cannot be set; the last such error is
 * returned. */
int store_commit(struct store *s, struct err *reterr);

/* It will not serve: close the sockets that were opened for it alone. */
void store_rollback(struct store *s);

/* The sockets of an address, opened now if they are not yet. They stay the store's. What cannot be
 * changed about a socket that listens is -EBUSY. */
int store_get(struct store *s, const struct proto_listen *listen, struct address *ret_bound,
              const int **ret_fds, unsigned *ret_count, struct err *reterr);

/* Whether two listeners ask for one address, however it was written. */
bool store_is_same(const struct address *a, const struct address *b);

/* Close all sockets and remove the files of unix sockets. */
void store_fini(struct store *s);
