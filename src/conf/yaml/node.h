/* A YAML file as a tree whose every node knows its line and column.
 *
 * Anchors and merge keys (<<) are resolved while parsing: a node that an alias names is shared,
 * so a tree is never changed once it is parsed, and its marks are those of the anchor.
 */
#pragma once

#include "base/err.h"
#include "conf/yaml/arena.h"
#include "conf/yaml/errors.h"

#define CONF_FILE_BYTES_MAX 1048576
#define CONF_DEPTH_MAX 64
#define CONF_NODES_MAX 100000 /* of all files together, aliases counted as if written out */

enum conf_kind {
    CONF_SCALAR = 0,
    CONF_SEQUENCE,
    CONF_MAP,
};

struct conf_node;

struct conf_entry {
    const struct conf_node *key; /* a scalar; NULL in a sequence */
    const struct conf_node *value;
    struct conf_entry *next;
};

struct conf_node {
    enum conf_kind kind;
    bool plain; /* a scalar without quotes */
    struct conf_mark mark;
    struct goevd_str text; /* of a scalar; NUL-terminated */
    struct conf_entry *entries;
    size_t count;  /* of entries */
    size_t weight; /* nodes from here down, aliases counted as if written out */
};

/* The shared data of all files of one configuration. */
struct conf_budget {
    size_t nodes; /* used of CONF_NODES_MAX */
};

/* Parse YAML text.
 *
 * file       kept by every mark: as long-lived as the tree.
 * Returns    0 with the tree in *ret_node, NULL for an empty document; else negative with the
 *            reasons in errors.
 */
int conf_parse(const char *data, size_t len, const struct conf_file *file, struct arena *arena,
               struct conf_budget *budget, struct conf_errors *errors,
               const struct conf_node **ret_node);

/* Parse a default; all its nodes get the position `mark`. NUL-terminated. */
int conf_parse_default(const char *text, const struct conf_mark *mark, struct arena *arena,
                       struct conf_errors *errors, const struct conf_node **ret_node);

/* The path in a scalar, relative to its file. It is made absolute, because goevd may go elsewhere.
 * 0; -ENOMEM. */
int conf_file_path(struct arena *arena, const struct conf_node *node, struct goevd_str *ret);

/* Null, ~ or nothing, without quotes; NULL too. */
bool conf_is_null(const struct conf_node *node);

/* The entry or value of a key; NULL where there is none or node is no map. */
const struct conf_entry *conf_entry(const struct conf_node *node, const char *key);
const struct conf_node *conf_get(const struct conf_node *node, const char *key);

/* Follow a path such as `routes[2].path` down from node. Where it leads to nothing, the nearest
 * node above; never NULL unless node is. */
const struct conf_node *conf_find(const struct conf_node *node, const char *path);

/* The tree with a scalar of this text at a path made of keys and indices. The nodes on the way are
 * copied, or made where it is missing, the rest is shared. An index beyond a sequence changes
 * nothing. NULL without memory. */
const struct conf_node *conf_override(struct arena *arena, const struct conf_node *node,
                                      const char *path, const char *text);

/* "a scalar", "a sequence", "a map", "nothing". */
const char *conf_kind_words(const struct conf_node *node);

bool conf_str_equal(struct goevd_str a, const char *b);
