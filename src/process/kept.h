/* Sockets that the service manager has kept over a restart. Each has a name that spells the address
 * that was asked for and the place of the socket among those of that address: the manager passes
 * them in any order. */
#pragma once

#include "process/passed_fds.h"
#include "proto/proto.h"

#define KEPT_PREFIX "goevd." /* the beginning of their names */

struct kept {
    struct passed_fds passed; /* all that was open before, also that of socket units */

    /* A socket is to be kept over a restart under this name, or no longer. NULL: no manager
     * keeps sockets. */
    void (*on_keep)(const char *name, int fd, void *arg);
    void (*on_forget)(const char *name, void *arg);
    void *arg;
};

/* The name of the socket at `place` of those that were asked for. */
void kept_name(const struct proto_listen *asked, unsigned place, char buf[PASSED_FDS_NAME_MAX]);

/* Whether one is kept for that request. */
bool kept_has(struct kept *k, const struct proto_listen *listen);

/* Take the sockets that were kept for this address, in their order, at most `max` of them. Those
 * beyond max, and those that do not fit the options, are ended. Returns how many are taken. */
unsigned kept_take(struct kept *k, const struct proto_listen *listen, unsigned max, int *ret_fds);

/* End the sockets that are left: all, or those that keep the address of `listen` from being
 * bound. Returns how many. */
unsigned kept_end(struct kept *k, const struct proto_listen *listen);

/* Whether a socket is left on another address that conflicts with this one. */
bool kept_is_beside(struct kept *k, const struct proto_listen *listen);

/* The manager need not keep them any more. */
void kept_forget(struct kept *k, const struct proto_listen *asked, unsigned first, unsigned count);
