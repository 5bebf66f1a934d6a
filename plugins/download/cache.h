/* Files that a poller keeps open for the next request. They are kept for a set time after they were
 * opened, however often they are asked for, so that a name that stands for another file by then is
 * noticed, and one that was removed gives its space back. */
#pragma once

#include "download/file.h"

struct cache {
    struct file **buckets; /* a power of two of them */
    size_t bucket_count;
    struct file *newest, *oldest;
    size_t count, max;
    uint64_t time_ns; /* how long one is kept */
};

/* Room for max files; 0: none are kept. 0; -ENOMEM. */
int cache_init(struct cache *cache, size_t max, uint64_t time_ns);

/* Close what nobody has. NULL or zeroed does nothing. */
void cache_fini(struct cache *cache);

/* The file that is open by that name and has not changed, with a reference more; or NULL. */
struct file *cache_find(struct cache *cache, const char *name, size_t len, uint64_t now_ns);

/* Keep it, in the place of the oldest if there is no room. It is not there yet. */
void cache_add(struct cache *cache, struct file *file, uint64_t now_ns);

/* Let go of those whose time is over. Returns in how many ns the next one's is; 0: none is left. */
uint64_t cache_expire(struct cache *cache, uint64_t now_ns);
