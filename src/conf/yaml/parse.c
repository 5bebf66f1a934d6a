/* libyaml's events to nodes. */
#include "conf/yaml/parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define PARSE_ANCHORS_MAX 1000

struct anchor {
    const char *name;
    const struct conf_node *node;
    struct anchor *next;
};

static int parse_node(struct parse *parse, const yaml_event_t *event,
                      const struct conf_node **ret_node);

static struct conf_mark
parse_mark(const struct parse *parse, yaml_mark_t mark)
{
    if (parse->fixed)
        return *parse->fixed;
    return (struct conf_mark){parse->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

int
parse_no_memory(struct parse *parse)
{
    conf_errors_add(parse->errors, NULL, "", "out of memory");
    return -ENOMEM;
}

/* The reader only knows the offset of a byte that is no text. */
static struct conf_mark
parse_mark_offset(const struct parse *parse, size_t offset)
{
    struct conf_mark mark = {parse->file, 1, 1};
    size_t i;

    for (i = 0; i < MIN(offset, parse->len); i++) {
        mark.column++;
        if (parse->data[i] == '\n')
            mark = (struct conf_mark){parse->file, mark.line + 1, 1};
    }
    return mark;
}

/* An address that begins as YAML's lists and aliases do: `[::]:80`, `*:80`. 0: there is none. */
static size_t
parse_bare_address(const char *text, size_t len)
{
    size_t n = 1;

    if (len > 0 && text[0] == '[') {
        while (n < len && (isalnum((unsigned char)text[n]) || strchr(":.%*-_", text[n])))
            n++;
        if (n == len || text[n] != ']' || !memchr(text, text[1] == '*' ? '*' : ':', n++))
            return 0;
    } else if (len < 2 || text[0] != '*' || text[1] != ':') {
        return 0;
    }
    if (n < len && text[n] == ':')
        for (n++; n < len && text[n] >= '0' && text[n] <= '9';)
            n++;
    return n == len || strchr(" \t\r\n,}]#", text[n]) ? n : 0;
}

/* The first of them in that line. */
static struct goevd_str
parse_find_bare_address(const struct parse *parse, unsigned line)
{
    const char *end = parse->data + parse->len, *at = parse->data;
    size_t n;

    for (; line > 1 && at < end; line--) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));

        at = newline ? newline + 1 : end;
    }
    for (; at < end && *at != '\n'; at++) {
        bool begins = at == parse->data || strchr(" \n", at[-1]);

        n = begins ? parse_bare_address(at, (size_t)(end - at)) : 0;
        if (n > 0)
            return (struct goevd_str){at, n};
    }
    return (struct goevd_str){NULL, 0};
}

static int
parse_malformed(struct parse *parse)
{
    const yaml_parser_t *yaml = &parse->yaml;
    const char *problem = yaml->problem ? yaml->problem : "malformed";
    struct conf_mark mark = parse_mark(parse, yaml->problem_mark);
    struct goevd_str bare;
    bool tab = yaml->error == YAML_SCANNER_ERROR && *yaml->buffer.pointer == '\t';

    if (yaml->error == YAML_MEMORY_ERROR)
        return parse_no_memory(parse);
    if (yaml->error == YAML_READER_ERROR) {
        mark = parse_mark_offset(parse, yaml->problem_offset);
        return conf_errors_add(parse->errors, &mark, "", "not YAML: %s", problem);
    }
    bare = parse_find_bare_address(parse, (unsigned)yaml->problem_mark.line + 1);
    if (bare.data)
        return conf_errors_add(parse->errors, &mark, "", "not YAML: quote the address: \"%.*s\"",
                               (int)bare.len, bare.data);
    if (tab)
        return conf_errors_add(parse->errors, &mark, "",
                               "not YAML: a tab, where YAML indents with spaces only");
    return conf_errors_add(parse->errors, &mark, "", "not YAML: %s%s%s", problem,
                           yaml->context ? ", " : "", yaml->context ? yaml->context : "");
}

static int
parse_next(struct parse *parse, yaml_event_t *ret_event)
{
    if (yaml_parser_parse(&parse->yaml, ret_event))
        return 0;
    return parse_malformed(parse);
}

int
parse_spend(struct parse *parse, struct conf_mark mark, size_t weight)
{
    parse->budget->nodes += weight;
    if (parse->budget->nodes <= CONF_NODES_MAX)
        return 0;
    return conf_errors_add(parse->errors, &mark, parse->path.text,
                           "more than %d values in all, with those that aliases (*) repeat; "
                           "write less, or fewer aliases",
                           CONF_NODES_MAX);
}

static int
parse_node_new(struct parse *parse, enum conf_kind kind, yaml_mark_t at,
               struct conf_node **ret_node)
{
    struct conf_mark mark = parse_mark(parse, at);
    struct conf_node *node;
    int r = parse_spend(parse, mark, 1);

