/* A file that is being served. */
#pragma once

#include <sys/stat.h>

#include "download/bytes/condition.h"
#include "download/options.h"
#include "download/types.h"

struct dl_file {
    struct dl_file *next;           /* next in the bucket of the cache */
    struct dl_file *newer, *older;  /* neighbors by age in the cache */
    uint64_t hash, opened_ns;       /* likewise */
    unsigned refs;                  /* number of references, including that of the cache */
    struct goevd_self *self;        /* instance that logs errors of the file */
    unsigned *unheld;               /* the poller's count of queued pieces without a request */
    int fd;                         /* open for reading */
    int at_once;                    /* preadv2(2) flag that avoids waiting for the disk */
    uint64_t size;                  /* size in bytes when the file was opened */
    int64_t changed_ns;             /* st_ctim */
    struct dl_condition_file facts; /* these are the values that conditions compare */
    char etag[40];
    char modified[DL_CONDITION_DATE_LEN + 1];
    char *type; /* with the charset, NUL-terminated; "": no type */
    size_t name_len;
    char name[]; /* path beneath the root, NUL-terminated; the type is stored behind it */
};

/* Open a file beneath a directory, and never one outside.
 *
 * name     Without a "/" at its end.
 * Returns  0 with one reference; -ENOENT also if it is neither a file nor a directory; -EISDIR;
 *          -EXDEV if it lies outside; -ELOOP for a symbolic link that is not followed; another
 *          negative errno of openat2(2) and fstat(2); -ENOMEM.
 */
int dl_file_open(struct goevd_self *self, int root, const struct dl_options *o,
                 const struct dl_types *types, const char *name, struct dl_file **ret);

/* Open a directory by the same rules, with flags of open(2). Returns an fd; -ENOTDIR; another
 * negative errno. */
int dl_file_open_directory(int root, const struct dl_options *o, const char *name, int flags);

/* Whether the directory exists. 0, or an error as above. */
int dl_file_find_directory(int root, const struct dl_options *o, const char *name);

/* stat(2) by the same rules. 0 with *ret; a negative errno. */
int dl_file_stat(int root, const struct dl_options *o, const char *name, struct stat *ret);

/* Whether the open file still has its size and times. */
bool dl_file_is_unchanged(const struct dl_file *file);

/* Drop a reference; the last one closes the file. NULL does nothing. */
void dl_file_unref(struct dl_file *file);

/* Whether the kernel has openat2(2). 0; -ENOSYS. */
int dl_file_check_kernel(int root);
