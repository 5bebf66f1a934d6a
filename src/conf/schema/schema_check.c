/* Schemas that come with plugins, which may be wrong. */
#include "conf/schema/schema.h"

#include <errno.h>
#include <string.h>

#include "conf/yaml/suggest.h"
#include "conf/yaml/value.h"

#define SCHEMA_RECORD_MAX 1048576

/* A schema and those that it is in: one may contain itself. */
struct chain {
    const struct goevd_schema *schema;
    const struct chain *up;
};

static size_t
schema_check_size(enum goevd_option_type type)
{
    switch (type) {
    case GOEVD_OPTION_BOOL:
        return sizeof(bool);
    case GOEVD_OPTION_ENUM:
        return sizeof(int);
    case GOEVD_OPTION_STRING:
        return sizeof(struct goevd_str);
    case GOEVD_OPTION_LIST:
    case GOEVD_OPTION_MAP:
        return sizeof(struct goevd_list);
    case GOEVD_OPTION_RECORD:
    case GOEVD_OPTION_PLUGIN:
        return sizeof(void *);
    default:
        return sizeof(int64_t);
    }
}

static int
schema_check_default(const struct goevd_option *option, const char *name, struct err *reterr)
{
    struct goevd_option alone[] = {*option, {0}};
    const struct goevd_schema schema = {option->offset + schema_check_size(option->type),
                                        sizeof(alone[0]), alone};
    struct conf_errors errors = {0};
    struct arena arena = {0};
    struct conf_context context = {.arena = &arena, .errors = &errors};
    const void *record = NULL;
    int r;

    if (!option->def || option->type == GOEVD_OPTION_PLUGIN)
        return 0;
    alone[0].flags = 0;
    alone[0].one_of = 0;
    r = conf_validate(&context, NULL, "", &schema, &record);
    if (r < 0)
        err_set(reterr, r, "the default of the option %s is wrong: %s", name,
                errors.kept > 0 ? errors.items[0].line : "");
    conf_errors_fini(&errors);
    arena_fini(&arena);
    return r;
}

/* As paths have it, in errors and for goevd ctl set: a.b[1] has no other characters. */
static bool
schema_check_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    return len > 0 && len <= SUGGEST_NAME_MAX && !name[len];
}

static int
schema_check_option(const struct goevd_schema *schema, const struct goevd_option *option,
                    struct err *reterr)
{
    bool item = option == schema->options && !option->name;
    bool nested = option->type == GOEVD_OPTION_RECORD || option->type == GOEVD_OPTION_LIST;
    const char *name = item ? "(of a list)" : option->name;

    if (!name)
        return err_set(reterr, -EINVAL, "an option has no name");
    if (!item && !schema_check_name(name))
        return err_set(
            reterr, -EINVAL,
            "the option '%s' has a name that no path in goevd.yaml can have; it is 1 to %d "
            "letters, digits, _ and -",
            name, SUGGEST_NAME_MAX);
    if (item && conf_option_next(schema, option)->type)
        return err_set(reterr, -EINVAL, "an option without a name is not alone");
    if (option->type > GOEVD_OPTION_PLUGIN)
        return err_set(reterr, -EINVAL, "the option %s has the type %d, which is not known", name,
                       (int)option->type);
    if (option->offset > schema->size ||
        schema_check_size(option->type) > schema->size - option->offset)
        return err_set(reterr, -EINVAL, "the option %s does not fit its record of %zu bytes", name,
                       schema->size);
    if (option->type == GOEVD_OPTION_ENUM && (!option->choices || !option->choices[0]))
        return err_set(reterr, -EINVAL, "the option %s has no choices", name);
    if (option->flags & GOEVD_OPTION_RUNTIME && option->type >= GOEVD_OPTION_RECORD)
        return err_set(reterr, -EINVAL,
                       "the option %s cannot change while goevd runs: only a single value can",
                       name);
    if (option->flags & GOEVD_OPTION_SECRET && option->type != GOEVD_OPTION_STRING)
        return err_set(reterr, -EINVAL, "the option %s cannot be secret: only a string can", name);
    if (nested && !option->item)
        return err_set(reterr, -EINVAL, "the option %s has no schema for its content", name);
    if (!item && conf_option(schema, (struct goevd_str){name, strlen(name)}) != option)
        return err_set(reterr, -EINVAL, "there are two options %s", name);
    return 0;
}

static int
schema_check(const struct goevd_schema *schema, const struct chain *up, struct err *reterr)
{
    const struct chain here = {schema, up};
    const struct goevd_option *option;
    const char *name;
    int r = 0;

    for (; up; up = up->up) {
        if (up->schema == schema)
            return 0;
    }
    if (schema->option_size < sizeof(struct goevd_option) || schema->option_size % 8 != 0)
        return err_set(reterr, -EINVAL, "its options are %zu bytes large, where %zu are needed",
                       schema->option_size, sizeof(struct goevd_option));
    if (schema->size > SCHEMA_RECORD_MAX || !schema->options)
        return err_set(reterr, -EINVAL, "it has no options or a record larger than 1MiB");
    for (option = schema->options; option->type && r == 0;
         option = conf_option_next(schema, option)) {
        name = option->name ? option->name : "(of a list)";
        r = schema_check_option(schema, option, reterr);
        if (r == 0 && option->item)
            r = schema_check(option->item, &here, reterr);
        if (r == 0)
            r = schema_check_default(option, name, reterr);
    }
    return r;
}

int
conf_schema_check(const struct goevd_schema *schema, struct err *reterr)
{
    return schema_check(schema, NULL, reterr);
}
