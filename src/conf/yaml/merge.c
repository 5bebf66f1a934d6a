/* The last step for a complete map: its order, duplicates and merge keys. */
#include "conf/yaml/parse.h"

#include <string.h>

static int
parse_compare_keys(const void *left, const void *right)
{
    const struct conf_node *a = *(const struct conf_node *const *)left;
    const struct conf_node *b = *(const struct conf_node *const *)right;
    int r = strcmp(a->text.data, b->text.data);

    if (r == 0)
        r = (a->mark.line > b->mark.line) - (a->mark.line < b->mark.line);
    if (r == 0)
        r = (a->mark.column > b->mark.column) - (a->mark.column < b->mark.column);
    return r;
}

/* The first stays, so that the second is never found again. */
static void
parse_drop(struct conf_node *map, const struct conf_node *key)
{
    struct conf_entry **at = &map->entries;

    while (*at && (*at)->key != key)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = (*at)->next;
    map->count--;
}

/* Sorted, so that a map of ten thousand keys does not take a hundred million comparisons. */
int
parse_refuse_duplicates(struct parse *parse, struct conf_node *map)
{
    _cleanup_free_ const struct conf_node **keys =
        calloc(map->count + 1, sizeof(struct conf_node *));
    const struct conf_entry *entry;
    size_t i = 0, back, count = map->count;

    if (!keys)
        return parse_no_memory(parse);
    for (entry = map->entries; entry; entry = entry->next)
        keys[i++] = entry->key;
    qsort(keys, count, sizeof(struct conf_node *), parse_compare_keys);
    for (i = 1; i < count; i++) {
        if (strcmp(keys[i - 1]->text.data, keys[i]->text.data) != 0)
            continue;
        back = path_key(&parse->path, keys[i]->text);
        conf_errors_add(parse->errors, &keys[i]->mark, parse->path.text,
                        "is given twice; the first is in line %u", keys[i - 1]->mark.line);
        path_back(&parse->path, back);
        parse_drop(map, keys[i]);
    }
    return 0;
}

static int
parse_merge_map(struct parse *parse, struct builder *to, const struct conf_node *from)
{
    const struct conf_entry *entry;
    int r = 0;

    if (from->kind != CONF_MAP)
        return conf_errors_add(parse->errors, &from->mark, parse->path.text,
                               "<< takes a map or a list of maps, found %s", conf_kind_words(from));
    for (entry = from->entries; entry && r == 0; entry = entry->next) {
        if (conf_get(to->node, entry->key->text.data))
            continue;
        if (to->node->count == PARSE_MAP_KEYS_MAX)
            return conf_errors_add(parse->errors, &from->mark, parse->path.text,
                                   "more than %d keys in one map", PARSE_MAP_KEYS_MAX);
        r = parse_spend(parse, from->mark, entry->value->weight + 1);
        if (r == 0)
            r = parse_add(parse, to, entry->key, entry->value);
    }
    return r;
}

static bool
parse_is_merge(const struct conf_node *key)
{
    return key->plain && conf_str_equal(key->text, "<<");
}

int
parse_merge(struct parse *parse, struct builder *to)
{
    struct conf_entry **at = &to->node->entries;
    const struct conf_entry *item;
    const struct conf_node *from;
    int r = 0;

    while (*at && !parse_is_merge((*at)->key))
        at = &(*at)->next;
    if (!*at)
        return 0;
    from = (*at)->value;
    *at = (*at)->next;
    to->node->count--;
    for (to->end = at; *to->end; to->end = &(*to->end)->next)
        ;
    if (from->kind != CONF_SEQUENCE)
        return parse_merge_map(parse, to, from);
    for (item = from->entries; item && r == 0; item = item->next)
        r = parse_merge_map(parse, to, item->value);
    return r;
}
