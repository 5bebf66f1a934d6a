/* Cached heads of handlers' replies: one per status and content type, rendered once per poller, so
 * that most replies only copy a head. The last Content-Length stays in the cached head, because
 * consecutive replies often have the same length. */
#pragma once

#include "http/h1/prepared/prerendered.h"

#define HTTP_HEAD_CACHE_COUNT 64
#define HTTP_HEAD_CACHE_TYPE_MAX 63

struct http_head {
    uint32_t key;          /* http_head_cache_key(); 0: the slot is empty */
    uint32_t tick;         /* tick of the Date, as in struct http_prerendered */
    uint32_t date_at;      /* offset of the Date's value */
    uint32_t prefix_len;   /* bytes before Content-Length */
    uint32_t len;          /* bytes with Content-Length: body_len and the empty line */
    uint32_t status_class; /* 2 to 5 */
    char type[HTTP_HEAD_CACHE_TYPE_MAX + 1];
    uint64_t body_len;  /* UINT64_MAX: no length yet */
    uint64_t quick_len; /* body_len if http_head_cache_is_quick() accepts type and body; else
                         * UINT64_MAX */
    char *data;
};

/* The cache of one poller. */
struct http_head_cache {
    struct http_prerendered_set *prerendered; /* supplies the date */
    struct http_head *last;                   /* the last one used within this second; never NULL */
    struct http_head none;                    /* a head that matches no reply */
    struct http_head all[HTTP_HEAD_CACHE_COUNT];
};

/* Make all slots empty. */
void http_head_cache_init(struct http_head_cache *cache, struct http_prerendered_set *prerendered);
void http_head_cache_fini(struct http_head_cache *cache);

/* Return the head for a status and content type, and make it the last. The type has at most
 * HTTP_HEAD_CACHE_TYPE_MAX bytes; "": no content type. NULL: out of memory. */
cold struct http_head *http_head_cache_get(struct http_head_cache *cache, int status,
                                           const char *type, size_t type_len);

/* Render the head's Content-Length. 0, or -EINVAL if the status has no content. */
cold int http_head_cache_set_length(struct http_head *h, uint64_t body_len);

/* A new second has begun: every cached Date is out of date. */
static inline void
http_head_cache_forget(struct http_head_cache *cache)
{
    cache->last = &cache->none;
}

/* Key of a status and a length of the type. */
static hot uint32_t
http_head_cache_key(int status, size_t type_len)
{
    return (uint32_t)type_len << 16 | (uint32_t)status;
}

/* Whether the last head matches the status, the type and the body's length. */
static inline bool
http_head_cache_is_last(const struct http_head_cache *cache, int status, const char *type,
                        size_t type_len, size_t len)
{
    const struct http_head *h = cache->last;

    return h->key == http_head_cache_key(status, type_len) && h->body_len == len &&
           memcmp(h->type, type, type_len) == 0;
}

/* Length of a content type, and of a body, for which comparing and copying are inline. Nearly all
 * types are within this range. */
#define HTTP_HEAD_CACHE_QUICK_MIN 8
#define HTTP_HEAD_CACHE_QUICK_MAX 32

static hot bool
http_head_cache_quick(size_t len)
{
    return len - HTTP_HEAD_CACHE_QUICK_MIN <= HTTP_HEAD_CACHE_QUICK_MAX - HTTP_HEAD_CACHE_QUICK_MIN;
}

/* http_head_cache_is_last(), and the lengths of type and body permit the inline copy. */
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
