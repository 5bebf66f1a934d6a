/* The directory whose files are served. Its name is opened again from time to time, because a
 * deployment may let the name lead to another directory. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "download/options.h"

/* State of an instance, shared by all pollers. So a poller that was idle when the name led
 * elsewhere for a moment serves the new directory, too. */
struct dl_root {
    struct goevd_self *self; /* instance that logs errors */
    const struct dl_options *options;
    int fd;
    pthread_mutex_t lock; /* held during open(2), at most once per open_time; protects the following
                           * members */
    uint64_t generation;  /* number of directories that the name has led to, less one */
    dev_t device;
    ino_t inode;
    uint64_t opened_ns; /* time of the last open */
    bool lost;          /* the name cannot be opened at present */
};

/* A poller's descriptor of the directory. */
struct dl_root_copy {
    struct dl_root *root;
    int fd;
    uint64_t generation;
    uint64_t checked_ns;
};

/* Returns 0, or a negative errno after goevd_refuse(). */
int dl_root_init(struct dl_root *root, struct goevd_self *self, const struct dl_options *o);
void dl_root_fini(struct dl_root *root);

/* Returns 0 or a negative errno. */
int dl_root_copy_init(struct dl_root_copy *copy, struct dl_root *root);
void dl_root_copy_fini(struct dl_root_copy *copy);

/* Call before a file is looked up: opens the name of the root again, once per open_time. If that
 * fails, the last directory stays in use. Returns true if the copy leads to another directory
 * now. */
bool dl_root_copy_refresh(struct dl_root_copy *copy, uint64_t now_ns);
