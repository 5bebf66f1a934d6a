#include "http/route/reply/header_edits.h"

#include <stdio.h>

#include "http/message/rows.h"
#include "http/message/text/chars.h"
#include "http/message/text/lines.h"

void
http_header_edits_fini(struct http_header_edits *edits)
{
    free(edits->drops);
    free(edits->lines.data);
    *edits = (struct http_header_edits){0};
}

/* ---- Checks of the options ------------------------------------------------------------------- */

static int
http_header_edits_check_name(struct goevd_self *self, const char *path, struct goevd_str name)
{
    if (!http_field_name_valid(name.data, name.len))
        return goevd_refuse(self, path,
                            "\"%s\" is no header name: letters, digits and \"-\" may "
                            "stand in one, no spaces and no colon",
                            name.data);
    if (http_field_is_ours(name.data, name.len))
        return goevd_refuse(self, path, "%s is set by the server itself; leave it out%s", name.data,
                            http_chars_equal_nocase(name.data, "server", strlen("server"))
                                ? " and see the option server"
                                : "");
    return 0;
}

int
http_header_edits_check_header(struct goevd_self *self, const char *path, struct goevd_str name,
                               struct goevd_str value)
{
    int r = http_header_edits_check_name(self, path, name);

    if (r == 0 && !http_field_value_valid(value.data, value.len))
        return goevd_refuse(self, path,
                            "the value of %s has a line break or other control "
                            "character, or white space at an end",
                            name.data);
    return r;
}

/* Refuses Content-Type, which belongs to the content and not to a header edit. */
static int
http_header_edits_check_type(struct goevd_self *self, const char *path, struct goevd_str name)
{
    static const char type[] = "content-type";

    if (name.len != strlen(type) || !http_chars_equal_nocase(name.data, type, name.len))
        return 0;
    return goevd_refuse(self, path,
                        "Content-Type comes with the content; leave it out and set it in respond, "
                        "or let the handler set it");
}

static int
http_header_edits_check_map(struct goevd_self *self, const char *path, const char *key,
                            const struct goevd_list *map)
{
    const struct goevd_pair *items = map->items;
    char at[128];
    int r = 0;

    snprintf(at, sizeof(at), "%s.%s", path, key);
    for (size_t i = 0; r == 0 && i < map->count; i++) {
        r = http_header_edits_check_header(self, at, items[i].key, items[i].value);
        if (r == 0)
            r = http_header_edits_check_type(self, at, items[i].key);
    }
    return r;
}

static int
http_header_edits_check_names(struct goevd_self *self, const char *path,
                              const struct goevd_list *names)
{
    const struct goevd_str *items = names->items;
    char at[128];
    int r = 0;

    for (size_t i = 0; r == 0 && i < names->count; i++) {
        snprintf(at, sizeof(at), "%s.remove[%zu]", path, i);
        r = http_header_edits_check_name(self, at, items[i]);
        if (r == 0)
            r = http_header_edits_check_type(self, at, items[i]);
    }
    return r;
}

int
http_header_edits_check(struct goevd_self *self, const char *path,
                        const struct http_options_headers *o)
{
    int r = 0;

    if (o)
        r = http_header_edits_check_names(self, path, &o->remove);
    if (o && r == 0)
        r = http_header_edits_check_map(self, path, "set", &o->set);
    if (o && r == 0)
        r = http_header_edits_check_map(self, path, "add", &o->add);
    return r;
}

int
http_header_edits_check_length(struct goevd_self *self, const char *path,
                               const struct http_header_edits *edits)
{
    if (edits->lines.len <= HTTP_HEADER_EDITS_LINES_MAX)
        return 0;
    return goevd_refuse(self, path,
                        "the added headers have %zu bytes in all, and the maximum is %d",
                        edits->lines.len, HTTP_HEADER_EDITS_LINES_MAX);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static int
http_header_edits_append(struct http_buffer *lines, const struct goevd_list *map)
{
    const struct goevd_pair *items = map->items;

    for (size_t i = 0; i < map->count; i++) {
        const struct goevd_pair *h = &items[i];

        if (http_lines_add(lines, (struct http_span){h->key.data, h->key.len},
                           (struct http_span){h->value.data, h->value.len}) < 0)
            return -ENOMEM;
    }
    return 0;
}

int
http_header_edits_apply(const struct http_header_edits *edits, struct http_buffer *lines)
{
    if (edits->drop_count != 0 && lines->len != 0)
        http_lines_drop(lines, edits->drops, edits->drop_count);
    return http_buffer_append(lines, edits->lines.data, edits->lines.len);
}

/* Add the names of `remove` and `set` to `drops`. */
static int
http_header_edits_add_drops(struct http_header_edits *edits, const struct http_options_headers *o)
{
    const struct goevd_str *names = o->remove.items;
    const struct goevd_pair *sets = o->set.items;
    size_t count = edits->drop_count + o->remove.count + o->set.count;
    struct http_span *drops;

    if (count == edits->drop_count)
        return 0;
    drops = reallocarray(edits->drops, count, sizeof(*drops));
    if (!drops)
        return -ENOMEM;
    edits->drops = drops;
    for (size_t i = 0; i < o->remove.count; i++)
        drops[edits->drop_count++] = (struct http_span){names[i].data, names[i].len};
    for (size_t i = 0; i < o->set.count; i++)
        drops[edits->drop_count++] = (struct http_span){sets[i].key.data, sets[i].key.len};
    return 0;
}

int
http_header_edits_add(struct http_header_edits *edits, const struct http_options_headers *o)
{
    size_t before = edits->drop_count;
    int r = !o ? 0 : http_header_edits_add_drops(edits, o);

    if (!o || r < 0)
        return r;
    if (edits->drop_count != before && edits->lines.len != 0)
        http_lines_drop(&edits->lines, edits->drops + before, edits->drop_count - before);
    r = http_header_edits_append(&edits->lines, &o->set);
    return r < 0 ? r : http_header_edits_append(&edits->lines, &o->add);
}

int
http_header_edits_add_always(struct http_header_edits *edits,
                             const struct http_options_headers *all,
                             const struct http_options_headers *host)
{
    int r = all && all->always ? http_header_edits_add(edits, all) : 0;

    return r == 0 && host && host->always ? http_header_edits_add(edits, host) : r;
}
