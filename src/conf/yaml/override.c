/* A tree with other values here and there. */
#include "conf/yaml/node.h"

#include <string.h>

struct override {
    struct arena *arena;
    const char *text;
};

static const struct conf_node *override_at(const struct override *o, const struct conf_node *node,
                                           const char *path);

static struct conf_node *
override_scalar(const struct override *o, const char *text, size_t len)
{
    struct conf_node *node = arena_alloc(o->arena, sizeof(*node));
    char *copy = arena_copy(o->arena, text, len);

    if (!node || !copy)
        return NULL;
    *node = (struct conf_node){.kind = CONF_SCALAR, .text = {copy, len}, .weight = 1};
    return node;
}

/* An entry at the end; false without memory. */
static bool
override_append(const struct override *o, struct conf_node *to, struct conf_entry ***end,
                const struct conf_node *key, const struct conf_node *value)
{
    struct conf_entry *entry = arena_alloc(o->arena, sizeof(*entry));

    if (!entry || !value)
        return false;
    *entry = (struct conf_entry){.key = key, .value = value};
    **end = entry;
    *end = &entry->next;
    to->count++;
    return true;
}

/* A copy of a map or sequence in which the entry `changed` has another value. */
static struct conf_node *
override_copy(const struct override *o, const struct conf_node *node,
              const struct conf_entry *changed, const struct conf_node *value,
              struct conf_entry ***ret_end)
{
    struct conf_node *copy = arena_alloc(o->arena, sizeof(*copy));

    if (!copy)
        return NULL;
    *copy = *node;
    copy->count = 0;
    copy->entries = NULL;
    *ret_end = &copy->entries;
    for (const struct conf_entry *e = node->entries; e; e = e->next)
        if (!override_append(o, copy, ret_end, e->key, e == changed ? value : e->value))
            return NULL;
    return copy;
}

static const struct conf_node *
override_item(const struct override *o, const struct conf_node *node, const char *path)
{
    char *end;
    unsigned long index = strtoul(path + 1, &end, 10);
    const struct conf_entry *entry;
    struct conf_entry **last;

    if (node->kind != CONF_SEQUENCE) /* one item alone, written without its list */
        return override_at(o, node, end + 1);
    for (entry = node->entries; entry && index > 0; index--)
        entry = entry->next;
    if (!entry)
        return node;
    return override_copy(o, node, entry, override_at(o, entry->value, end + 1), &last);
}

static const struct conf_node *
override_key(const struct override *o, const struct conf_node *node, const char *path)
{
    static const struct conf_node empty = {.kind = CONF_MAP, .weight = 1};
    size_t len = strcspn(path, ".[");
    const struct conf_node *key = override_scalar(o, path, len), *map = &empty;
    const struct conf_entry *entry;
    struct conf_entry **end;
    struct conf_node *copy;

    if (!key)
        return NULL;
    if (node && node->kind == CONF_MAP) /* else it is nothing, or a plugin's name alone */
        map = node;
    entry = conf_entry(map, key->text.data);
    if (entry)
        return override_copy(o, map, entry, override_at(o, entry->value, path + len), &end);
    copy = override_copy(o, map, NULL, NULL, &end);
    if (!copy || !override_append(o, copy, &end, key, override_at(o, NULL, path + len)))
        return NULL;
    if (node)
        copy->mark = node->mark;
    return copy;
}

/* NULL also if a node on the way is missing and has no name. */
static const struct conf_node *
override_at(const struct override *o, const struct conf_node *node, const char *path)
{
    path += *path == '.';
    if (!*path)
        return override_scalar(o, o->text, strlen(o->text));
    if (*path != '[')
        return override_key(o, node, path);
    return node ? override_item(o, node, path) : NULL;
}

const struct conf_node *
conf_override(struct arena *arena, const struct conf_node *node, const char *path, const char *text)
{
    struct override o = {arena, text};

    return override_at(&o, node, path);
}
