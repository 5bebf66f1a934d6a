/* Records: keys, groups, defaults. */
#include "conf/schema/check.h"

#include <errno.h>
#include <stdio.h>

#include "conf/yaml/suggest.h"

#define SCHEMA_DEPTH_MAX (CONF_DEPTH_MAX + 16)

/* ---- Keys ------------------------------------------------------------------------------------ */

void
conf_unknown_key(const struct goevd_schema *schema, struct goevd_str key, char *buf, size_t size)
{
    const struct goevd_option *option;
    struct suggest suggest;
    size_t len;

    suggest_init(&suggest, key);
    for (option = schema->options; option->type; option = conf_option_next(schema, option))
        suggest_offer(&suggest, check_str(option->name));
    if (suggest.best.data) {
        snprintf(buf, size, "unknown key, did you mean %s?", suggest.best.data);
        return;
    }
    len = (size_t)snprintf(buf, size, "unknown key; known here:");
    for (option = schema->options; option->type && len < size;
         option = conf_option_next(schema, option))
        len += (size_t)snprintf(buf + len, size - len, "%s %s",
                                option == schema->options ? "" : ",", option->name);
}

static void
check_unknown_key(struct check *check, const struct conf_node *key,
                  const struct goevd_schema *schema)
{
    char words[560];
    size_t back;

    if (check->context->errors->kept == CONF_ERRORS_MAX) {
        check->context->errors->found++; /* a suggestion would not be read */
        return;
    }
    conf_unknown_key(schema, key->text, words, sizeof(words));
    back = path_key(&check->path, key->text);
    check_error(check, &key->mark, "%s", words);
    path_back(&check->path, back);
}

static void
check_unknown_keys(struct check *check, const struct conf_node *node,
                   const struct goevd_schema *schema)
{
    const struct conf_entry *entry;

    for (entry = node->entries; entry; entry = entry->next) {
        if (!conf_option(schema, entry->key->text))
            check_unknown_key(check, entry->key, schema);
    }
}

/* ---- One of ---------------------------------------------------------------------------------- */

static bool
check_is_present(const struct conf_node *node, const struct goevd_option *option)
{
    return !conf_is_null(conf_get(node, option->name));
}

/* Is another option of its group written? */
static const struct conf_entry *
check_rival(const struct conf_node *node, const struct goevd_schema *schema,
            const struct goevd_option *of)
{
    const struct goevd_option *option;

    for (option = schema->options; option->type; option = conf_option_next(schema, option)) {
        if (option != of && option->one_of == of->one_of && check_is_present(node, option))
            return conf_entry(node, option->name);
    }
    return NULL;
}

static void
check_group_names(const struct goevd_schema *schema, unsigned group, char *names, size_t size)
{
    const struct goevd_option *option;
    size_t len = 0;

    names[0] = '\0';
    for (option = schema->options; option->type; option = conf_option_next(schema, option)) {
        if (option->one_of == group && len < size)
            len += (size_t)snprintf(names + len, size - len, "%s%s", len > 0 ? ", " : "",
                                    option->name);
    }
}

static int
check_group(struct check *check, const struct conf_node *node, const struct conf_mark *mark,
            const struct goevd_schema *schema, unsigned group)
{
    const struct conf_entry *present = NULL;
    const struct goevd_option *option;
    const struct conf_entry *entry;
    bool required = false;
    char names[256];
    int r = 0;

    check_group_names(schema, group, names, sizeof(names));
    for (option = schema->options; option->type; option = conf_option_next(schema, option)) {
        if (option->one_of != group)
            continue;
        required = required || (option->flags & GOEVD_OPTION_REQUIRED);
        if (!check_is_present(node, option))
            continue;
        entry = conf_entry(node, option->name);
        if (present)
            r = check_error(check, &entry->key->mark, "give only one of %s; %s is given in line %u",
                            names, present->key->text.data, present->key->mark.line);
        present = present ? present : entry;
    }
    if (required && !present)
        r = check_error(check, mark, "give one of %s", names);
    return r;
}

/* Each group once: where its first option stands. */
static int
check_groups(struct check *check, const struct conf_node *node, const struct conf_mark *mark,
             const struct goevd_schema *schema)
{
    const struct goevd_option *option, *first;
    int r = 0;

    for (option = schema->options; option->type; option = conf_option_next(schema, option)) {
        for (first = schema->options; first->type; first = conf_option_next(schema, first)) {
            if (first->one_of == option->one_of)
                break;
        }
        if (option->one_of != 0 && first == option &&
            check_group(check, node, mark, schema, option->one_of) < 0)
            r = -EINVAL;
    }
    return r;
}

/* ---- Options --------------------------------------------------------------------------------- */

static int
check_default(struct check *check, const struct goevd_option *option, const struct conf_mark *mark,
              char *slot)
{
    const struct conf_node *node =
        conf_default_node(check->context->arena, option, mark, check->context->errors);

    if (!node)
        return check_error(check, mark, "has a default that cannot be understood: %s", option->def);
    return check_value(check, option, node, slot);
}

static int
check_option(struct check *check, const struct goevd_option *option, const struct conf_node *node,
             const struct conf_mark *mark, const struct goevd_schema *schema, char *record)
{
    const struct conf_node *value = conf_get(node, option->name);
    size_t back = path_key(&check->path, check_str(option->name));
    char *slot = record + option->offset;
    int r = 0;

    if (!conf_is_null(value))
        r = check_value(check, option, value, slot);
    else if (option->one_of != 0 && check_rival(node, schema, option))
        r = 0;
    else if (option->def)
        r = check_default(check, option, mark, slot);
    else if ((option->flags & GOEVD_OPTION_REQUIRED) && option->one_of == 0)
        r = check_error(check, mark, "is missing");
    path_back(&check->path, back);
    return r;
}

static int
check_options(struct check *check, const struct conf_node *node, const struct conf_mark *mark,
              const struct goevd_schema *schema, char *record)
{
    const struct goevd_option *option;
    int r = 0, one;

    for (option = schema->options; option->type; option = conf_option_next(schema, option)) {
        one = check_option(check, option, node, mark, schema, record);
        if (one == -ENOMEM)
            return one;
        r = r < 0 ? r : one;
    }
    return r;
}

static int
check_map_record(struct check *check, const struct conf_node *node, const struct conf_mark *mark,
                 const struct goevd_schema *schema, char *record)
{
    size_t found = check->context->errors->found;
    int r;

    if (node && !conf_is_null(node)) {
        if (node->kind != CONF_MAP)
            return check_error(check, &node->mark, "expected a map of keys, found %s",
                               conf_kind_words(node));
        check_unknown_keys(check, node, schema);
    }
    check_groups(check, node, mark, schema);
    r = check_options(check, node, mark, schema, record);
    return r == 0 && check->context->errors->found > found ? -EINVAL : r;
}

int
check_record(struct check *check, const struct conf_node *node, const struct conf_mark *mark,
             const struct goevd_schema *schema, char *record)
{
    const struct goevd_option *item = schema->options;
    int r;

    /* The tree has a bound of its own; this is for defaults of a schema that contains itself. */
    if (check->depth >= SCHEMA_DEPTH_MAX)
        return check_error(check, mark, "nested more than %d levels deep", SCHEMA_DEPTH_MAX);
    if (conf_schema_is_item(schema) && !node)
        return check_error(check, mark, "is missing");
    check->depth++;
    if (conf_schema_is_item(schema))
        r = check_value(check, item, node, record + item->offset);
    else
        r = check_map_record(check, node, mark, schema, record);
    check->depth--;
    return r;
}
