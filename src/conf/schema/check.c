/* One value: a node against an option. */
#include "conf/schema/check.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/yaml/suggest.h"
#include "conf/yaml/value.h"

int
check_no_memory(struct check *check)
{
    conf_errors_add(check->context->errors, NULL, "", "out of memory");
    return -ENOMEM;
}

/* ---- Scalars --------------------------------------------------------------------------------- */

/* Both 0: no range; max below min: no upper bound. */
static bool
check_below(const struct goevd_option *option, int64_t value)
{
    return (option->min != 0 || option->max != 0) && value < option->min;
}

static bool
check_above(const struct goevd_option *option, int64_t value)
{
    return option->max >= option->min && (option->min != 0 || option->max != 0) &&
           value > option->max;
}

/* How many of something: bytes, items. */
static int
check_count(struct check *check, const struct goevd_option *option, const struct conf_node *node,
            size_t count, const char *what)
{
    if (check_below(option, (int64_t)count))
        return check_error(check, &node->mark, "has %zu %s; at least %lld needed", count, what,
                           (long long)option->min);
    if (check_above(option, (int64_t)count))
        return check_error(check, &node->mark, "has %zu %s; at most %lld allowed", count, what,
                           (long long)option->max);
    return 0;
}

static int
check_number(struct check *check, const struct goevd_option *option, const struct conf_node *node,
             char *slot)
{
    struct err err = {0};
    int64_t value = 0;
    bool below;

    if (value_parse_number(option->type, node->text, &value, &err) < 0)
        return check_error(check, &node->mark, "%s", err.text);
    below = check_below(option, value);
    if (below || check_above(option, value))
        return check_error(
            check, &node->mark, "%.64s is %s %s", node->text.data, below ? "below" : "above",
            value_format_like(option->type, below ? option->min : option->max, node->text).text);
    memcpy(slot, &value, sizeof(value));
    return 0;
}

static int
check_bool(struct check *check, const struct conf_node *node, char *slot)
{
    struct err err = {0};
    bool value = false;

    if (value_parse_bool(node->text, &value, &err) < 0)
        return check_error(check, &node->mark, "%s", err.text);
    memcpy(slot, &value, sizeof(value));
    return 0;
}

static int
check_string(struct check *check, const struct goevd_option *option, const struct conf_node *node,
             char *slot)
{
    int r = check_count(check, option, node, node->text.len, "bytes");
    struct goevd_str text = node->text;

    if (r == 0 && option->flags & GOEVD_OPTION_PATH &&
        conf_file_path(check->context->arena, node, &text) < 0)
        return check_no_memory(check);
    if (r == 0)
        memcpy(slot, &text, sizeof(text));
    return r;
}

/* "a, b, c" in a buffer, as many as fit. */
static void
check_join(char *text, size_t size, const char *const *names)
{
    size_t len = 0;

    text[0] = '\0';
    for (; *names && len < size; names++)
        len += (size_t)snprintf(text + len, size - len, "%s%s", len > 0 ? ", " : "", *names);
}

static int
check_enum(struct check *check, const struct goevd_option *option, const struct conf_node *node,
           char *slot)
{
    struct suggest suggest;
    char names[256];
    int i;

    suggest_init(&suggest, node->text);
    for (i = 0; option->choices[i]; i++) {
        if (conf_str_equal(node->text, option->choices[i])) {
            memcpy(slot, &i, sizeof(i));
            return 0;
        }
        suggest_offer(&suggest, check_str(option->choices[i]));
    }
    if (suggest.best.data)
        return check_error(check, &node->mark, "%s is not known; did you mean %s?",
                           CONF_QUOTE(node->text), suggest.best.data);
    check_join(names, sizeof(names), option->choices);
    return check_error(check, &node->mark, "expected one of %s; found %s", names,
                       CONF_QUOTE(node->text));
}

/* ---- Lists, maps, plugins -------------------------------------------------------------------- */

static int
check_subrecord(struct check *check, const struct goevd_option *option,
                const struct conf_node *node, char *slot)
{
    char *record = arena_alloc(check->context->arena, option->item->size);

    if (!record)
        return check_no_memory(check);
    memcpy(slot, &record, sizeof(record));
    return check_record(check, node, &node->mark, option->item, record);
}

static int
check_items(struct check *check, const struct goevd_option *option, const struct conf_node *node,
            char *items)
{
    const struct conf_entry *entry;
    size_t i = 0, back;
    int r = 0;

    for (entry = node->entries; entry && r != -ENOMEM; entry = entry->next, i++) {
        back = path_index(&check->path, i);
        r = check_record(check, entry->value, &entry->value->mark, option->item,
                         items + i * option->item->size);
        path_back(&check->path, back);
    }
    return r == -ENOMEM ? r : 0;
}

