/* Heads of replies that handlers give: one for each status and type of content, rendered once for
 * each poller and used again, so that a reply costs little more than copying it. What its present
 * Content-Length is stays in it, for many replies are as long as the one before. */
#pragma once

#include "http/h1/prerendered.h"

#define HTTP_HEAD_CACHE_COUNT 64
#define HTTP_HEAD_CACHE_TYPE_MAX 63

struct http_head {
    uint32_t key;        /* http_head_cache_key(); 0: nothing is here */
    uint32_t tick;       /* of its date, as in struct http_prerendered */
    uint32_t date_at;    /* where in it its Date stands */
    uint32_t prefix_len; /* up to Content-Length */
    uint32_t len;        /* with the Content-Length of body_len and the empty line */
    char type[HTTP_HEAD_CACHE_TYPE_MAX + 1];
    uint64_t body_len; /* UINT64_MAX: none yet */
    uint64_t
        quick_len; /* the same where http_head_cache_is_quick() knows type and body; UINT64_MAX */
    char *data;
};

/* One poller's. */
struct http_head_cache {
    struct http_prerendered_set *prerendered; /* whose date it is */
    struct http_head *last; /* the one that was used last, in this second; never NULL */
    struct http_head none;  /* that fits nothing */
    struct http_head all[HTTP_HEAD_CACHE_COUNT];
};

/* All are empty. */
void http_head_cache_init(struct http_head_cache *cache, struct http_prerendered_set *prerendered);
void http_head_cache_fini(struct http_head_cache *cache);

/* The head for a status and type of content; of HTTP_HEAD_CACHE_TYPE_MAX bytes at most, "" for
 * none. It is the last from now on. NULL without memory. */
cold struct http_head *http_head_cache_get(struct http_head_cache *cache, int status,
                                           const char *type, size_t type_len);

/* Let it be followed by that many bytes; -EINVAL if the status has no content. */
cold int http_head_cache_set_length(struct http_head *h, uint64_t body_len);

/* Another second: no head is up to date any more. */
static inline void
http_head_cache_forget(struct http_head_cache *cache)
{
    cache->last = &cache->none;
}

/* Status and length of the type. */
static hot uint32_t
http_head_cache_key(int status, size_t type_len)
{
    return (uint32_t)type_len << 16 | (uint32_t)status;
}

/* Whether the last head is what is wanted, and complete with that length. */
static inline bool
http_head_cache_is_last(const struct http_head_cache *cache, int status, const char *type,
                        size_t type_len, size_t len)
{
    const struct http_head *h = cache->last;

    return h->key == http_head_cache_key(status, type_len) && h->body_len == len &&
           memcmp(h->type, type, type_len) == 0;
}

/* Bytes of a type, and of a body, that are looked at and copied without a call; nearly all types
 * have as many. */
#define HTTP_HEAD_CACHE_QUICK_MIN 8
#define HTTP_HEAD_CACHE_QUICK_MAX 32

static hot bool
http_head_cache_quick(size_t len)
{
    return len - HTTP_HEAD_CACHE_QUICK_MIN <= HTTP_HEAD_CACHE_QUICK_MAX - HTTP_HEAD_CACHE_QUICK_MIN;
}

/* http_head_cache_is_last(), and type and body have such a length. */
static hot bool
http_head_cache_is_quick(const struct http_head_cache *cache, int status, const char *type,
                         size_t type_len, size_t len)
{
    const struct http_head *h = cache->last;
    const char *a = h->type;
    uint64_t differ = 0;

    if (h->key != http_head_cache_key(status, type_len) || h->quick_len != len)
        return false;
    if (type_len > 16)
        differ = (http_load64(a + 8) ^ http_load64(type + 8)) |
                 (http_load64(a + type_len - 16) ^ http_load64(type + type_len - 16));
    return (differ | (http_load64(a) ^ http_load64(type)) |
            (http_load64(a + type_len - 8) ^ http_load64(type + type_len - 8))) == 0;
}
