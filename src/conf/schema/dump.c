#include "conf/schema/dump.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "conf/yaml/value.h"

struct dump {
    yaml_emitter_t yaml;
    const struct conf_places *places;
    struct arena arena; /* defaults as nodes */
    struct conf_errors errors;
};

static int dump_value(struct dump *dump, const struct goevd_option *option, const char *slot,
                      const struct conf_node *node);
static int dump_record(struct dump *dump, const struct goevd_schema *schema, const char *record,
                       const struct conf_node *node);

static int
dump_emit(struct dump *dump, yaml_event_t *event, int made)
{
    if (!made)
        return -ENOMEM;
    if (yaml_emitter_emit(&dump->yaml, event))
        return 0;
    return dump->yaml.error == YAML_MEMORY_ERROR ? -ENOMEM : -EIO;
}

/* Reads back as the same text without quotes, in every place that a scalar can have. */
static bool
dump_is_plain(struct goevd_str text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";

    return text.len > 0 && strspn(text.data, safe) == text.len && text.data[0] != '-' &&
           text.data[0] != '.' && strcasecmp(text.data, "null") != 0;
}

static int
dump_text(struct dump *dump, struct goevd_str text)
{
    yaml_scalar_style_t style =
        dump_is_plain(text) ? YAML_PLAIN_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    const char *data = text.data ? text.data : "";
    yaml_event_t event;
    int made = yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)data,
                                            (int)text.len, 1, 1, style);

    return dump_emit(dump, &event, made);
}

static int
dump_word(struct dump *dump, const char *word)
{
    return dump_text(dump, (struct goevd_str){word, strlen(word)});
}

static int
dump_map_start(struct dump *dump)
{
    yaml_event_t event;
    int made = yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE);

    return dump_emit(dump, &event, made);
}

static int
dump_map_end(struct dump *dump)
{
    yaml_event_t event;

    return dump_emit(dump, &event, yaml_mapping_end_event_initialize(&event));
}

static int
dump_list_start(struct dump *dump, bool flow)
{
    yaml_event_t event;
    int made = yaml_sequence_start_event_initialize(
        &event, NULL, NULL, 1, flow ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE);

    return dump_emit(dump, &event, made);
}

static int
dump_list_end(struct dump *dump)
{
    yaml_event_t event;

    return dump_emit(dump, &event, yaml_sequence_end_event_initialize(&event));
}

/* ---- Values ---------------------------------------------------------------------------------- */

static int
dump_string(struct dump *dump, const struct goevd_option *option, const char *slot)
{
    struct goevd_str value;

    memcpy(&value, slot, sizeof(value));
    if (option->flags & GOEVD_OPTION_SECRET && value.data)
        return dump_word(dump, "***");
    return dump_text(dump, value);
}

static int
dump_subrecord(struct dump *dump, const struct goevd_option *option, const char *slot,
               const struct conf_node *node)
{
    const char *record;

    memcpy(&record, slot, sizeof(record));
    return dump_record(dump, option->item, record, node);
}

/* Short scalars read best on one line. */
static bool
dump_is_flow(const struct goevd_schema *schema)
{
    return conf_schema_is_item(schema) && schema->options->type < GOEVD_OPTION_RECORD;
}

static int
dump_list(struct dump *dump, const struct goevd_option *option, const char *slot,
          const struct conf_node *node)
{
    const struct conf_entry *entry = node->kind == CONF_SEQUENCE ? node->entries : NULL;
    struct goevd_list list;
    size_t i;
    int r;

    memcpy(&list, slot, sizeof(list));
    r = dump_list_start(dump, dump_is_flow(option->item));
    for (i = 0; i < list.count && r == 0; i++) {
        r = dump_record(dump, option->item, (const char *)list.items + i * option->item->size,
                        entry ? entry->value : node);
        entry = entry ? entry->next : NULL;
    }
    return r < 0 ? r : dump_list_end(dump);
}

static int
dump_pairs(struct dump *dump, const char *slot)
{
    const struct goevd_pair *pairs;
    struct goevd_list list;
    size_t i;
    int r;

    memcpy(&list, slot, sizeof(list));
    pairs = list.items;
    r = dump_map_start(dump);
    for (i = 0; i < list.count && r == 0; i++) {
        r = dump_text(dump, pairs[i].key);
        if (r == 0)
            r = dump_text(dump, pairs[i].value);
    }
    return r < 0 ? r : dump_map_end(dump);
}

