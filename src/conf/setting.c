#include "conf/setting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/yaml/suggest.h"

/* A record, and how one comes to it. */
struct walk {
    const struct config *config;
    const struct goevd_schema *schema;
    const char *record;
    const struct conf_node *node; /* that it was made of; NULL: of defaults */
    const struct conf_place *place;
    bool loose; /* below a list that is a default as a whole */
    struct conf_path name;
    struct conf_path path;
};

static void
walk_begin(struct walk *w, const struct config *config)
{
    *w = (struct walk){.config = config,
                       .schema = &config_schema,
                       .record = (const char *)config->top,
                       .node = config->root};
}

static void
walk_key(struct walk *w, struct goevd_str key)
{
    path_key(&w->name, key);
    path_key(&w->path, key);
}

static struct goevd_str
walk_str(const char *text)
{
    return (struct goevd_str){text, strlen(text)};
}

/* ---- Down, by one step ----------------------------------------------------------------------- */

/* Each is at an option whose key is in the paths already, and whose node is w->node. False where
 * there is nothing. */

static bool
walk_into_record(struct walk *w, const struct goevd_option *option)
{
    memcpy(&w->record, w->record + option->offset, sizeof(w->record));
    w->schema = option->item;
    return w->record != NULL;
}

static struct goevd_list
walk_list(const struct walk *w, const struct goevd_option *option)
{
    struct goevd_list list;

    memcpy(&list, w->record + option->offset, sizeof(list));
    return list;
}

static const char *
walk_item(const struct goevd_list *list, const struct goevd_option *option, size_t i)
{
    return (const char *)list->items + i * option->item->size;
}

/* Its name, or its address; data NULL without either. */
static struct goevd_str
walk_item_name(const struct goevd_schema *schema, const char *record)
{
    static const char *const keys[] = {"name", "address"};
    struct goevd_str name = {0};

    for (size_t i = 0; i < ARRAY_LEN(keys) && !name.data; i++) {
        const struct goevd_option *option = conf_option(schema, walk_str(keys[i]));

        if (option && option->type == GOEVD_OPTION_STRING)
            memcpy(&name, record + option->offset, sizeof(name));
    }
    return name;
}

/* Bytes up to the bracket that closes; addresses have brackets of their own. */
static size_t
walk_bracket(const char *text)
{
    size_t depth = 0, len;

    for (len = 0; text[len] && (depth > 0 || text[len] != ']'); len++)
        depth += (size_t)((text[len] == '[') - (text[len] == ']'));
    return len;
}

/* As an index between brackets it reads back to the same item. */
static bool
walk_is_index(struct goevd_str text)
{
    return text.len > 0 && strspn(text.data, "0123456789") >= text.len;
}

static bool
walk_reads_back(struct goevd_str name)
{
    if (!name.data || name.len == 0 || walk_is_index(name) || walk_bracket(name.data) != name.len)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] <= ' ' || name.data[i] > '~')
            return false;
    return true;
}

static bool
walk_into_item(struct walk *w, const struct goevd_option *option, size_t i)
{
    const struct goevd_list list = walk_list(w, option);
    const struct conf_entry *entry = NULL;
    struct goevd_str name;
    char bracketed[CONF_PATH_MAX];

    if (i >= list.count)
        return false;
    w->loose = w->loose || conf_is_null(w->node);
    w->record = walk_item(&list, option, i);
    w->schema = option->item;
    name = walk_item_name(w->schema, w->record);
    path_index(&w->path, i);
    if (walk_reads_back(name)) {
        snprintf(bracketed, sizeof(bracketed), "[%s]", name.data);
        path_below(&w->name, bracketed);
    } else {
        path_index(&w->name, i);
    }
    if (w->node && w->node->kind == CONF_SEQUENCE) {
        for (entry = w->node->entries; entry && i > 0; i--)
            entry = entry->next;
        w->node = entry ? entry->value : NULL;
    }
    return true;
}

