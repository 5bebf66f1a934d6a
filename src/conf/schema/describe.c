#include "conf/schema/describe.h"

#include "conf/schema/schema.h"
#include "conf/yaml/value.h"

/* A schema and those that it is in: one may contain itself. */
struct chain {
    const struct goevd_schema *schema;
    const struct chain *up;
};

static void describe_schema(FILE *out, const struct goevd_schema *schema, unsigned indent,
                            const struct chain *up);

static void
describe_names(FILE *out, const char *const *names)
{
    const char *const *name;

    for (name = names; *name; name++)
        fprintf(out, "%s%s", name > names ? ", " : "", *name);
}

static void
describe_type(FILE *out, const struct goevd_option *option)
{
    switch (option->type) {
    case GOEVD_OPTION_ENUM:
        fputs("one of ", out);
        describe_names(out, option->choices);
        break;
    case GOEVD_OPTION_LIST:
        fputs("list", out);
        if (conf_schema_is_item(option->item)) {
            fputs(" of: ", out);
            describe_type(out, option->item->options);
        }
        break;
    case GOEVD_OPTION_PLUGIN:
        fprintf(out, "a plugin that offers %s",
                option->interface_id ? option->interface_id : "anything");
        break;
    default:
        fputs(value_words(option->type), out);
    }
}

static const char *
describe_unit(enum goevd_option_type type)
{
    switch (type) {
    case GOEVD_OPTION_STRING:
        return " bytes";
    case GOEVD_OPTION_LIST:
        return " items";
    case GOEVD_OPTION_MAP:
        return " keys";
    default:
        return "";
    }
}

static void
describe_range(FILE *out, const struct goevd_option *option)
{
    const char *unit = describe_unit(option->type);

    if (option->min == 0 && option->max == 0)
        return;
    fprintf(out, option->max >= option->min ? ", %s to " : ", at least %s",
            value_format(option->type, option->min).text);
    if (option->max >= option->min)
        fputs(value_format(option->type, option->max).text, out);
    fputs(unit, out);
}

static void
describe_group(FILE *out, const struct goevd_schema *schema, const struct goevd_option *of)
{
    const struct goevd_option *option;
    bool required = false;
    const char *between = "";

    for (option = schema->options; option->type; option = conf_option_next(schema, option)) {
        if (option->one_of == of->one_of)
            required = required || (option->flags & GOEVD_OPTION_REQUIRED);
    }
    fputs(required ? ", one needed of " : ", at most one of ", out);
    for (option = schema->options; option->type; option = conf_option_next(schema, option)) {
        if (option->one_of != of->one_of)
            continue;
        fprintf(out, "%s%s", between, option->name);
        between = ", ";
    }
}

static void
describe_option(FILE *out, const struct goevd_schema *schema, const struct goevd_option *option,
                unsigned indent, const struct chain *up)
{
    fprintf(out, "%*s%s: ", (int)indent, "", option->name);
    describe_type(out, option);
    describe_range(out, option);
    if (option->def)
        fprintf(out, ", default %s", *option->def ? option->def : "\"\"");
    if (option->one_of != 0)
        describe_group(out, schema, option);
    else if (option->flags & GOEVD_OPTION_REQUIRED)
        fputs(", required", out);
    if (option->flags & GOEVD_OPTION_RUNTIME)
        fputs(", may change while goevd runs", out);
    fputc('\n', out);
    if (option->help)
        fprintf(out, "%*s%s\n", (int)indent + 4, "", option->help);
    if (option->item && !conf_schema_is_item(option->item))
        describe_schema(out, option->item, indent + 4, up);
}

static void
describe_schema(FILE *out, const struct goevd_schema *schema, unsigned indent,
                const struct chain *up)
{
    const struct chain here = {schema, up};
    const struct goevd_option *option;

    for (; up; up = up->up) {
        if (up->schema != schema)
            continue;
        fprintf(out, "%*sand so on\n", (int)indent, "");
        return;
    }
    for (option = schema->options; option->type; option = conf_option_next(schema, option))
        describe_option(out, schema, option, indent, &here);
}

void
conf_describe(FILE *out, const struct goevd_schema *schema, unsigned indent)
{
    describe_schema(out, schema, indent, NULL);
}
