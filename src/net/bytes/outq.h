/* The output queue: memory and file segments that the socket has not taken yet, in order, counted
 * in bytes. It exists only while it holds segments, so that an idle connection has none. */
#pragma once

#include <sys/types.h>

#include <goevd/plugin.h>

#include "ev/buffers.h"
#include "ev/metric.h"

enum segment_type {
    SEGMENT_COPY,   /* the queue's own memory */
    SEGMENT_SHARED, /* memory of its sender, until release */
    SEGMENT_FILE,
    SEGMENT_PIPE, /* in the pipe that `arg` is, until release */
};

struct segment {
    struct segment *next;
    enum segment_type type;
    int fd;      /* FILE */
    size_t len;  /* bytes left */
    size_t room; /* COPY: bytes free behind the last */
    bool sealed; /* COPY: these are bytes of the wire already, see outq_push_sealed() */
    union {
        const char *data; /* COPY, SHARED: the first byte left */
        size_t ready;     /* FILE: bytes that are known to be in memory */
    };
    off_t offset; /* FILE: where the first byte left is */
    goevd_release_fn release;
    void *arg;
    char copy[];
};

/* The cost of a shared segment beside its bytes. It counts against the cap, because many tiny ones
 * would pass it by far. */
#define SEGMENT_COST 256

struct outq {
    struct buffers *buffers;
    struct segment *first;
    struct segment *last;
    metric *total;  /* the bytes of all queues of the poller */
    size_t bytes;   /* of memory, files not counted */
    size_t guests;  /* segments that are not its own copies */
    size_t pipes;   /* segments that are pipes */
    size_t sealed;  /* bytes in sealed segments, which are at the front */
    char *reserved; /* handed out by outq_reserve() */

    /* conn_disk.c's */
    uint64_t disk_begun_ns; /* since when the file at the front is waited for */
    uint64_t disk_again_ns; /* when it is tried again; 0: it is not */

    /* conn_slow.c's */
    uint64_t watched_ns; /* since when it is looked how much the peer takes; 0: it is not */
    int64_t watched_at;  /* bytes that the peer had taken by then */
    int64_t taken_at;    /* ... when a time-out last looked; 0: none has */
};

/* Its memory comes from `buffers`, which outlive it; `total` is raised and lowered with its
 * bytes. */
struct outq *outq_new(struct buffers *buffers, metric *total);

/* Release everything with `result`; NULL does nothing. */
void outq_free(struct outq *q, int result);

/* Each 0 or -ENOMEM, and then nothing of it is queued. */
int outq_push_copy(struct outq *q, const void *data, size_t len);
int outq_push_shared(struct outq *q, const void *data, size_t len, goevd_release_fn release,
                     void *arg);
int outq_push_file(struct outq *q, int fd, off_t offset, size_t len, goevd_release_fn release,
                   void *arg);

/* len bytes that are in the pipe `arg`; they count as memory. */
int outq_push_pipe(struct outq *q, size_t len, goevd_release_fn release, void *arg);

/* A copy of bytes that go to the socket as they are, before everything that is not sealed. 0;
 * -ENOMEM. */
int outq_push_sealed(struct outq *q, const void *data, size_t len);

/* Room for len bytes at the end, or NULL; outq_commit() takes the first `len` of them. */
char *outq_reserve(struct outq *q, size_t len);
void outq_commit(struct outq *q, size_t len);

/* A segment with room for a copy, not queued yet, for the caller to fill. NULL without memory. */
struct segment *outq_spare(struct buffers *buffers, size_t room);
void outq_spare_free(struct buffers *buffers, struct segment *s);

/* It holds the first `len` bytes of the file at the front, behind the sealed bytes, and goes in
 * their place. */
void outq_push_spare(struct outq *q, struct segment *s, size_t len);

/* The memory at the front as iovecs, up to the first file or pipe; returns how many, at most max.
 * Does a file come next? */
struct iovec;
int outq_peek(const struct outq *q, struct iovec *iov, int max, bool *ret_file);

/* The segment at the front, behind the sealed bytes, cannot be sent: release it with `result`. */
void outq_drop(struct outq *q, int result);

/* The socket took n bytes from the front; segments that are done are released with 0. */
void outq_took(struct outq *q, size_t n);

static inline bool
outq_empty(const struct outq *q)
{
    return !q->first;
}
