/* The directory whose files are served. Its name is opened again from time to time, because a
 * deployment may let the name lead to another directory. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "download/options.h"

/* Of an instance. All pollers share it: a poller that was idle while the name led elsewhere serves
 * the new directory too, even where the name leads nowhere by then. */
struct dl_root {
    struct goevd_self *self; /* for its log */
    const struct dl_options *options;
    int fd;
    pthread_mutex_t lock; /* held for an open(2), at most once in open_time; of all that follows: */
    uint64_t generation;  /* how often the name has led to another directory */
    dev_t device;
    ino_t inode;
    uint64_t opened_ns; /* when the name was last opened */
    bool lost;          /* the name cannot be opened at present */
};

/* A poller's own descriptor of it. */
struct dl_root_copy {
    struct dl_root *root;
    int fd;
    uint64_t generation;
    uint64_t checked_ns;
};

/* Returns 0, or a negative errno after it told self the reason. */
int dl_root_init(struct dl_root *root, struct goevd_self *self, const struct dl_options *o);
void dl_root_fini(struct dl_root *root);

/* Returns 0 or a negative errno. */
int dl_root_copy_init(struct dl_root_copy *copy, struct dl_root *root);
void dl_root_copy_fini(struct dl_root_copy *copy);

/* Before a file is looked for: open the name of the root again if that was open_time ago. The
 * directory that was served last is served on where that fails. Returns true if the copy leads to
 * another directory now. */
bool dl_root_copy_refresh(struct dl_root_copy *copy, uint64_t now_ns);
