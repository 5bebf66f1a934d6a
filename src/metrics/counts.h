/* Memory in which one process counts and others read: a memfd whose size is sealed, so that no
 * process can take pages away from under a reader. */
#pragma once

#include <stdatomic.h>

#include "metrics/catalog.h"

#define COUNTS_BYTES ((size_t)64 << 20) /* of address space; memory is taken as it is used */

#define COUNTS_FACTS_MAX 8192 /* bytes */
#define COUNTS_MAX 64         /* processes that count at the same time */

/* At its beginning. */
struct counts_head {
    uint64_t magic;
    uint64_t version;
    _Atomic uint64_t catalog_offset;
    _Atomic uint64_t catalog_len; /* 0: there is none yet */

    /* Of the supervisor's counts alone: which others are to be added to it. Readers look at
     * `sequence` before and after: while it is odd, or if it has changed, they begin again. */
    _Atomic uint64_t sequence;
    _Atomic uint64_t live[COUNTS_MAX]; /* ids; 0: none */

    _Atomic uint64_t history_offset; /* of a worker's counts: struct history_ring; 0: none */

    /* Of the supervisor's counts: how goevd is, as text with a final zero byte, for the status
     * page. It has a sequence of its own. */
    _Atomic uint64_t facts_sequence;
    _Atomic uint64_t facts[COUNTS_FACTS_MAX / sizeof(uint64_t)];
};

struct counts {
    char *base; /* NULL: none */
    size_t size;
    size_t used; /* by the process that counts */
};

/* A descriptor of a new one, close-on-exec; or a negative errno. */
int counts_create(struct err *reterr);

/* Map it. 0; -EBADMSG if it is no such memory or its size is not sealed, or mmap(2)'s errno. fd
 * stays the caller's. */
int counts_map(struct counts *s, int fd, bool writable, struct err *reterr);
void counts_unmap(struct counts *s);

/* No process may map it writable from now on; mappings that exist stay. Best effort: kernels
 * before 5.1 have no such seal. */
void counts_freeze(int fd);

/* Give back all of its memory but the head, which stays as it is. */
void counts_reset(struct counts *s);

/* Write and read the facts; a longer text is cut at the end of a line. Reading: 0; -EAGAIN if there
 * are none, or if they change all the time. */
void counts_set_facts(struct counts *s, const char *text, size_t len);
int counts_read_facts(const struct counts *s, char ret[COUNTS_FACTS_MAX]);

/* Memory from it that begins a cache line, zeroed; NULL when there is no more. */
void *counts_alloc(struct counts *s, size_t bytes);

/* Whether the process that counts has this layout. */
bool counts_is_known(const struct counts *s);

/* Make `text` its catalog: from now on others may read it. -ENOSPC. */
int counts_set_catalog(struct counts *s, const char *text, size_t len);

/* Read its catalog. 0; -EAGAIN while there is none; -EBADMSG, -ENOMEM. */
int counts_read_catalog(const struct counts *s, struct catalog *ret);

static inline struct counts_head *
counts_head(const struct counts *s)
{
    return (struct counts_head *)(void *)s->base;
}

/* Where something that counts_alloc() returned lies. */
static inline size_t
counts_offset(const struct counts *s, const void *p)
{
    return (size_t)((const char *)p - s->base);
}
