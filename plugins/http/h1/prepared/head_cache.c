#include "http/h1/prepared/head_cache.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "http/message/status.h"
#include "http/message/verdict.h"

static void
http_head_cache_ticked(void *arg)
{
    http_head_cache_forget(arg);
}

void
http_head_cache_init(struct http_head_cache *cache, struct http_prerendered_set *prerendered)
{
    *cache = (struct http_head_cache){.prerendered = prerendered};
    prerendered->ticked = http_head_cache_ticked;
    prerendered->ticked_arg = cache;
    http_head_cache_forget(cache);
}

void
http_head_cache_fini(struct http_head_cache *cache)
{
    for (size_t i = 0; i < HTTP_HEAD_CACHE_COUNT; i++)
        free(cache->all[i].data);
    *cache = (struct http_head_cache){0};
}

int
http_head_cache_set_length(struct http_head *h, uint64_t body_len)
{
    char *p = h->data + h->prefix_len;
    unsigned status = h->key & 0xffff;

    if (!http_status_has_content((int)status) || status == 205)
        return -EINVAL;
    p += http_head_length(p, body_len);
    p += http_head_end(p, HTTP_PERSIST);
    h->len = (uint32_t)(p - h->data);
    h->body_len = body_len;
    h->quick_len = http_head_cache_quick(h->key >> 16) && http_head_cache_quick(body_len)
                       ? body_len
                       : UINT64_MAX;
    return 0;
}

static int
http_head_cache_render(struct http_head_cache *cache, struct http_head *h, int status,
                       const char *type, size_t type_len)
{
    struct http_span server = cache->prerendered->server;
    size_t size = HTTP_HEAD_FIXED_MAX + HTTP_HEAD_CACHE_TYPE_MAX +
                  strlen(http_status_phrase(status)) + server.len;
    char *data = realloc(h->data, size);
    size_t date_at;
    char *p;

    if (!data)
        return -ENOMEM;
    p = data + http_head_begin(data, status, server, (struct http_span){0},
                               cache->prerendered->date, &date_at);
    if (type_len != 0) {
        memcpy(p, "Content-Type: ", strlen("Content-Type: "));
        p += strlen("Content-Type: ");
        memcpy(p, type, type_len);
        p += type_len;
        memcpy(p, "\r\n", 2);
        p += 2;
    }
    h->data = data;
    memcpy(h->type, type, type_len);
    h->date_at = (uint32_t)date_at;
    h->prefix_len = (uint32_t)(p - data);
    h->body_len = h->quick_len = UINT64_MAX;
    return 0;
}

/* The slot that holds the head, or can hold it. */
static struct http_head *
http_head_cache_place(struct http_head_cache *cache, int status, const char *type, size_t type_len)
{
    unsigned last = type_len != 0 ? (uint8_t)type[type_len - 1] : 0;

    return &cache->all[((unsigned)status + (unsigned)type_len * 7 + last) % HTTP_HEAD_CACHE_COUNT];
}

struct http_head *
http_head_cache_get(struct http_head_cache *cache, int status, const char *type, size_t type_len)
{
    struct http_head *h = http_head_cache_place(cache, status, type, type_len);
    uint32_t key = http_head_cache_key(status, type_len);

    assert(type_len <= HTTP_HEAD_CACHE_TYPE_MAX);
    if (http_prerendered_wake(cache->prerendered) < 0)
        return NULL;
    if (h->key != key || memcmp(h->type, type, type_len) != 0) {
        if (http_head_cache_render(cache, h, status, type, type_len) < 0)
            return NULL;
    } else if (h->tick != cache->prerendered->tick) {
        memcpy(h->data + h->date_at, cache->prerendered->date, HTTP_DATE_LEN);
    }
    h->key = key;
    h->status_class = (uint32_t)status / 100;
    h->tick = cache->prerendered->tick;
    cache->last = h;
    return h;
}
