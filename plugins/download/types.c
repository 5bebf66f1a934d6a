#include "download/types.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <goevd/file.h>

/* Largest file of types; a system's files have about 50,000 bytes. */
#define TYPES_FILE_MAX ((size_t)16 << 20)

/* The system's tables in the order of precedence: administrators edit the one in /etc. */
static const char *const types_files[] = {"/etc/mime.types", "/usr/local/share/mime/globs2",
                                          "/usr/share/mime/globs2"};

static_assert(sizeof(types_files) / sizeof(types_files[0]) == DL_TYPES_TEXTS,
              "a text for each file");

/* Add the types of a file. Returns 0; -ENOMEM; errors of goevd_file_read(). */
static int
dl_types_add_file(struct dl_types *types, struct goevd_self *self, const char *path, char **text)
{
    size_t len;
    int r = goevd_file_read(self, path, TYPES_FILE_MAX, text, &len);

    return r < 0 ? r : dl_type_table_parse(&types->table, *text);
}

/* Add the configured file before the built-in types, because an administrator has chosen it. Add
 * the system's tables behind them, because they differ between machines. */
static int
dl_types_load(struct dl_types *types, struct goevd_self *self, const struct dl_options *o)
{
    int r;

    if (o->type_file.data) {
        r = dl_types_add_file(types, self, o->type_file.data, &types->texts[0]);
        if (r < 0)
            return goevd_refuse(self, "type_file", "%s: %s", o->type_file.data, strerror(-r));
        return dl_type_table_add_common(&types->table);
    }
    r = dl_type_table_add_common(&types->table);
    for (size_t i = 0; r == 0 && i < DL_TYPES_TEXTS; i++) {
        r = dl_types_add_file(types, self, types_files[i], &types->texts[i]);
        if (r != -ENOMEM)
            r = 0; /* a missing table is no error */
    }
    return r;
}

/* ---- Public functions ------------------------------------------------------------------------ */

static int
dl_types_override(struct dl_types *types, struct goevd_self *self, const struct dl_options *o)
{
    const struct goevd_pair *pairs = o->types.items;
    int r = 0;

    for (size_t i = 0; r == 0 && i < o->types.count; i++) {
        const char *extension = pairs[i].key.data;

        if (!dl_type_is_valid(pairs[i].value.data))
            return goevd_refuse(self, "types", "\"%s\" is no type such as text/plain",
                                pairs[i].value.data);
        r = dl_type_table_add(&types->table, extension + (*extension == '.'), pairs[i].value.data);
    }
    return r;
}

int
dl_types_init(struct dl_types *types, struct goevd_self *self, const struct dl_options *o)
{
    int r;

    *types = (struct dl_types){.fallback = o->default_type.data, .charset = o->charset};
    if (o->default_type.len != 0 && !dl_type_is_valid(o->default_type.data))
        return goevd_refuse(self, "default_type", "\"%s\" is no type such as text/plain",
                            o->default_type.data);
    if (strspn(o->charset.data, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_.:+") != o->charset.len)
        return goevd_refuse(self, "charset", "\"%s\" is no name of a charset", o->charset.data);
    r = dl_types_override(types, self, o);
    if (r == 0)
        r = dl_types_load(types, self, o);
    dl_type_table_seal(&types->table);
    return r;
}

void
dl_types_fini(struct dl_types *types)
{
    dl_type_table_fini(&types->table);
    for (size_t i = 0; i < DL_TYPES_TEXTS; i++)
        free(types->texts[i]);
    *types = (struct dl_types){0};
}

const char *
dl_types_find(const struct dl_types *types, const char *name)
{
    const char *type = dl_type_table_find(&types->table, name);

    return type ? type : types->fallback;
}

const char *
dl_types_charset(const struct dl_types *types, const char *type)
{
    bool text = strncasecmp(type, "text/", 5) == 0 && !strcasestr(type, "charset=");

    return text ? types->charset.data : "";
}