static int
dump_plugin(struct dump *dump, const char *slot)
{
    const struct goevd_plugin *plugin;
    const struct conf_place *place;
    int r;

    memcpy(&plugin, slot, sizeof(plugin));
    place = conf_place_find(dump->places, plugin);
    if (!place)
        return -EINVAL;
    if (!place->schema)
        return dump_text(dump, place->name);
    r = dump_map_start(dump);
    if (r == 0)
        r = dump_text(dump, place->name);
    if (r == 0)
        r = dump_record(dump, place->schema, place->options, place->node);
    return r < 0 ? r : dump_map_end(dump);
}

static int
dump_value(struct dump *dump, const struct goevd_option *option, const char *slot,
           const struct conf_node *node)
{
    struct value_text buf;

    switch (option->type) {
    case GOEVD_OPTION_STRING:
        return dump_string(dump, option, slot);
    case GOEVD_OPTION_RECORD:
        return dump_subrecord(dump, option, slot, node);
    case GOEVD_OPTION_LIST:
        return dump_list(dump, option, slot, node);
    case GOEVD_OPTION_MAP:
        return dump_pairs(dump, slot);
    case GOEVD_OPTION_PLUGIN:
        return dump_plugin(dump, slot);
    default:
        return dump_word(dump, value_text(option, slot, &buf));
    }
}

/* ---- Records --------------------------------------------------------------------------------- */

static bool
dump_has_rival(const struct goevd_schema *schema, const struct goevd_option *of,
               const struct conf_node *node)
{
    const struct goevd_option *option;

    for (option = schema->options; option->type; option = conf_option_next(schema, option)) {
        if (option != of && option->one_of == of->one_of &&
            !conf_is_null(conf_get(node, option->name)))
            return true;
    }
    return false;
}

/* The origin of a value: the written one, or the default; NULL: neither. */
static const struct conf_node *
dump_source(struct dump *dump, const struct goevd_schema *schema, const struct goevd_option *option,
            const struct conf_node *node)
{
    const struct conf_node *value = conf_get(node, option->name);
    struct conf_mark mark = {0};

    if (!conf_is_null(value))
        return value;
    if (option->one_of != 0 && dump_has_rival(schema, option, node))
        return NULL;
    return conf_default_node(&dump->arena, option, &mark, &dump->errors);
}

static int
dump_option(struct dump *dump, const struct goevd_schema *schema, const struct goevd_option *option,
            const char *record, const struct conf_node *node)
{
    const struct conf_node *value = dump_source(dump, schema, option, node);
    int r;

    if (!value)
        return 0;
    r = dump_word(dump, option->name);
    return r < 0 ? r : dump_value(dump, option, record + option->offset, value);
}

static int
dump_record(struct dump *dump, const struct goevd_schema *schema, const char *record,
            const struct conf_node *node)
{
    const struct goevd_option *option = schema->options;
    int r;

    if (conf_schema_is_item(schema))
        return dump_value(dump, option, record + option->offset, node);
    r = dump_map_start(dump);
    for (option = schema->options; option->type; option = conf_option_next(schema, option)) {
        if (r == 0)
            r = dump_option(dump, schema, option, record, node);
    }
    return r < 0 ? r : dump_map_end(dump);
}

static int
dump_document(struct dump *dump, const struct goevd_schema *schema, const void *record,
              const struct conf_node *node)
{
    yaml_event_t event;
    int r;

    r = dump_emit(dump, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
    if (r == 0)
        r = dump_emit(dump, &event,
                      yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
    if (r == 0)
        r = dump_record(dump, schema, record, node);
    if (r == 0)
        r = dump_emit(dump, &event, yaml_document_end_event_initialize(&event, 1));
    if (r == 0)
        r = dump_emit(dump, &event, yaml_stream_end_event_initialize(&event));
    return r;
}

int
conf_dump(FILE *out, const struct goevd_schema *schema, const void *record,
          const struct conf_node *node, const struct conf_places *places)
{
    struct dump dump = {.places = places};
    int r;

    if (!yaml_emitter_initialize(&dump.yaml))
        return -ENOMEM;
    yaml_emitter_set_output_file(&dump.yaml, out);
    yaml_emitter_set_width(&dump.yaml, -1);
    yaml_emitter_set_unicode(&dump.yaml, 1);
    r = dump_document(&dump, schema, record, node);
    yaml_emitter_delete(&dump.yaml);
    arena_fini(&dump.arena);
    conf_errors_fini(&dump.errors);
    if (r == 0 && fflush(out) != 0)
        r = -EIO;
    return r;
}
