#include "download/types.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/slurp.h"

#define TYPES_FILE_MAX ((size_t)16 << 20) /* bytes; the system's have some 50,000 */

/* Where the system has its table; the first that is there. */
static const char *const types_files[] = {"/usr/share/mime/globs2", "/etc/mime.types"};

struct type {
    const char *extension;
    const char *type;
    unsigned rank; /* of several for an extension the lowest counts */
};

/* ---- The table ------------------------------------------------------------------------------- */

static int
types_add(struct types *types, const char *extension, const char *type)
{
    if (types->count == types->room) {
        size_t room = types->room == 0 ? 256 : types->room * 2;
        struct type *all = reallocarray(types->all, room, sizeof(*all));

        if (all == NULL)
            return -ENOMEM;
        types->all = all;
        types->room = room;
    }
    types->all[types->count] = (struct type){extension, type, (unsigned)types->count};
    types->count++;
    return 0;
}

static int
types_compare(const void *a, const void *b)
{
    const struct type *x = a, *y = b;
    int r = strcasecmp(x->extension, y->extension);

    return r != 0 ? r : (x->rank > y->rank) - (x->rank < y->rank);
}

/* Sort it, and leave one type for each extension. */
static void
types_seal(struct types *types)
{
    size_t count = 0;

    if (types->count > 0)
        qsort(types->all, types->count, sizeof(*types->all), types_compare);
    for (size_t i = 0; i < types->count; i++)
        if (count == 0 || strcasecmp(types->all[i].extension, types->all[count - 1].extension) != 0)
            types->all[count++] = types->all[i];
    types->count = count;
}

/* ---- The system's files ---------------------------------------------------------------------- */

/* Printable ASCII, so that it can be sent as it is. */
static bool
types_valid(const char *type)
{
    if (strchr(type, '/') == NULL)
        return false;
    for (const char *p = type; *p != '\0'; p++)
        if (*p < ' ' || *p > '~')
            return false;
    return type[strlen(type) - 1] != ' ' && *type != ' ';
}

/* "50:text/html:*.html" or "50:text/x-c:*.C:cs" of shared-mime-info; the highest weight is first.
 */
static int
types_glob(struct types *types, char *line)
{
    char *type, *glob, *flags;

    strsep(&line, ":");
    type = strsep(&line, ":");
    glob = strsep(&line, ":");
    flags = line;
    if (glob == NULL || glob[0] != '*' || glob[1] != '.' || strpbrk(glob + 2, "*?[") != NULL)
        return 0;
    for (const char *p = glob; flags != NULL && *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            return 0; /* of names in capitals alone */
    return types_valid(type) ? types_add(types, glob + 2, type) : 0;
}

/* "text/html html htm" of mime.types(5). */
static int
types_line(struct types *types, char *line)
{
    static const char space[] = " \t";
    char *rest = NULL, *type = strtok_r(line, space, &rest), *extension;
    int r = 0;

    if (type == NULL || !types_valid(type))
        return 0;
    while (r == 0 && (extension = strtok_r(NULL, space, &rest)) != NULL)
        r = types_add(types, extension, type);
    return r;
}

static int
types_parse(struct types *types)
{
    char *rest = types->text, *line;
    int r = 0;

    while (r == 0 && (line = strsep(&rest, "\r\n")) != NULL) {
        if (*line == '#' || *line == '\0')
            continue;
        r = *line >= '0' && *line <= '9' ? types_glob(types, line) : types_line(types, line);
    }
    return r;
}

static int
types_load(struct types *types, struct goevd_self *self, const struct options *o)
{
    ssize_t n = -ENOENT;

    if (o->type_file.data != NULL) {
        n = slurp(o->type_file.data, TYPES_FILE_MAX, &types->text);
        if (n < 0)
            return goevd_refuse(self, "type_file", "%s", strerror((int)-n));
    }
    for (size_t i = 0; n < 0 && i < sizeof(types_files) / sizeof(types_files[0]); i++)
        n = slurp(types_files[i], TYPES_FILE_MAX, &types->text);
    return n < 0 ? 0 : types_parse(types);
}

/* ---- Outside --------------------------------------------------------------------------------- */

static int
types_override(struct types *types, struct goevd_self *self, const struct options *o)
{
    const struct goevd_pair *pairs = o->types.items;
    int r = 0;

    for (size_t i = 0; r == 0 && i < o->types.count; i++) {
        const char *extension = pairs[i].key.data;

        if (!types_valid(pairs[i].value.data))
            return goevd_refuse(self, "types", "\"%s\" is no type such as text/plain",
                                pairs[i].value.data);
        r = types_add(types, extension + (*extension == '.'), pairs[i].value.data);
    }
    return r;
}

int
types_init(struct types *types, struct goevd_self *self, const struct options *o)
{
    int r;

    *types = (struct types){.fallback = o->default_type.data, .charset = o->charset};
    if (o->default_type.len != 0 && !types_valid(o->default_type.data))
        return goevd_refuse(self, "default_type", "\"%s\" is no type such as text/plain",
                            o->default_type.data);
    if (strspn(o->charset.data, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_.:+") != o->charset.len)
        return goevd_refuse(self, "charset", "\"%s\" is no name of a charset", o->charset.data);
    r = types_override(types, self, o);
    if (r == 0)
        r = types_load(types, self, o);
    types_seal(types);
    return r;
}

void
types_fini(struct types *types)
{
    free(types->all);
    free(types->text);
    *types = (struct types){0};
}

static int
types_compare_key(const void *key, const void *item)
{
    return strcasecmp(key, ((const struct type *)item)->extension);
}

const char *
types_find(const struct types *types, const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *dot = slash == NULL ? name : slash + 1;

    while (types->count > 0 && (dot = strchr(dot, '.')) != NULL) {
        const struct type *found =
            bsearch(++dot, types->all, types->count, sizeof(*types->all), types_compare_key);

        if (found != NULL)
            return found->type;
    }
    return types->fallback;
}

const char *
types_charset(const struct types *types, const char *type)
{
    bool text = strncasecmp(type, "text/", 5) == 0 && strcasestr(type, "charset=") == NULL;

    return text ? types->charset.data : "";
}