    if (r < 0)
        return r;
    node = arena_alloc(parse->arena, sizeof(*node));
    if (!node)
        return parse_no_memory(parse);
    *node = (struct conf_node){.kind = kind, .mark = mark, .weight = 1};
    *ret_node = node;
    return 0;
}

static void
parse_refuse_tag(struct parse *parse, const yaml_char_t *tag, yaml_mark_t at)
{
    static const char yaml[] = "tag:yaml.org,2002:"; /* the tag that !! stands for */
    struct conf_mark mark = parse_mark(parse, at);
    const char *text = (const char *)tag;
    bool own = tag && strncmp(text, yaml, sizeof(yaml) - 1) == 0;

    if (own)
        text += sizeof(yaml) - 1;
    if (tag)
        conf_errors_add(parse->errors, &mark, parse->path.text,
                        "the tag %s%.64s is not understood; write the value without a tag",
                        own ? "!!" : "", text);
}

static int
parse_anchor(struct parse *parse, const yaml_char_t *name, const struct conf_node *node)
{
    const char *text = (const char *)name;
    struct anchor *anchor;

    if (!name)
        return 0;
    if (++parse->anchor_count > PARSE_ANCHORS_MAX)
        return conf_errors_add(parse->errors, &node->mark, parse->path.text,
                               "more than %d anchors (&)", PARSE_ANCHORS_MAX);
    anchor = arena_alloc(parse->arena, sizeof(*anchor));
    if (!anchor || !(anchor->name = arena_copy(parse->arena, text, strlen(text))))
        return parse_no_memory(parse);
    anchor->node = node;
    anchor->next = parse->anchors;
    parse->anchors = anchor;
    return 0;
}

static int
parse_alias(struct parse *parse, const yaml_event_t *event, const struct conf_node **ret_node)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct conf_mark mark = parse_mark(parse, event->start_mark);
    const struct anchor *anchor;
    int r;

    for (anchor = parse->anchors; anchor; anchor = anchor->next) {
        if (strcmp(anchor->name, name) != 0)
            continue;
        r = parse_spend(parse, mark, anchor->node->weight);
        if (r == 0)
            *ret_node = anchor->node;
        return r;
    }
    return conf_errors_add(parse->errors, &mark, parse->path.text,
                           "the alias *%s has no anchor &%s before it", name, name);
}

static int
parse_scalar(struct parse *parse, const yaml_event_t *event, const struct conf_node **ret_node)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    struct conf_node *node = NULL;
    int r = parse_node_new(parse, CONF_SCALAR, event->start_mark, &node);

    if (r < 0)
        return r;
    parse_refuse_tag(parse, event->data.scalar.tag, event->start_mark);
    if (memchr(text, '\0', len)) {
        conf_errors_add(parse->errors, &node->mark, parse->path.text, "contains a NUL character");
        len = strlen(text);
    }
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text.len = len;
    node->text.data = arena_copy(parse->arena, text, len);
    if (!node->text.data)
        return parse_no_memory(parse);
    *ret_node = node;
    return parse_anchor(parse, event->data.scalar.anchor, node);
}

int
parse_add(struct parse *parse, struct builder *to, const struct conf_node *key,
          const struct conf_node *value)
{
    struct conf_entry *entry = arena_alloc(parse->arena, sizeof(*entry));

    if (!entry)
        return parse_no_memory(parse);
    *entry = (struct conf_entry){.key = key, .value = value};
    *to->end = entry;
    to->end = &entry->next;
    to->node->count++;
    to->node->weight += value->weight + (key ? 1 : 0);
    return 0;
}

/* An item of a sequence, or a pair of a map, whose first event has been read. */
typedef int (*parse_child_fn)(struct parse *parse, struct builder *to, const yaml_event_t *event);

/* All of them, up to the event of that type. */
static int
parse_children(struct parse *parse, struct builder *to, parse_child_fn fn, yaml_event_type_t last)
{
    yaml_event_t event;
    bool end;
    int r;

    do {
        r = parse_next(parse, &event);
        if (r < 0)
            return r;
        end = event.type == last;
        if (!end)
            r = fn(parse, to, &event);
        yaml_event_delete(&event);
    } while (!end && r == 0);
    return r;
}

static int
parse_item(struct parse *parse, struct builder *to, const yaml_event_t *event)
{
    const struct conf_node *value = NULL;
    size_t back = path_index(&parse->path, to->node->count);
    int r = parse_node(parse, event, &value);

    path_back(&parse->path, back);
    return r < 0 ? r : parse_add(parse, to, NULL, value);
}

