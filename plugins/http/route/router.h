/* From a path to what answers it.
 *
 * A route is a path, exact or a prefix that ends in "/", or a pattern: one in which some segments
 * are "{name}" and stand for any one that is not empty. What is the same up to a segment is decided
 * there: text goes before "{name}", and that before the end of a prefix. What answers is a number
 * for each method: an index of the caller's.
 *
 * A pattern hangs on the prefix that is its text before the first "{": the longest prefix of a path
 * is found first, and its patterns are tried before it answers itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/message/request.h"

struct http_node {
    struct http_span path; /* the caller's memory */
    bool prefix;
    bool pattern;
    uint16_t methods;                   /* bits 1 << enum http_method that `answer` is set for */
    uint16_t answer[HTTP_METHOD_COUNT]; /* after http_router_seal() for every method */
    int32_t parent;                     /* of a prefix: the next shorter one that holds it, or -1 */
    int32_t patterns;                   /* of a prefix: the first on it, or -1 */
    int32_t next;                       /* of a pattern: the next on that prefix, or -1 */
};

/* A place in the hash table of exact paths. */
struct http_slot {
    uint64_t key; /* the last 8 bytes of the path; of a shorter one, all of it */
    uint32_t len; /* 0: empty */
    uint32_t index;
};

struct http_router {
    struct http_node *nodes;
    size_t count;
    size_t room;
    struct http_slot *table;
    uint64_t table_mask;
    int32_t *prefixes; /* in the order of their bytes: indices of nodes */
    size_t prefix_count;
};

void http_router_fini(struct http_router *router);

/* Let `methods` (bits) of a path be answered by `answer`. Not after http_router_seal().
 *
 * path     stays valid as long as the router; a prefix ends in "/". A "{" begins a segment that
 *          ends with "}".
 * Returns  0; -EEXIST if one of those methods has an answer on that path already; -ENOMEM.
 */
int http_router_add(struct http_router *router, struct http_span path, bool prefix,
                    uint16_t methods, uint16_t answer);

/* Make it ready for http_router_find(). HEAD follows GET where it has no answer of its own; what
 * other methods get is asked of `refuse(arg, methods of the node)`, negative to give up. */
int http_router_seal(struct http_router *router, int (*refuse)(void *arg, uint16_t methods),
                     void *arg);

/* Whether all of a path stands before the "*" of a prefix: nothing is left for that. */
bool http_router_is_bare(const struct http_node *prefix, struct http_span path);

/* The node that answers a path, or NULL. */
const struct http_node *http_router_find(const struct http_router *router, struct http_span path);

/* What stands in a path for "{name}" of the route that answers it, or with "*" for name what
 * follows a prefix. `route` is as the caller has written it, with "*" at the end of a prefix. data
 * is NULL if there is no such thing in it. */
struct http_span http_router_param(struct http_span route, struct http_span path, const char *name);
