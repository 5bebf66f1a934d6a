/* Finding options, defaults, and validation from the top. */
#include "conf/schema/schema.h"

#include <errno.h>
#include <stdio.h>

#include "conf/schema/check.h"

const struct goevd_option *
conf_option(const struct goevd_schema *schema, struct goevd_str name)
{
    const struct goevd_option *option;

    if (!schema)
        return NULL;
    for (option = schema->options; option->type; option = conf_option_next(schema, option)) {
        if (option->name && conf_str_equal(name, option->name))
            return option;
    }
    return NULL;
}

const struct conf_node *
conf_default_node(struct arena *arena, const struct goevd_option *option,
                  const struct conf_mark *mark, struct conf_errors *errors)
{
    const struct conf_node *node = NULL;
    struct conf_node *scalar;

    if (!option->def)
        return NULL;
    if (option->type >= GOEVD_OPTION_RECORD) {
        conf_parse_default(option->def, mark, arena, errors, &node);
        return node;
    }
    scalar = arena_alloc(arena, sizeof(*scalar));
    if (scalar)
        *scalar =
            (struct conf_node){.kind = CONF_SCALAR, .mark = *mark, .text = check_str(option->def)};
    return scalar;
}

int
conf_validate(struct conf_context *context, const struct conf_node *node, const char *path,
              const struct goevd_schema *schema, const void **ret_record)
{
    struct check *check = calloc(1, sizeof(*check));
    struct conf_mark nowhere = {0};
    char *record = arena_alloc(context->arena, schema->size);
    int r = -ENOMEM;

    if (check && record) {
        check->context = context;
        path_set(&check->path, path);
        r = check_record(check, node, node ? &node->mark : &nowhere, schema, record);
        *ret_record = record;
    } else {
        conf_errors_add(context->errors, NULL, "", "out of memory");
    }
    free(check);
    return r;
}
