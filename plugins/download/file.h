/* A file that is being served. */
#pragma once

#include <sys/stat.h>

#include "download/bytes/condition.h"
#include "download/options.h"
#include "download/types.h"

struct dl_file {
    struct dl_file *next;           /* in its bucket of the cache */
    struct dl_file *newer, *older;  /* in the cache */
    uint64_t hash, opened_ns;       /* likewise */
    unsigned refs;                  /* who has it; the cache is one of them */
    struct goevd_self *self;        /* whose log tells of it */
    unsigned *unheld;               /* the poller's count of pieces that no request waits for */
    int fd;                         /* open for reading */
    int at_once;                    /* the flag of preadv2(2) with which it waits for no disk */
    uint64_t size;                  /* bytes, as it was opened */
    int64_t changed_ns;             /* st_ctim */
    struct dl_condition_file facts; /* of what follows */
    char etag[40];
    char modified[DL_CONDITION_DATE_LEN + 1];
    char *type; /* with the charset, NUL-terminated; "": none */
    size_t name_len;
    char name[]; /* beneath the root, NUL-terminated; the type is behind it */
};

/* Open a file beneath a directory, and never anything else.
 *
 * name     without a "/" at its end.
 * Returns  0 with one reference; -ENOENT also if it is neither a file nor a directory; -EISDIR;
 *          -EXDEV if it lies outside; -ELOOP for a symbolic link that is not followed; another
 *          negative errno of openat2(2) and fstat(2); -ENOMEM.
 */
int dl_file_open(struct goevd_self *self, int root, const struct dl_options *o,
                 const struct dl_types *types, const char *name, struct dl_file **ret);

/* Open a directory by the same rules, with flags of open(2). An fd; -ENOTDIR; another negative
 * errno. */
int dl_file_open_directory(int root, const struct dl_options *o, const char *name, int flags);

/* Whether it is there. 0 or an error as above. */
int dl_file_find_directory(int root, const struct dl_options *o, const char *name);

/* What a name stands for, by the same rules. 0 with *ret; a negative errno. */
int dl_file_stat(int root, const struct dl_options *o, const char *name, struct stat *ret);

/* Whether the open file is what it was when it was opened. */
bool dl_file_is_unchanged(const struct dl_file *file);

/* Give a reference back; the last one closes it. NULL does nothing. */
void dl_file_unref(struct dl_file *file);

/* Can the kernel do this? 0; -ENOSYS. */
int dl_file_check_kernel(int root);
