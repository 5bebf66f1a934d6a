/* The origin of a worker, kept for a replacement if it dies: the snapshot of its files, its binary
 * and its plugins. They are descriptors; nothing in them is read.
 */
#pragma once

#include "process/helper.h"
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

/* Take a file over. 0; a negative errno, -E2BIG beyond PROTO_KEPT_MAX, and fd stays the caller's.
 */
int origin_add(struct origin *o, const struct proto_kept *file, int fd);

/* Whether its snapshot is written and sealed, so that the worker can no longer change it. */
bool origin_is_sealed(const struct origin *o);

/* `closer` closes its descriptors, because they come from a worker. */
void origin_free(struct origin *o, struct helper *closer);