static int
check_list(struct check *check, const struct goevd_option *option, const struct conf_node *node,
           char *slot)
{
    bool alone = node->kind != CONF_SEQUENCE;
    struct goevd_list list = {.count = alone ? 1 : node->count};
    char *items;
    int r = check_count(check, option, node, list.count, list.count == 1 ? "item" : "items");

    if (r < 0)
        return r;
    items = arena_alloc_array(check->context->arena, list.count, option->item->size);
    if (!items)
        return check_no_memory(check);
    list.items = items;
    memcpy(slot, &list, sizeof(list));
    if (alone)
        return check_record(check, node, &node->mark, option->item, items);
    return check_items(check, option, node, items);
}

static int
check_pair(struct check *check, const struct conf_entry *entry, struct goevd_pair *pair)
{
    size_t back;

    if (entry->value->kind == CONF_SCALAR && !conf_is_null(entry->value)) {
        *pair = (struct goevd_pair){entry->key->text, entry->value->text};
        return 0;
    }
    back = path_key(&check->path, entry->key->text);
    check_error(check, &entry->value->mark, "expected a text, found %s%s",
                conf_kind_words(entry->value),
                conf_is_null(entry->value) ? "; write \"\" for an empty one" : "");
    path_back(&check->path, back);
    return -EINVAL;
}

static int
check_map(struct check *check, const struct goevd_option *option, const struct conf_node *node,
          char *slot)
{
    struct goevd_list list = {.count = node->count};
    const struct conf_entry *entry;
    struct goevd_pair *pairs;
    size_t i = 0;
    int r = check_count(check, option, node, node->count, node->count == 1 ? "key" : "keys");

    if (r < 0)
        return r;
    pairs = arena_alloc_array(check->context->arena, node->count, sizeof(*pairs));
    if (!pairs)
        return check_no_memory(check);
    for (entry = node->entries; entry; entry = entry->next)
        check_pair(check, entry, &pairs[i++]);
    list.items = pairs;
    memcpy(slot, &list, sizeof(list));
    return 0;
}

/* ---- Plugins --------------------------------------------------------------------------------- */

bool
conf_is_plugin_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    return len > 0 && len <= CONF_PLUGIN_NAME_MAX && !name[len];
}

static int
check_plugin_options(struct check *check, const struct conf_place *place,
                     const struct conf_node *name, char **ret_options)
{
    const struct goevd_schema *schema = place->schema;
    char *options;
    int r;

    if (!schema) {
        *ret_options = NULL;
        if (place->node && (place->node->kind != CONF_MAP || place->node->count > 0))
            return check_error(check, &place->node->mark, "the plugin %s takes no options",
                               place->name.data);
        return 0;
    }
    options = arena_alloc(check->context->arena, schema->size);
    if (!options)
        return check_no_memory(check);
    r = check_record(check, place->node, &name->mark, schema, options);
    *ret_options = options;
    return r;
}

static int
check_plugin_make(struct check *check, struct conf_place *place, void *handle,
                  const struct conf_node *name)
{
    const struct conf_resolver *resolver = check->context->resolver;
    struct conf_places *places = &check->context->places;
    struct conf_place *kept = arena_alloc(check->context->arena, sizeof(*kept));
    const char *path =
        arena_copy(check->context->arena, check->path.text, strlen(check->path.text));

    if (!kept || !path)
        return check_no_memory(check);
    place->plugin = resolver->made(resolver->ctx, handle, place->options,
                                   place->node ? place->node : name, path);
    if (!place->plugin)
        return check_no_memory(check);
    *kept = *place;
    if (places->last)
        places->last->next = kept;
    else
        places->first = kept;
    places->last = kept;
    return 0;
}

static int
check_plugin_load(struct check *check, const struct goevd_option *option,
                  const struct conf_node *name, struct conf_place *place, void **ret_handle)
{
    const struct conf_resolver *resolver = check->context->resolver;
    struct err err = {0};

    if (!conf_is_plugin_name(name->text.data))
        return check_error(check, &name->mark,
                           "%s is no plugin's name; names are made of a-z, 0-9, _ and -",
                           CONF_QUOTE(name->text));
    if (!resolver)
        return check_error(check, &name->mark, "plugins cannot be named here");
    if (resolver->load(resolver->ctx, name->text, option->interface_id, name, ret_handle,
                       &place->schema, &err) < 0)
        return check_error(check, &name->mark, "%s",
                           err.code ? err.text : "the plugin cannot be loaded");
    return 0;
}

