/* A snapshot: path and bytes of every file that a worker has read while it started, in a memfd.
 *
 * A worker that starts from the disk records one. A worker that replaces a dead one replays it: it
 * reads the same bytes whatever became of the files. The supervisor makes the memfd, keeps it and
 * never looks inside.
 *
 *   snapshot.c       recording, replaying, sealing
 *   snapshot_read.c  reading a small file through one
 *
 * A zeroed snapshot, or NULL, records nothing and has nothing: every file is read from the disk.
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"

#define SNAPSHOT_VERSION 1             /* of its format, at the beginning of the memfd */
#define SNAPSHOT_BYTES_MAX (64u << 20) /* of all files together: the supervisor keeps them */

enum snapshot_kind {
    SNAPSHOT_FILE = 1, /* the bytes of a file, or the errno that kept it from being read */
    SNAPSHOT_GLOB,     /* the paths that a pattern matched, each with its zero byte */
};

struct snapshot {
    bool records;    /* files are added as they are read */
    bool replays;    /* files are read from here */
    bool overflowed; /* more than SNAPSHOT_BYTES_MAX was read: nothing is kept */
    char *data;
    size_t len;
    size_t size; /* bytes allocated, or mapped */
};

/* One file of a snapshot. */
struct snapshot_entry {
    int error; /* negative errno; 0: there are bytes */
    uint64_t device, inode;
    const char *data; /* the snapshot's, until something is added or it ends */
    size_t len;
};

void snapshot_record(struct snapshot *s);

/* Map the record that another worker has written and sealed. -EPROTO: it is of another version;
 * -EBADMSG: it is none. The fd stays the caller's, and may be closed afterwards. */
int snapshot_replay(struct snapshot *s, int fd, struct err *reterr);

/* False: there is no such file in it. */
bool snapshot_find(const struct snapshot *s, enum snapshot_kind kind, const char *name,
                   struct snapshot_entry *ret);

/* Keep a file, if the snapshot records and has no file of that name. */
void snapshot_add(struct snapshot *s, enum snapshot_kind kind, const char *name,
                  const struct snapshot_entry *entry);

/* Write all of it to the memfd, and seal that: it cannot be changed from then on. Whatever becomes
 * of it, nothing is recorded or replayed any more. */
int snapshot_seal(struct snapshot *s, int fd, struct err *reterr);

void snapshot_fini(struct snapshot *s);

/* Read a regular file as a whole, from the snapshot if it is there, and keep it if that records.
 *
 * ret_text  to be freed; a NUL that is not counted ends it.
 * Returns   its bytes; -EFBIG: it has more than max; -EISDIR, or -EINVAL if it is
 * another kind of file; -ENOMEM; another negative errno of open(2) or read(2).
 */
ssize_t snapshot_read(struct snapshot *s, const char *path, size_t max, char **ret_text);
