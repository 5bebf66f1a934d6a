/* The directory whose files are served, as a poller has it open. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "download/options.h"

struct dl_root {
    struct goevd_self *self; /* whose log tells of it */
    const struct dl_options *options;
    int fd;
    dev_t device;
    ino_t inode;
    uint64_t opened_ns; /* when its name was last opened */
    bool lost;          /* that has failed since */
};

/* Begin with a directory that is open. 0 or a negative errno. */
int dl_root_init(struct dl_root *root, struct goevd_self *self, const struct dl_options *o, int fd);
void dl_root_fini(struct dl_root *root);

/* Before a file is looked for: open the name of the root again if that was open_time ago. The old
 * directory is served on where that fails. True: it is another directory now. */
bool dl_root_refresh(struct dl_root *root, uint64_t now_ns);
