/* What a worker has been started from, kept for the one that takes its place should it die: the
 * snapshot of its files, its binary and its plugins. They are descriptors; nothing in them is read.
 */
#pragma once

#include "proto/proto.h"

struct origin_plugin {
    char *path;
    int fd;
};

struct origin {
    int snapshot_fd; /* the memfd */
    int binary_fd;   /* -1: could not be opened */
    struct origin_plugin plugins[PROTO_KEPT_MAX];
    unsigned plugin_count;
};

/* With an empty memfd. NULL with the reason. */
struct origin *origin_new(struct err *reterr);

/* Take a file over. Those beyond PROTO_KEPT_MAX are closed. 0; -ENOMEM. */
int origin_add(struct origin *o, const struct proto_kept *file, int fd);

/* Whether its snapshot is written and sealed, so that the worker can no longer change it. */
bool origin_is_sealed(const struct origin *o);

void origin_free(struct origin *o);
