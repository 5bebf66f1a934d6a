/* The files that a worker starts from. They come from the disk, and the supervisor keeps them. A
 * worker that replaces a dead one starts from the files of that one. */
#pragma once

#include "conf/snapshot/snapshot.h"
#include "plug/plugins.h"
#include "worker/parent.h"

struct generation {
    struct snapshot snapshot;
    int fd;     /* the memfd; -1: nothing is kept */
    int binary; /* of this process, open, if it is to be kept; -1 */
    struct module_kept *modules;
    size_t module_count;
};

/* With --single it is the disk, and nothing is kept. */
int generation_init(struct generation *g, struct parent *parent, struct err *reterr);

/* Let the supervisor keep all of it: the files that were read, the plugins and the binary. Only the
 * loss of the supervisor is an error. */
int generation_keep(struct generation *g, struct parent *parent, struct plugins *plugins,
                    struct err *reterr);

void generation_fini(struct generation *g);
