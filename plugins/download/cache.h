/* Files that a poller keeps open for the next request. They are kept for a set time after they were
 * opened, however often they are asked for, so that a name that stands for another file by then is
 * noticed, and one that was removed gives its space back. */
#pragma once

#include "download/file.h"

struct dl_cache {
    struct dl_file **buckets; /* a power of two of them */
    size_t bucket_count;
    struct dl_file *newest, *oldest;
    size_t count, max;
    uint64_t time_ns; /* how long one is kept */
};

/* Room for max files; 0: none are kept. 0; -ENOMEM. */
int dl_cache_init(struct dl_cache *cache, size_t max, uint64_t time_ns);

/* Close what nobody has. NULL or zeroed does nothing. */
/* Let go of all files. */
void dl_cache_clear(struct dl_cache *cache);
void dl_cache_fini(struct dl_cache *cache);

/* The file that is open by that name and has not changed, with a reference more; or NULL. */
struct dl_file *dl_cache_find(struct dl_cache *cache, const char *name, size_t len,
                              uint64_t now_ns);

/* Keep it, in the place of the oldest if there is no room. It is not there yet. */
void dl_cache_add(struct dl_cache *cache, struct dl_file *file, uint64_t now_ns);

/* Let go of those whose time is over. Returns in how many ns the next one's is; 0: none is left. */
uint64_t dl_cache_expire(struct dl_cache *cache, uint64_t now_ns);
