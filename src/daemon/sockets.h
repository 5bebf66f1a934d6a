/* Where a worker gets its listening sockets from: the supervisor, or itself with --single. */
#pragma once

#include "daemon/store.h"

struct sockets {
    int fd; /* to the supervisor; -1: --single */
    struct store own;
};

/* Say HELLO; -EPROTO if the two do not understand each other. */
int sockets_init(struct sockets *s, int fd, struct err *reterr);

/* The caller owns the fds. */
int sockets_get(struct sockets *s, const struct proto_listen *listen, struct address *ret_bound,
                int ret_fds[PROTO_FDS_MAX], unsigned *ret_count, struct err *reterr);

void sockets_fini(struct sockets *s);