static bool
walk_into_plugin(struct walk *w, const struct goevd_option *option)
{
    const struct goevd_plugin *plugin;

    memcpy(&plugin, w->record + option->offset, sizeof(plugin));
    w->place = plugin ? conf_place_find(&w->config->places, plugin) : NULL;
    if (!w->place)
        return false;
    walk_key(w, w->place->name);
    w->schema = w->place->schema;
    w->record = w->place->options;
    w->node = w->place->node;
    return true;
}

static void
walk_yield(const struct walk *w, const struct goevd_option *option, struct setting *ret)
{
    *ret = (struct setting){.option = option,
                            .slot = w->record + option->offset,
                            .place = w->place,
                            .written = !conf_is_null(w->node),
                            .loose = w->loose,
                            .name = w->name,
                            .path = w->path};
}

/* ---- By name --------------------------------------------------------------------------------- */

#define find_error(w, ...) find_error_at((w)->name.text, reterr, __VA_ARGS__)

PRINTF(3, 4)
static int
find_error_at(const char *name, struct err *reterr, const char *format, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return err_set(reterr, -EINVAL, "%s: %s", name, text);
}

static int
find_no_item(const struct walk *w, const struct goevd_option *option, struct goevd_str name,
             struct err *reterr)
{
    const struct goevd_list list = walk_list(w, option);
    struct suggest suggest;

    suggest_init(&suggest, name);
    for (size_t i = 0; i < list.count; i++) {
        struct goevd_str other = walk_item_name(option->item, walk_item(&list, option, i));

        if (other.data)
            suggest_offer(&suggest, other);
    }
    if (suggest.best.data)
        return find_error(w, "there is no %s; did you mean %s?", CONF_QUOTE(name),
                          suggest.best.data);
    return find_error(w, "there is no %s; it has %zu item%s, from [0] on", CONF_QUOTE(name),
                      list.count, list.count == 1 ? "" : "s");
}

/* `[web]` or `[0]`; *at comes behind it. */
static int
find_item(struct walk *w, const struct goevd_option *option, const char **at, struct err *reterr)
{
    const struct goevd_list list = walk_list(w, option);
    struct goevd_str name;
    size_t i = 0;

    if (**at != '[')
        return find_error(w, "is a list; which of its items? %s[0] is the first", w->name.text);
    name = (struct goevd_str){*at + 1, walk_bracket(*at + 1)};
    if (name.data[name.len] != ']')
        return find_error(w, "its item has no ] at the end");
    *at = name.data + name.len + 1;
    if (walk_is_index(name))
        i = strtoul(name.data, NULL, 10);
    else
        while (i < list.count) {
            struct goevd_str other = walk_item_name(option->item, walk_item(&list, option, i));

            if (other.data && other.len == name.len && memcmp(other.data, name.data, name.len) == 0)
                break;
            i++;
        }
    return walk_into_item(w, option, i) ? 0 : find_no_item(w, option, name, reterr);
}

/* `.key`, of which the first has no dot. */
static int
find_word(const struct walk *w, const char **at, struct goevd_str *ret, struct err *reterr)
{
    const char *text = *at + (**at == '.' && w->name.len > 0);

    *ret = (struct goevd_str){text, strcspn(text, ".[")};
    if (ret->len == 0 || (text == *at && w->name.len > 0))
        return err_set(reterr, -EINVAL, "%s%sa name is expected, as in log.level", w->name.text,
                       w->name.len > 0 ? ": " : "");
    *at = text + ret->len;
    return 0;
}

static int
find_plugin(struct walk *w, const struct goevd_option *option, const char **at, struct err *reterr)
{
    struct walk above = *w;
    struct goevd_str word;

    if (!walk_into_plugin(w, option))
        return find_error(&above, "there is none in the configuration");
    if (!**at)
        return find_error(&above, "is a plugin; its options are below %s", w->name.text);
    if (find_word(&above, at, &word, reterr) < 0)
        return -EINVAL;
    if (word.len != w->place->name.len || memcmp(word.data, w->place->name.data, word.len) != 0)
        return find_error(&above, "the plugin there is %s", w->place->name.data);
    if (!w->schema)
        return find_error(w, "this plugin takes no options");
    return 0;
}

