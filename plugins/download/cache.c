#include "download/cache.h"

#include <errno.h>
#include <stdlib.h>

/* FNV-1a with a final step that mixes all bits into the low ones. */
static uint64_t
dl_cache_hash(const char *name, size_t len)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

static struct dl_file **
dl_cache_bucket(struct dl_cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & (cache->bucket_count - 1)];
}

int
dl_cache_init(struct dl_cache *cache, size_t max, uint64_t time_ns)
{
    *cache = (struct dl_cache){.max = max, .time_ns = time_ns, .bucket_count = 16};
    if (max == 0)
        return 0;
    while (cache->bucket_count < max)
        cache->bucket_count *= 2;
    cache->buckets = calloc(cache->bucket_count, sizeof(cache->buckets[0]));
    return cache->buckets ? 0 : -ENOMEM;
}

static void
dl_cache_drop(struct dl_cache *cache, struct dl_file *file)
{
    struct dl_file **p = dl_cache_bucket(cache, file->hash);

    while (*p != file)
        p = &(*p)->next;
    *p = file->next;
    *(file->newer ? &file->newer->older : &cache->newest) = file->older;
    *(file->older ? &file->older->newer : &cache->oldest) = file->newer;
    cache->count--;
    dl_file_unref(file);
}

void
dl_cache_clear(struct dl_cache *cache)
{
    while (cache->oldest)
        dl_cache_drop(cache, cache->oldest);
}

void
dl_cache_fini(struct dl_cache *cache)
{
    if (!cache)
        return;
    dl_cache_clear(cache);
    free(cache->buckets);
    *cache = (struct dl_cache){0};
}

static bool
dl_cache_is_over(const struct dl_cache *cache, const struct dl_file *file, uint64_t now_ns)
{
    return now_ns - file->opened_ns >= cache->time_ns;
}

struct dl_file *
dl_cache_find(struct dl_cache *cache, const char *name, size_t len, uint64_t now_ns)
{
    uint64_t hash = dl_cache_hash(name, len);
    struct dl_file *file = cache->count == 0 ? NULL : *dl_cache_bucket(cache, hash);

    while (file &&
           (file->hash != hash || file->name_len != len || memcmp(file->name, name, len) != 0))
        file = file->next;
    if (!file)
        return NULL;
    if (dl_cache_is_over(cache, file, now_ns) || !dl_file_is_unchanged(file)) {
        dl_cache_drop(cache, file);
        return NULL;
    }
    file->refs++;
    return file;
}

void
dl_cache_add(struct dl_cache *cache, struct dl_file *file, uint64_t now_ns)
{
    struct dl_file **bucket;

    if (cache->max == 0)
        return;
    if (cache->count == cache->max)
        dl_cache_drop(cache, cache->oldest);
    file->hash = dl_cache_hash(file->name, file->name_len);
    file->opened_ns = now_ns;
    file->refs++;
    bucket = dl_cache_bucket(cache, file->hash);
    file->next = *bucket;
    *bucket = file;
    file->older = cache->newest;
    file->newer = NULL;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = file;
    cache->newest = file;
    cache->count++;
}

uint64_t
dl_cache_expire(struct dl_cache *cache, uint64_t now_ns)
{
    while (cache->oldest && dl_cache_is_over(cache, cache->oldest, now_ns))
        dl_cache_drop(cache, cache->oldest);
    return cache->oldest ? cache->time_ns - (now_ns - cache->oldest->opened_ns) : 0;
}