/* `echo`, `echo:`, `http: {…}`: the node that names it, and its options or NULL. */
static int
check_plugin_split(struct check *check, const struct conf_node *node,
                   const struct conf_node **ret_name, const struct conf_node **ret_options)
{
    if (node->kind == CONF_SCALAR) {
        *ret_name = node;
        *ret_options = NULL;
        return 0;
    }
    if (node->kind != CONF_MAP)
        return check_error(check, &node->mark, "expected %s, found %s",
                           value_words(GOEVD_OPTION_PLUGIN), conf_kind_words(node));
    if (node->count != 1)
        return check_error(check, &node->mark,
                           "expected one plugin's name, found %zu keys; its options are "
                           "written beneath its name",
                           node->count);
    *ret_name = node->entries->key;
    *ret_options = conf_is_null(node->entries->value) ? NULL : node->entries->value;
    return 0;
}

/* Put a node in the place of null in a tree without another owner. */
static bool
check_graft(const struct conf_node *tree, const struct conf_node *node)
{
    for (struct conf_entry *e = tree->entries; e; e = e->next) {
        if (conf_is_null(e->value)) {
            e->value = node;
            return true;
        }
        if (check_graft(e->value, node))
            return true;
    }
    return false;
}

/* The tree for a plugin that cannot be used here but beneath another; NULL: there is none. */
static const struct conf_node *
check_plugin_host(struct check *check, const struct goevd_option *option,
                  const struct conf_node *node, const struct conf_node *name)
{
    const struct conf_resolver *resolver = check->context->resolver;
    const struct conf_node *host = NULL;
    const char *text = NULL;

    if (resolver && resolver->host && option->interface_id && conf_is_plugin_name(name->text.data))
        text = resolver->host(resolver->ctx, name->text, option->interface_id);
    if (!text || conf_parse_default(text, &name->mark, check->context->arena,
                                    check->context->errors, &host) < 0)
        return NULL;
    return check_graft(host, node) ? host : NULL;
}

static int
check_plugin(struct check *check, const struct goevd_option *option, const struct conf_node *node,
             char *slot)
{
    size_t found = check->context->errors->found, back;
    const struct conf_node *name = NULL;
    struct conf_place place = {0};
    char *options = NULL;
    void *handle = NULL;
    const struct conf_node *host;
    int r = check_plugin_split(check, node, &name, &place.node);

    if (r < 0)
        return r;
    assert(name);
    host = check_plugin_host(check, option, node, name);
    if (host)
        return check_plugin(check, option, host, slot);
    r = check_plugin_load(check, option, name, &place, &handle);
    if (r < 0)
        return r;
    place.name = name->text;
    back = path_key(&check->path, name->text);
    r = check_plugin_options(check, &place, name, &options);
    place.options = options;
    if (r == 0 && check->context->errors->found == found)
        r = check_plugin_make(check, &place, handle, name);
    path_back(&check->path, back);
    if (r == 0)
        memcpy(slot, &place.plugin, sizeof(place.plugin));
    return r;
}

/* ---- Values and records ---------------------------------------------------------------------- */

static bool
check_kind_fits(enum goevd_option_type type, enum conf_kind kind)
{
    switch (type) {
    case GOEVD_OPTION_RECORD:
    case GOEVD_OPTION_LIST:
    case GOEVD_OPTION_PLUGIN:
        return true; /* they look for themselves */
    case GOEVD_OPTION_MAP:
        return kind == CONF_MAP;
    default:
        return kind == CONF_SCALAR;
    }
}

int
check_value(struct check *check, const struct goevd_option *option, const struct conf_node *node,
            char *slot)
{
    if (conf_is_null(node) || !check_kind_fits(option->type, node->kind))
        return check_error(check, &node->mark, "expected %s, found %s", value_words(option->type),
                           conf_kind_words(node));
    switch (option->type) {
    case GOEVD_OPTION_BOOL:
        return check_bool(check, node, slot);
    case GOEVD_OPTION_INT:
    case GOEVD_OPTION_SIZE:
    case GOEVD_OPTION_DURATION:
    case GOEVD_OPTION_RATE:
        return check_number(check, option, node, slot);
    case GOEVD_OPTION_STRING:
        return check_string(check, option, node, slot);
    case GOEVD_OPTION_ENUM:
        return check_enum(check, option, node, slot);
    case GOEVD_OPTION_RECORD:
        return check_subrecord(check, option, node, slot);
    case GOEVD_OPTION_LIST:
        return check_list(check, option, node, slot);
    case GOEVD_OPTION_MAP:
        return check_map(check, option, node, slot);
    case GOEVD_OPTION_PLUGIN:
        return check_plugin(check, option, node, slot);
    default:
        return check_error(check, &node->mark, "has a type that this goevd does not know");
    }
}
