/* Files that may not be in memory: whether they are, and reads of them off the poller. */
#pragma once

#include <sys/types.h>

#include "ev/work.h"
#include "net/bytes/outq.h"

/* How many bytes from `offset` on, at most len, are in memory, so that sendfile(2) does not wait
 * for a disk; 0: none, or unknown. Only the two ends of them are checked, so a read may wait for
 * pages between them. A file that cannot be read counts as ready, so that sendfile(2) returns the
 * error. */
size_t disk_ready(int fd, off_t offset, size_t len);

/* One read, into the room of `segment`. */
struct disk_read {
    struct work work; /* its `done` gets the number of bytes, from 1 on, or an error; -EIO: none */
    uint64_t id;      /* of the connection */
    int fd;           /* a copy, because the caller may close its own */
    off_t offset;
    size_t len;
    struct segment *segment;
};

/* [poller] Begin one of `len` bytes; it comes back to `done`, which frees it. 0; -EMFILE; -ENOMEM;
 * an error of work_submit(). */
int disk_read_new(struct work_pool *pool, struct poller *p, int fd, off_t offset, size_t len,
                  uint64_t id, work_done_fn done);

/* [poller] With its segment, unless that is NULL by now. */
void disk_read_free(struct disk_read *read);
