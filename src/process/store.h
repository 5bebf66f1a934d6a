/* The supervisor's listening sockets: opened when a worker first asks for an address, handed to
 * every worker that asks again, closed when one serves that has not asked. Some were open before:
 * systemd has passed them by name, or has kept them over a restart. */
#pragma once

#include "process/helper.h"
#include "process/kept.h"

struct store_entry;

struct store {
    struct store_entry *entries;
    struct kept kept;
    struct helper *paths; /* makes the calls with paths of unix sockets */
};

/* The opening of a unix socket with a file, whose path may hang. */
struct store_opening {
    struct proto_listen listen;
    bool exists;           /* the store has it, */
    struct address before; /* at this address */
    int fd;                /* -1: the one of the store stays */
    struct address bound;
    struct listen_file file;
    struct err err;
};

/* Take over sockets that were open before. */
int store_init(struct store *s, struct helper *paths, struct err *reterr);

/* A worker starts: store_commit() keeps the sockets that are requested from now on. */
void store_begin(struct store *s);

/* It has asked for all that it needs: -EINVAL if systemd has passed something else. */
int store_check(const struct store *s, struct err *reterr);

/* It serves: close the sockets that it has not asked for, and let its options hold for all others,
 * and its CPUs where connections are steered. Sockets go on listening if an option cannot be set;
 * the last such error is returned. */
int store_commit(struct store *s, struct err *reterr);

/* It will not serve: close the sockets that were opened for it alone. */
void store_rollback(struct store *s);

/* The sockets of an address, opened now if they are not yet. They stay the store's. -EBUSY for
 * an option that cannot change while a socket listens. */
int store_get(struct store *s, const struct proto_listen *listen, struct address *ret_bound,
              const int **ret_fds, unsigned *ret_count, struct err *reterr);

/* Begin opening it. False: store_get() waits for no path. */
bool store_opening_begin(struct store *s, const struct proto_listen *listen,
                         struct store_opening *ret);

/* [any thread] Open the socket unless its file is there. */
void store_opening_run(struct store_opening *o);

/* Let store_get() find it. 0; a negative errno. */
int store_opening_end(struct store *s, struct store_opening *o, struct err *reterr);

/* The worker that has asked has ended: close and remove it. */
void store_opening_drop(struct store *s, struct store_opening *o);

/* Close all sockets. The files of unix sockets are removed, unless they are kept over a restart. */
void store_fini(struct store *s);
