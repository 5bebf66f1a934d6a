/* Sockets that were open before goevd began: from socket units of systemd, or kept by it over a
 * restart, sd_listen_fds(3). Each has a name. */
#pragma once

#include "base/err.h"

#define PASSED_FDS_NAME_MAX 256 /* with the final zero byte, systemd's own */

struct passed_fd;

struct passed_fds {
    struct passed_fd *fds;
    unsigned count;
};

/* Take them over, and their variables out of the environment. */
int passed_fds_init(struct passed_fds *in, struct err *reterr);

/* Close the descriptors that are left. */
void passed_fds_fini(struct passed_fds *in);

/* Those of that name become the caller's. Returns how many, at most max. */
unsigned passed_fds_take(struct passed_fds *in, const char *name, int *ret_fds, unsigned max);

/* The names of the descriptors that are left, for a sentence, without those that begin with
 * `prefix`. Returns false if there is none. */
bool passed_fds_left(const struct passed_fds *in, const char *prefix, char *buf, size_t size);

/* Call fn for each descriptor that is left and whose name begins with `prefix`. fn returns true if
 * it has taken it over. Returns how many it has. */
typedef bool (*passed_fds_fn)(int fd, const char *name, void *arg);
unsigned passed_fds_each(struct passed_fds *in, const char *prefix, passed_fds_fn fn, void *arg);
