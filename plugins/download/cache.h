/* Files that a poller keeps open for the next request. A file leaves the cache a set time after it
 * was opened, however often it is requested. So a name that leads to another file is noticed, and a
 * removed file returns its disk space. */
#pragma once

#include "download/file.h"

struct dl_cache {
    struct dl_file **buckets; /* a power of two */
    size_t bucket_count;
    struct dl_file *newest, *oldest;
    size_t count, max;
    uint64_t time_ns; /* time that a file is kept */
};

/* Make room for max files; 0: no cache. 0; -ENOMEM. */
int dl_cache_init(struct dl_cache *cache, size_t max, uint64_t time_ns);

/* Close the files that no request uses. Accepts NULL and a zeroed cache. */
/* Remove all files. */
void dl_cache_clear(struct dl_cache *cache);
void dl_cache_fini(struct dl_cache *cache);

/* The cached file of that name, with a new reference, if it is unchanged on disk; else NULL. */
struct dl_file *dl_cache_find(struct dl_cache *cache, const char *name, size_t len,
                              uint64_t now_ns);

/* Add a file that is not cached yet. A full cache drops its oldest file. */
void dl_cache_add(struct dl_cache *cache, struct dl_file *file, uint64_t now_ns);

/* Remove files whose time is over. Returns the time in ns until the next one expires; 0: the cache
 * is empty. */
uint64_t dl_cache_expire(struct dl_cache *cache, uint64_t now_ns);
