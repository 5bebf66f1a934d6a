/* Files that may not be in memory: whether they are, and reads of them off the poller. */
#pragma once

#include <sys/types.h>

#include "ev/work.h"
#include "net/bytes/outq.h"

/* How many bytes from `offset` on, at most len, are in memory, so that sendfile(2) does not wait
 * for a disk; 0: none, or it cannot be told. Their two ends are looked at: what is missing between
 * them it may wait for. What cannot be read at all counts as ready, for sendfile(2) to say why. */
size_t disk_ready(int fd, off_t offset, size_t len);

/* One read; what `segment` has room for is read into it. */
struct disk_read {
    struct work work; /* its `done` is told how many bytes, from 1 on, or an error; -EIO: none */
    uint64_t id;      /* whose it is */
    int fd;           /* its own: whoever asked may close his */
    off_t offset;
    size_t len;
    struct segment *segment;
};

/* [poller] Begin one of `len` bytes; it comes back to `done`, which frees it. 0; -EMFILE; -ENOMEM;
 * what work_submit() says. */
int disk_read_new(struct work_pool *pool, struct poller *p, int fd, off_t offset, size_t len,
                  uint64_t id, work_done_fn done);

/* [poller] With its segment, unless that is NULL by now. */
void disk_read_free(struct disk_read *read);
