/* Maps a path to a number of the caller for each method.
 *
 * A route is an exact path, a prefix that ends in "/", or a pattern: a path in which some segments
 * are "{name}" and match any segment that is not empty. Routes with a common beginning compete at
 * the first segment that differs: text is tried before "{name}", and "{name}" before the end of a
 * prefix.
 *
 * A pattern is stored with the prefix that is its text before the first "{". The longest prefix of
 * a path is found first. Its patterns are tried before the prefix itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/message/request.h"

struct http_node {
    struct http_span path; /* memory of the caller */
    bool prefix;
    bool pattern;
    uint16_t methods;                   /* methods, as bits 1 << enum http_method, for which
                                         * `answer` is set */
    uint16_t answer[HTTP_METHOD_COUNT]; /* set for every method after http_router_seal() */
    int32_t parent;                     /* of a prefix: the next shorter one that contains it, or
                                         * -1 */
    int32_t patterns;                   /* of a prefix: its first pattern, or -1 */
    int32_t next;                       /* of a pattern: the next one of the same prefix, or -1 */
};

/* A slot of the hash table of exact paths. */
struct http_slot {
    uint64_t key; /* last 8 bytes of the path; of a shorter path, all its bytes */
    uint32_t len; /* 0: empty */
    uint32_t index;
};

struct http_router {
    struct http_node *nodes;
    size_t count;
    size_t room;
    struct http_slot *table;
    uint64_t table_mask;
    int32_t *prefixes; /* indices of nodes, in the order of their bytes */
    size_t prefix_count;
};

void http_router_fini(struct http_router *router);

/* Answer `methods` (bits) of a path with the number `answer`. Not after http_router_seal().
 *
 * path     Stays valid as long as the router; a prefix ends in "/". A "{" begins a segment that
 *          ends with "}".
 * Returns  0; -EEXIST if one of the methods has an answer on that path already; -ENOMEM.
 */
int http_router_add(struct http_router *router, struct http_span path, bool prefix,
                    uint16_t methods, uint16_t answer);

/* Prepare for http_router_find(). HEAD gets the answer of GET unless it has its own. Other methods
 * get the number that `refuse(arg, methods of the node)` returns; a negative one aborts. */
int http_router_seal(struct http_router *router, int (*refuse)(void *arg, uint16_t methods),
                     void *arg);

/* Whether a path ends where the "*" of a prefix begins. */
bool http_router_is_bare(const struct http_node *prefix, struct http_span path);

/* The node that answers a path, or NULL. */
const struct http_node *http_router_find(const struct http_router *router, struct http_span path);

/* The part of a path that matches "{name}" in its route, or the rest behind a prefix for the name
 * "*". `route` is spelled as in the options, with "*" at the end of a prefix. data is NULL if the
 * route has no such part. */
struct http_span http_router_param(struct http_span route, struct http_span path, const char *name);
