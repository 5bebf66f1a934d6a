/* The two halves of parsing: parse.c turns events into nodes, merge.c finishes maps. */
#pragma once

#include <yaml.h>

#include "conf/yaml/node.h"
#include "conf/yaml/path.h"

#define PARSE_MAP_KEYS_MAX 10000

struct anchor;

struct parse {
    yaml_parser_t yaml;
    const char *data;
    size_t len;
    const struct conf_file *file;
    const struct conf_mark *fixed; /* not NULL: every mark is this one */
    struct arena *arena;
    struct conf_budget *budget;
    struct conf_errors *errors;
    struct anchor *anchors; /* newest first: a name may be given again */
    size_t anchor_count;
    size_t depth;
    struct conf_path path;
};

/* A sequence or map under construction: where the next entry goes. */
struct builder {
    struct conf_node *node;
    struct conf_entry **end;
};

int parse_no_memory(struct parse *parse);

/* Count nodes against the budget, before any of them is made. */
int parse_spend(struct parse *parse, struct conf_mark mark, size_t weight);

int parse_add(struct parse *parse, struct builder *to, const struct conf_node *key,
              const struct conf_node *value);

/* Note every key that a map has twice, and drop the second. 0; -ENOMEM. */
int parse_refuse_duplicates(struct parse *parse, struct conf_node *map);

/* Take the `<<` entry out and add the keys of the named maps, which do not replace any. */
int parse_merge(struct parse *parse, struct builder *to);