static int
parse_pair(struct parse *parse, struct builder *to, const yaml_event_t *event)
{
    const struct conf_node *key = NULL, *value = NULL;
    size_t back = parse->path.len;
    yaml_event_t value_event;
    int r = parse_node(parse, event, &key);

    if (r < 0)
        return r;
    if (key->kind != CONF_SCALAR)
        return conf_errors_add(parse->errors, &key->mark, parse->path.text,
                               "a key must be one word, found %s", conf_kind_words(key));
    if (to->node->count == PARSE_MAP_KEYS_MAX)
        return conf_errors_add(parse->errors, &key->mark, parse->path.text,
                               "more than %d keys in one map", PARSE_MAP_KEYS_MAX);
    r = parse_next(parse, &value_event);
    if (r < 0)
        return r;
    path_key(&parse->path, key->text);
    r = parse_node(parse, &value_event, &value);
    path_back(&parse->path, back);
    yaml_event_delete(&value_event);
    return r < 0 ? r : parse_add(parse, to, key, value);
}

static int
parse_collection(struct parse *parse, const yaml_event_t *event, struct builder *to)
{
    int r;

    if (++parse->depth > CONF_DEPTH_MAX)
        return conf_errors_add(parse->errors, &to->node->mark, parse->path.text,
                               "nested more than %d levels deep", CONF_DEPTH_MAX);
    if (event->type == YAML_SEQUENCE_START_EVENT) {
        parse_refuse_tag(parse, event->data.sequence_start.tag, event->start_mark);
        r = parse_children(parse, to, parse_item, YAML_SEQUENCE_END_EVENT);
    } else {
        parse_refuse_tag(parse, event->data.mapping_start.tag, event->start_mark);
        r = parse_children(parse, to, parse_pair, YAML_MAPPING_END_EVENT);
        if (r == 0)
            r = parse_refuse_duplicates(parse, to->node);
        if (r == 0)
            r = parse_merge(parse, to);
    }
    parse->depth--;
    return r;
}

/* The node that an event begins. */
static int
parse_node(struct parse *parse, const yaml_event_t *event, const struct conf_node **ret_node)
{
    bool sequence = event->type == YAML_SEQUENCE_START_EVENT;
    struct builder to = {0};
    int r;

    if (event->type == YAML_ALIAS_EVENT)
        return parse_alias(parse, event, ret_node);
    if (event->type == YAML_SCALAR_EVENT)
        return parse_scalar(parse, event, ret_node);
    r = parse_node_new(parse, sequence ? CONF_SEQUENCE : CONF_MAP, event->start_mark, &to.node);
    if (r < 0)
        return r;
    to.end = &to.node->entries;
    r = parse_collection(parse, event, &to);
    if (r < 0)
        return r;
    *ret_node = to.node;
    return parse_anchor(
        parse, sequence ? event->data.sequence_start.anchor : event->data.mapping_start.anchor,
        to.node);
}

/* Stream start, one document or none, stream end. */
static int
parse_document(struct parse *parse, const struct conf_node **ret_node)
{
    const struct conf_node *node = NULL;
    struct conf_mark mark;
    yaml_event_t event;
    bool seen = false, end;
    int r;

    do {
        r = parse_next(parse, &event);
        if (r < 0)
            return r;
        end = event.type == YAML_STREAM_END_EVENT;
        mark = parse_mark(parse, event.start_mark);
        if (event.type == YAML_DOCUMENT_START_EVENT && seen)
            r = conf_errors_add(parse->errors, &mark, "",
                                "a second document begins here (---); one is read");
        else if (event.type == YAML_SCALAR_EVENT || event.type == YAML_ALIAS_EVENT ||
                 event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT)
            r = parse_node(parse, &event, &node);
        seen = seen || event.type == YAML_DOCUMENT_START_EVENT;
        yaml_event_delete(&event);
    } while (!end && r == 0);
    if (r == 0)
        *ret_node = node;
    return r;
}

static int
parse_run(struct parse *parse, const struct conf_node **ret_node)
{
    int r;

    if (!yaml_parser_initialize(&parse->yaml))
        return parse_no_memory(parse);
    yaml_parser_set_input_string(&parse->yaml, (const unsigned char *)parse->data, parse->len);
    r = parse_document(parse, ret_node);
    yaml_parser_delete(&parse->yaml);
    return r;
}

int
conf_parse(const char *data, size_t len, const struct conf_file *file, struct arena *arena,
           struct conf_budget *budget, struct conf_errors *errors,
           const struct conf_node **ret_node)
{
    struct parse parse = {
        .data = data, .len = len, .file = file, .arena = arena, .budget = budget, .errors = errors};
    int r = parse_run(&parse, ret_node);

    if (r == 0 && conf_is_null(*ret_node))
        *ret_node = NULL;
    return r;
}

int
conf_parse_default(const char *text, const struct conf_mark *mark, struct arena *arena,
                   struct conf_errors *errors, const struct conf_node **ret_node)
{
    struct conf_budget budget = {0};
    struct parse parse = {.data = text,
                          .len = strlen(text),
                          .fixed = mark,
                          .arena = arena,
                          .budget = &budget,
                          .errors = errors};

    return parse_run(&parse, ret_node);
}