/* Into the part beneath an option, if there can be one. */
static int
find_beneath(struct walk *w, const struct goevd_option *option, const char **at, struct err *reterr)
{
    switch (option->type) {
    case GOEVD_OPTION_RECORD:
        return walk_into_record(w, option) ? 0
                                           : find_error(w, "there is none in the configuration");
    case GOEVD_OPTION_LIST:
        return find_item(w, option, at, reterr);
    case GOEVD_OPTION_PLUGIN:
        return find_plugin(w, option, at, reterr);
    default:
        return find_error(w, "has nothing beneath it");
    }
}

static bool
find_is_end(const struct goevd_option *option)
{
    return option->type < GOEVD_OPTION_RECORD || option->type == GOEVD_OPTION_MAP;
}

static int
find_option(struct walk *w, const char **at, const struct goevd_option **ret, struct err *reterr)
{
    struct goevd_str word;
    char words[ERR_TEXT_MAX / 2];

    if (conf_schema_is_item(w->schema)) {
        *ret = w->schema->options;
        return 0;
    }
    if (w->name.len > 0 && !**at)
        return find_error(w, "is a map; which of its keys?");
    if (find_word(w, at, &word, reterr) < 0)
        return -EINVAL;
    *ret = conf_option(w->schema, word);
    if (!*ret)
        conf_unknown_key(w->schema, word, words, sizeof(words));
    walk_key(w, word);
    if (!*ret)
        return find_error(w, "%s", words);
    w->node = conf_get(w->node, (*ret)->name);
    return 0;
}

int
setting_find(const struct config *config, const char *name, struct setting *ret, struct err *reterr)
{
    const struct goevd_option *option = NULL;
    struct walk w;
    int r;

    walk_begin(&w, config);
    for (;;) {
        r = find_option(&w, &name, &option, reterr);
        if (r < 0)
            return r;
        if (find_is_end(option) && !*name)
            break;
        r = find_beneath(&w, option, &name, reterr);
        if (r < 0)
            return r;
    }
    walk_yield(&w, option, ret);
    return 0;
}

/* ---- All of them ----------------------------------------------------------------------------- */

struct each {
    setting_fn fn;
    void *arg;
};

static int each_record(const struct walk *w, const struct each *each);

static int
each_option(const struct walk *at, const struct goevd_option *option, const struct each *each)
{
    struct walk w = *at;
    struct setting s;
    int r = 0;

    switch (option->type) {
    case GOEVD_OPTION_RECORD:
        return walk_into_record(&w, option) ? each_record(&w, each) : 0;
    case GOEVD_OPTION_PLUGIN:
        return walk_into_plugin(&w, option) && w.schema ? each_record(&w, each) : 0;
    case GOEVD_OPTION_LIST:
        for (size_t i = 0; r == 0 && walk_into_item(&w, option, i); i++, w = *at)
            r = each_record(&w, each);
        return r;
    default:
        if (!(option->flags & GOEVD_OPTION_RUNTIME))
            return 0;
        walk_yield(&w, option, &s);
        return each->fn(&s, each->arg);
    }
}

static int
each_record(const struct walk *at, const struct each *each)
{
    const struct goevd_option *option = at->schema->options;
    struct walk w;
    int r = 0;

    if (conf_schema_is_item(at->schema))
        return each_option(at, option, each);
    for (; option->type && r == 0; option = conf_option_next(at->schema, option)) {
        w = *at;
        walk_key(&w, walk_str(option->name));
        w.node = conf_get(at->node, option->name);
        r = each_option(&w, option, each);
    }
    return r;
}

int
setting_each(const struct config *config, setting_fn fn, void *arg)
{
    const struct each each = {fn, arg};
    struct walk w;

    walk_begin(&w, config);
    return each_record(&w, &each);
}
