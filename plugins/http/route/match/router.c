#include "http/route/match/router.h"

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

/* The last 8 bytes of a path as a number; of a shorter path all its bytes, some of them twice.
 * Together with the length the number is unique for paths of up to 8 bytes. */
static hot uint64_t
http_router_key(struct http_span path)
{
    const char *p = path.data;
    size_t n = path.len;

    if (n >= 8)
        return http_load64(p + n - 8);
    if (n >= 4)
        return (uint64_t)http_load32(p) << 32 | http_load32(p + n - 4);
    if (n == 0)
        return 0;
    return (uint64_t)(uint8_t)p[0] << 16 | (uint64_t)(uint8_t)p[n / 2] << 8 | (uint8_t)p[n - 1];
}

static hot uint64_t
http_router_hash(struct http_span path, uint64_t key)
{
    const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t h = (key ^ path.len) * factor;

    for (size_t i = 0; i + 8 < path.len; i += 8)
        h = (h ^ h >> 29 ^ http_load64(path.data + i)) * factor;
    return h >> 32;
}

static inline bool
http_router_equal(struct http_span a, struct http_span b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static int
http_router_compare(struct http_span a, struct http_span b)
{
    int r = memcmp(a.data, b.data, MIN(a.len, b.len));

    return r != 0 ? r : (a.len > b.len) - (a.len < b.len);
}

/* ---- Patterns -------------------------------------------------------------------------------- */

/* Cut the first segment and the "/" before it off a path. */
static struct http_span
http_router_segment(struct http_span *path)
{
    const char *p = path->data + (path->len != 0);
    const char *end = path->data + path->len;
    const char *slash = memchr(p, '/', (size_t)(end - p));
    const char *stop = !slash ? end : slash;

    *path = (struct http_span){stop, (size_t)(end - stop)};
    return (struct http_span){p, (size_t)(stop - p)};
}

static bool
http_router_is_param(struct http_span segment)
{
    return segment.len != 0 && segment.data[0] == '{';
}

/* Whether the segments of a path match a pattern. A prefix matches the begin of a path: its last
 * segment is empty, and stands for the rest. */
static bool
http_router_match(const struct http_node *n, struct http_span path)
{
    struct http_span pattern = n->path;

    while (pattern.len != 0 && path.len != 0) {
        struct http_span wanted = http_router_segment(&pattern);
        struct http_span found;

        if (n->prefix && pattern.len == 0)
            return true;
        found = http_router_segment(&path);
        if (http_router_is_param(wanted) ? found.len == 0 : !http_router_equal(wanted, found))
            return false;
    }
    return pattern.len == 0 && path.len == 0;
}

/* 0: text; 1: "{name}"; 2: the end of a prefix. */
static int
http_router_segment_rank(struct http_span segment, bool last, bool prefix)
{
    return last && prefix ? 2 : http_router_is_param(segment) ? 1 : 0;
}

/* The order in which two patterns are tried; 0: both match the same paths. */
static int
http_router_compare_patterns(const struct http_node *a, const struct http_node *b)
{
    struct http_span p = a->path;
    struct http_span q = b->path;

    while (p.len != 0 && q.len != 0) {
        struct http_span s = http_router_segment(&p);
        struct http_span t = http_router_segment(&q);
        int s_rank = http_router_segment_rank(s, p.len == 0, a->prefix);
        int t_rank = http_router_segment_rank(t, q.len == 0, b->prefix);

        if (s_rank != t_rank)
            return s_rank - t_rank;
        if (s_rank == 0 && !http_router_equal(s, t))
            return http_router_compare(s, t);
    }
    return (p.len != 0) - (q.len != 0);
}

struct http_span
http_router_param(struct http_span route, struct http_span path, const char *name)
{
    size_t len = strlen(name);

    while (route.len != 0 && path.len != 0) {
        struct http_span wanted = http_router_segment(&route);
        struct http_span found;

        if (wanted.len == 1 && wanted.data[0] == '*' && route.len == 0)
            return len == 1 && name[0] == '*' ? (struct http_span){path.data + 1, path.len - 1}
                                              : (struct http_span){0};
        found = http_router_segment(&path);
        if (http_router_is_param(wanted) && wanted.len == len + 2 &&
            memcmp(wanted.data + 1, name, len) == 0)
            return found;
    }
    return (struct http_span){0};
}

/* ---- Building -------------------------------------------------------------------------------- */

static bool
http_router_same(const struct http_node *a, const struct http_node *b)
{
    if (a->prefix != b->prefix || a->pattern != b->pattern)
        return false;
    return a->pattern ? http_router_compare_patterns(a, b) == 0
                      : http_router_equal(a->path, b->path);
}

static struct http_node *
http_router_node(struct http_router *router, struct http_span path, bool prefix)
{
    struct http_node new = {.path = path,
                            .prefix = prefix,
                            .pattern = memchr(path.data, '{', path.len),
                            .parent = -1,
                            .patterns = -1,
                            .next = -1};
    struct http_node *n;

    for (size_t i = 0; i < router->count; i++)
        if (http_router_same(&router->nodes[i], &new))
            return &router->nodes[i];
    if (router->count == router->room) {
        size_t room = router->room == 0 ? 16 : router->room * 2;

        n = reallocarray(router->nodes, room, sizeof(*n));
        if (!n)
            return NULL;
        router->nodes = n;
        router->room = room;
    }
    n = &router->nodes[router->count++];
    *n = new;
    return n;
}

int
http_router_add(struct http_router *router, struct http_span path, bool prefix, uint16_t methods,
                uint16_t answer)
{
    struct http_node *n = http_router_node(router, path, prefix);
    const char *brace;

    assert(!router->table && path.len > 0);
    if (!n)
        return -ENOMEM;
    if (n->methods & methods)
        return -EEXIST;
    n->methods |= methods;
    for (int m = 0; m < HTTP_METHOD_COUNT; m++)
        if (methods & 1U << m)
            n->answer[m] = answer;
    brace = memchr(path.data, '{', path.len);
    if (!brace)
        return 0;
    path.len = (size_t)(brace - path.data);
    return !http_router_node(router, path, true) ? -ENOMEM : 0;
}

static void
http_router_insert(struct http_router *router, uint32_t index)
{
    struct http_span path = router->nodes[index].path;
    uint64_t key = http_router_key(path);
    uint64_t at = http_router_hash(path, key) & router->table_mask;

    while (router->table[at].len != 0)
        at = (at + 1) & router->table_mask;
    router->table[at] = (struct http_slot){key, (uint32_t)path.len, index};
}

static int
http_router_compare_prefixes(const void *a, const void *b, void *arg)
{
    const struct http_router *router = arg;

    return http_router_compare(router->nodes[*(const int32_t *)a].path,
                               router->nodes[*(const int32_t *)b].path);
}

static bool
http_router_begins(struct http_span path, struct http_span prefix)
{
    return path.len >= prefix.len && memcmp(path.data, prefix.data, prefix.len) == 0;
}

/* Link each prefix to the next shorter one that contains it. In the order of their bytes a prefix
 * precedes all that it contains, so the link of its predecessor leads to it. */
static void
http_router_link_prefixes(struct http_router *router)
{
    qsort_r(router->prefixes, router->prefix_count, sizeof(*router->prefixes),
            http_router_compare_prefixes, router);
    for (size_t i = 1; i < router->prefix_count; i++) {
        struct http_node *n = &router->nodes[router->prefixes[i]];

        n->parent = router->prefixes[i - 1];
        while (n->parent >= 0 && !http_router_begins(n->path, router->nodes[n->parent].path))
            n->parent = router->nodes[n->parent].parent;
    }
}

static int
http_router_fill_methods(struct http_node *n, int (*refuse)(void *arg, uint16_t methods), void *arg)
{
    int refusal;

    if (n->methods == 0) /* exists only for its patterns */
        return 0;
    if ((n->methods & 1U << HTTP_GET) && !(n->methods & 1U << HTTP_HEAD)) {
        n->answer[HTTP_HEAD] = n->answer[HTTP_GET];
        n->methods |= 1U << HTTP_HEAD;
    }
    refusal = refuse(arg, n->methods);
    if (refusal < 0)
        return refusal;
    for (int m = 0; m < HTTP_METHOD_COUNT; m++)
        if (!(n->methods & 1U << m))
            n->answer[m] = (uint16_t)refusal;
    return 0;
}

/* Append a pattern to its prefix, which exists. */
static void
http_router_hang(struct http_router *router, uint32_t index)
{
    struct http_node *n = &router->nodes[index];
    size_t len = (size_t)((const char *)memchr(n->path.data, '{', n->path.len) - n->path.data);
    int32_t *p = &http_router_node(router, (struct http_span){n->path.data, len}, true)->patterns;

    while (*p >= 0 && http_router_compare_patterns(&router->nodes[*p], n) < 0)
        p = &router->nodes[*p].next;
    n->next = *p;
    *p = (int32_t)index;
}

int
http_router_seal(struct http_router *router, int (*refuse)(void *arg, uint16_t methods), void *arg)
{
    size_t slots = 2;

    while (slots < router->count * 2)
        slots *= 2;
    router->table = calloc(slots, sizeof(*router->table));
    router->prefixes = calloc(router->count + 1, sizeof(*router->prefixes));
    if (!router->table || !router->prefixes)
        return -ENOMEM;
    router->table_mask = slots - 1;
    for (uint32_t i = 0; i < router->count; i++) {
        int r = http_router_fill_methods(&router->nodes[i], refuse, arg);

        if (r < 0)
            return r;
        if (router->nodes[i].pattern)
            http_router_hang(router, i);
        else if (router->nodes[i].prefix)
            router->prefixes[router->prefix_count++] = (int32_t)i;
        else
            http_router_insert(router, i);
    }
    http_router_link_prefixes(router);
    return 0;
}

/* ---- Finding --------------------------------------------------------------------------------- */

/* The node that answers a path below a prefix: one of its patterns, the prefix itself, or NULL. */
static const struct http_node *
http_router_find_on(const struct http_router *router, const struct http_node *prefix,
                    struct http_span path)
{
    for (int32_t at = prefix->patterns; at >= 0; at = router->nodes[at].next)
        if (http_router_match(&router->nodes[at], path))
            return &router->nodes[at];
    return prefix->methods != 0 ? prefix : NULL;
}

static cold const struct http_node *
http_router_find_prefix(const struct http_router *router, struct http_span path)
{
    size_t low = 0;
    size_t high = router->prefix_count;
    int32_t at;

    /* find the last prefix that does not sort behind the path */
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (http_router_compare(router->nodes[router->prefixes[middle]].path, path) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    at = low == 0 ? -1 : router->prefixes[low - 1];
    for (; at >= 0; at = router->nodes[at].parent) {
        const struct http_node *n = NULL;

        if (http_router_begins(path, router->nodes[at].path))
            n = http_router_find_on(router, &router->nodes[at], path);
        if (n)
            return n;
    }
    return NULL;
}

/* Compare all but the last 8 bytes, which the caller has compared. */
static inline bool
http_router_equal_before(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i + 8 < len; i += 8)
        if (http_load64(a + i) != http_load64(b + i))
            return false;
    return true;
}

static size_t
http_router_count_slashes(struct http_span path)
{
    size_t n = 0;

    for (size_t i = 0; i < path.len; i++)
        n += path.data[i] == '/';
    return n;
}

bool
http_router_is_bare(const struct http_node *prefix, struct http_span path)
{
    return prefix->prefix && path.data[path.len - 1] == '/' &&
           http_router_count_slashes(prefix->path) == http_router_count_slashes(path);
}

const struct http_node *
http_router_find(const struct http_router *router, struct http_span path)
{
    uint64_t key = http_router_key(path);
    uint64_t at = http_router_hash(path, key) & router->table_mask;

    for (const struct http_slot *s; (s = &router->table[at])->len != 0;
         at = (at + 1) & router->table_mask)
        if (s->key == key && s->len == path.len &&
            http_router_equal_before(router->nodes[s->index].path.data, path.data, path.len))
            return &router->nodes[s->index];
    return http_router_find_prefix(router, path);
}
