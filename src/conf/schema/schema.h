/* From nodes to records: checks a tree against a struct goevd_schema and fills the records.
 *
 * goevd's own keys and every plugin's options go this way. A PLUGIN option is where another
 * schema begins; the resolver finds it.
 *
 *   schema.c        finding options, defaults, validation from the top
 *   check.c         validation of values
 *   check_record.c  validation of records, which calls check.c and is called by it
 *   schema_check.c  whether a schema itself is sound
 *   place.c         the places where plugins are named
 */
#pragma once

#include "conf/yaml/node.h"

struct conf_resolver {
    /* Load the plugin that `where` names and return the schema of its options. Called before its
     * subtree is validated, once for each place.
     *
     * interface_id  the interface that it must offer; may be NULL.
     * Returns       0 with *ret_place, which only `made` is given, and *ret_schema (NULL: takes no
     *               options; lives as long as the records); negative with the reason in reterr,
     *               to which the caller adds position and path.
     */
    int (*load)(void *ctx, struct goevd_str name, const char *interface_id,
                const struct conf_node *where, void **ret_place,
                const struct goevd_schema **ret_schema, struct err *reterr);

    /* A plugin that does not offer interface_id, but may be put beneath one that does and hosts
     * what it offers.
     *
     * Returns  YAML, one line, for the value in its place, with `null` where it goes itself; NULL
     *          if there is nothing. May be NULL itself.
     */
    const char *(*host)(void *ctx, struct goevd_str name, const char *interface_id);

    /* Its subtree is valid. Called after the places nested in it, so that the order of calls is
     * the order of creation; not called where the subtree has errors.
     *
     * options  the record; NULL where the plugin takes none. Lives as long as the configuration.
     * node     its options, or the node that names it where none are written: for conf_find().
     * path     from the top to node, as in `listeners[0].handler.http`; lives as the record does.
     * Returns  the value for the record, a new one for every place; NULL without memory.
     */
    struct goevd_plugin *(*made)(void *ctx, void *place, const void *options,
                                 const struct conf_node *node, const char *path);

    /* config_load() calls it once, before any load: the directory that the configuration names,
     * data NULL where it names none. May be NULL. */
    void (*plugin_dir)(void *ctx, struct goevd_str dir);

    void *ctx;
};

/* A place where a plugin was named, in the order of creation. */
struct conf_place {
    struct goevd_plugin *plugin;
    struct goevd_str name;
    const struct goevd_schema *schema;
    const void *options;
    const struct conf_node *node; /* its options; NULL where none are written */
    struct conf_place *next;
};

struct conf_places {
    struct conf_place *first;
    struct conf_place *last;
};

/* Everything that validation needs and yields besides the record. */
struct conf_context {
    struct arena *arena;
    struct conf_errors *errors;
    const struct conf_resolver *resolver; /* NULL: every plugin is an error */
    struct conf_places places;
};

/* Validate node against schema; every error found goes to context->errors.
 *
 * node       NULL: an empty map.
 * path       of node, "" at the top.
 * Returns    0; -EINVAL, -ENOMEM. *ret_record is set after errors too, so that the valid parts can
 *            be checked further; the others are zero.
 */
int conf_validate(struct conf_context *context, const struct conf_node *node, const char *path,
                  const struct goevd_schema *schema, const void **ret_record);

/* An option's default as a node whose marks are all `mark`; NULL where there is none, or where it
 * is no YAML (an error in the schema, noted). */
const struct conf_node *conf_default_node(struct arena *arena, const struct goevd_option *option,
                                          const struct conf_mark *mark, struct conf_errors *errors);

#define CONF_PLUGIN_NAME_MAX 64

/* May a plugin be called so: 1 to CONF_PLUGIN_NAME_MAX of a-z, 0-9, _ and -? */
bool conf_is_plugin_name(const char *name);

/* Is a schema itself sound? For those that come from outside. 0; -EINVAL with the flaw in reterr.
 */
int conf_schema_check(const struct goevd_schema *schema, struct err *reterr);

/* The place of a plugin, NULL if it has none here. */
const struct conf_place *conf_place_find(const struct conf_places *places,
                                         const struct goevd_plugin *plugin);

/* Options are as large as the plugin's author knew them; the last has type GOEVD_OPTION_END, 0. */
static inline const struct goevd_option *
conf_option_next(const struct goevd_schema *schema, const struct goevd_option *option)
{
    return (const struct goevd_option *)(const void *)((const char *)option + schema->option_size);
}

/* The schema of a list's items that are scalars: one option without a name. */
static inline bool
conf_schema_is_item(const struct goevd_schema *schema)
{
    return schema->options->type != GOEVD_OPTION_END && !schema->options->name;
}

/* Why there is no option `key`, for an error's sentence: the nearest name, or the existing ones.
 */
void conf_unknown_key(const struct goevd_schema *schema, struct goevd_str key, char *buf,
                      size_t size);

/* The first option with that name; NULL. */
const struct goevd_option *conf_option(const struct goevd_schema *schema, struct goevd_str name);

/* Note an error about the node at `path` below `node`, which is itself at `base`. */
int conf_errors_add_below(struct conf_errors *errors, const struct conf_node *node,
                          const char *base, const char *path, const char *format, ...) PRINTF(5, 6);
int conf_errors_vadd_below(struct conf_errors *errors, const struct conf_node *node,
                           const char *base, const char *path, const char *format, va_list args)
    PRINTF(5, 0);
