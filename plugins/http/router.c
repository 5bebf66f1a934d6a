#include "http/router.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void
http_router_fini(struct http_router *router)
{
    free(router->nodes);
    free(router->table);
    free(router->prefixes);
    *router = (struct http_router){0};
}

/* Up to 8 bytes as a number: the last ones, or all, some of them twice. With the length it tells
 * paths of up to 8 bytes apart. */
hot uint64_t
router_key(struct span path)
{
    const char *p = path.data;
    size_t n = path.len;

    if (n >= 8)
        return load64(p + n - 8);
    if (n >= 4)
        return (uint64_t)load32(p) << 32 | load32(p + n - 4);
    if (n == 0)
        return 0;
    return (uint64_t)(uint8_t)p[0] << 16 | (uint64_t)(uint8_t)p[n / 2] << 8 | (uint8_t)p[n - 1];
}

hot uint64_t
router_hash(struct span path, uint64_t key)
{
    const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t h = (key ^ path.len) * factor;

    for (size_t i = 0; i + 8 < path.len; i += 8)
        h = (h ^ h >> 29 ^ load64(path.data + i)) * factor;
    return h >> 32;
}

static inline bool
router_equal(struct span a, struct span b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static struct http_node *
router_node(struct http_router *router, struct span path, bool prefix)
{
    struct http_node *n;

    for (size_t i = 0; i < router->count; i++)
        if (router->nodes[i].prefix == prefix && router_equal(router->nodes[i].path, path))
            return &router->nodes[i];
    if (router->count == router->room) {
        size_t room = router->room == 0 ? 16 : router->room * 2;

        n = reallocarray(router->nodes, room, sizeof(*n));
        if (n == NULL)
            return NULL;
        router->nodes = n;
        router->room = room;
    }
    n = &router->nodes[router->count++];
    *n = (struct http_node){.path = path, .prefix = prefix, .parent = -1};
    return n;
}

int
http_router_add(struct http_router *router, struct span path, bool prefix, uint16_t methods,
                uint16_t answer)
{
    struct http_node *n = router_node(router, path, prefix);

    assert(router->table == NULL && path.len > 0);
    if (n == NULL)
        return -ENOMEM;
    if ((n->methods & methods) != 0)
        return -EEXIST;
    n->methods |= methods;
    for (int m = 0; m < HTTP_METHOD_COUNT; m++)
        if ((methods & 1U << m) != 0)
            n->answer[m] = answer;
    return 0;
}

static void
router_insert(struct http_router *router, uint32_t index)
{
    struct span path = router->nodes[index].path;
    uint64_t key = router_key(path);
    uint64_t at = router_hash(path, key) & router->table_mask;

    while (router->table[at].len != 0)
        at = (at + 1) & router->table_mask;
    router->table[at] = (struct http_slot){key, (uint32_t)path.len, index};
}

static int
router_compare(struct span a, struct span b)
{
    int r = memcmp(a.data, b.data, MIN(a.len, b.len));

    return r != 0 ? r : (a.len > b.len) - (a.len < b.len);
}

static int
router_compare_prefixes(const void *a, const void *b, void *arg)
{
    const struct http_router *router = arg;

    return router_compare(router->nodes[*(const int32_t *)a].path,
                          router->nodes[*(const int32_t *)b].path);
}

static bool
router_begins(struct span path, struct span prefix)
{
    return path.len >= prefix.len && memcmp(path.data, prefix.data, prefix.len) == 0;
}

/* In the order of their bytes a prefix comes before all that it holds, and what holds a path is
 * found from its predecessor upwards. */
static void
router_link_prefixes(struct http_router *router)
{
    qsort_r(router->prefixes, router->prefix_count, sizeof(*router->prefixes),
            router_compare_prefixes, router);
    for (size_t i = 1; i < router->prefix_count; i++) {
        struct http_node *n = &router->nodes[router->prefixes[i]];

        n->parent = router->prefixes[i - 1];
        while (n->parent >= 0 && !router_begins(n->path, router->nodes[n->parent].path))
            n->parent = router->nodes[n->parent].parent;
    }
}

static int
router_fill_methods(struct http_node *n, int (*refuse)(void *arg, uint16_t methods), void *arg)
{
    int refusal;

    if ((n->methods & 1U << HTTP_GET) != 0 && (n->methods & 1U << HTTP_HEAD) == 0) {
        n->answer[HTTP_HEAD] = n->answer[HTTP_GET];
        n->methods |= 1U << HTTP_HEAD;
    }
    refusal = refuse(arg, n->methods);
    if (refusal < 0)
        return refusal;
    for (int m = 0; m < HTTP_METHOD_COUNT; m++)
        if ((n->methods & 1U << m) == 0)
            n->answer[m] = (uint16_t)refusal;
    return 0;
}

int
http_router_seal(struct http_router *router, int (*refuse)(void *arg, uint16_t methods), void *arg)
{
    size_t slots = 2;

    while (slots < router->count * 2)
        slots *= 2;
    router->table = calloc(slots, sizeof(*router->table));
    router->prefixes = calloc(router->count + 1, sizeof(*router->prefixes));
    if (router->table == NULL || router->prefixes == NULL)
        return -ENOMEM;
    router->table_mask = slots - 1;
    for (uint32_t i = 0; i < router->count; i++) {
        int r = router_fill_methods(&router->nodes[i], refuse, arg);

        if (r < 0)
            return r;
        if (router->nodes[i].prefix)
            router->prefixes[router->prefix_count++] = (int32_t)i;
        else
            router_insert(router, i);
    }
    router_link_prefixes(router);
    return 0;
}

cold static const struct http_node *
router_find_prefix(const struct http_router *router, struct span path)
{
    size_t low = 0;
    size_t high = router->prefix_count;
    int32_t at;

    /* the last prefix that is not above the path */
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (router_compare(router->nodes[router->prefixes[middle]].path, path) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    at = low == 0 ? -1 : router->prefixes[low - 1];
    while (at >= 0 && !router_begins(path, router->nodes[at].path))
        at = router->nodes[at].parent;
    return at < 0 ? NULL : &router->nodes[at];
}

/* Whether all but the last 8 bytes, which are known to be equal, are so too. */
static inline bool
router_equal_before(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i + 8 < len; i += 8)
        if (load64(a + i) != load64(b + i))
            return false;
    return true;
}

const struct http_node *
http_router_find(const struct http_router *router, struct span path)
{
    uint64_t key = router_key(path);
    uint64_t at = router_hash(path, key) & router->table_mask;

    for (const struct http_slot *s; (s = &router->table[at])->len != 0;
         at = (at + 1) & router->table_mask)
        if (s->key == key && s->len == path.len &&
            router_equal_before(router->nodes[s->index].path.data, path.data, path.len))
            return &router->nodes[s->index];
    return router_find_prefix(router, path);
}
