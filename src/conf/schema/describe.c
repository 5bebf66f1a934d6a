#include "conf/schema/describe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/schema/schema.h"
#include "conf/yaml/value.h"

#define DESCRIBE_PLACES_MAX 256 /* schemas; plugins have about ten */
#define DESCRIBE_PATH_MAX 128

/* The place where a schema is printed: the one with the fewest keys above it. */
struct describe_place {
    const struct goevd_schema *schema;
    char path[DESCRIBE_PATH_MAX]; /* "routes"; "" at the top */
};

struct describe {
    FILE *out;
    size_t count;
    struct describe_place places[DESCRIBE_PLACES_MAX];
};

static const struct describe_place *
describe_find(const struct describe *d, const struct goevd_schema *schema)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->places[i].schema == schema)
            return &d->places[i];
    return NULL;
}

static void
describe_path(char *buf, const char *above, const char *name)
{
    snprintf(buf, DESCRIBE_PATH_MAX, "%s%s%s", above, *above ? "." : "", name);
}

static const struct goevd_schema *
describe_inner(const struct goevd_option *option)
{
    return option->item && !conf_schema_is_item(option->item) ? option->item : NULL;
}

/* Level by level, so that a schema that stands in several places is found at the highest. */
static void
describe_collect(struct describe *d, const struct goevd_schema *top)
{
    d->places[0] = (struct describe_place){.schema = top};
    d->count = 1;
    for (size_t i = 0; i < d->count; i++) {
        const struct goevd_schema *schema = d->places[i].schema;
        const struct goevd_option *option;

        for (option = schema->options; option->type; option = conf_option_next(schema, option)) {
            const struct goevd_schema *inner = describe_inner(option);

            if (!inner || describe_find(d, inner) || d->count == DESCRIBE_PLACES_MAX)
                continue;
            d->places[d->count].schema = inner;
            describe_path(d->places[d->count++].path, d->places[i].path, option->name);
        }
    }
}

static void describe_schema(const struct describe *d, const struct goevd_schema *schema,
                            const char *path, unsigned indent);

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
describe_option(const struct describe *d, const struct goevd_schema *schema,
                const struct goevd_option *option, const char *above, unsigned indent)
{
    const struct goevd_schema *inner = describe_inner(option);
    char path[DESCRIBE_PATH_MAX];
    FILE *out = d->out;

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
    if (option->flags & GOEVD_OPTION_SECRET)
        fputs(", printed as ***", out);
    fputc('\n', out);
    if (option->help)
        fprintf(out, "%*s%s\n", (int)indent + 4, "", option->help);
    describe_path(path, above, option->name);
    if (inner)
        describe_schema(d, inner, path, indent + 4);
}

static void
describe_schema(const struct describe *d, const struct goevd_schema *schema, const char *path,
                unsigned indent)
{
    const struct describe_place *place = describe_find(d, schema);
    const struct goevd_option *option;

    if (!place) {
        fprintf(d->out, "%*sand so on\n", (int)indent, "");
        return;
    }
    if (strcmp(place->path, path) != 0) {
        fprintf(d->out, "%*sas %s%s\n", (int)indent, "", *place->path ? "under " : "at the top",
                place->path);
        return;
    }
    for (option = schema->options; option->type; option = conf_option_next(schema, option))
        describe_option(d, schema, option, path, indent);
}

int
conf_describe(FILE *out, const struct goevd_schema *schema, unsigned indent)
{
    struct describe *d = calloc(1, sizeof(*d));

    if (!d)
        return -ENOMEM;
    d->out = out;
    describe_collect(d, schema);
    describe_schema(d, schema, "", indent);
    free(d);
    return 0;
}
