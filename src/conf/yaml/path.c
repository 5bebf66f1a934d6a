#include "conf/yaml/path.h"

#include <stdio.h>
#include <string.h>

static size_t
path_add(struct conf_path *path, const char *between, struct goevd_str text, const char *after)
{
    static const char more[] = "...";
    size_t before = path->len, room = sizeof(path->text) - sizeof(more) - path->len;
    size_t len = strlen(between) + text.len + strlen(after);

    if (len > room) {
        if (strcmp(path->text + path->len, more) != 0)
            memcpy(path->text + path->len, more, sizeof(more));
        return before;
    }
    snprintf(path->text + path->len, sizeof(path->text) - path->len, "%s%.*s%s", between,
             (int)text.len, text.data ? text.data : "", after);
    path->len += len;
    return before;
}

size_t
path_key(struct conf_path *path, struct goevd_str key)
{
    return path_add(path, path->len > 0 ? "." : "", key, "");
}

size_t
path_index(struct conf_path *path, size_t index)
{
    char number[24];
    int len = snprintf(number, sizeof(number), "%zu", index);

    return path_add(path, "[", (struct goevd_str){number, (size_t)len}, "]");
}

void
path_back(struct conf_path *path, size_t len)
{
    path->len = len;
    path->text[len] = '\0';
}

void
path_set(struct conf_path *path, const char *text)
{
    path_back(path, 0);
    path_below(path, text);
}

void
path_below(struct conf_path *path, const char *below)
{
    struct goevd_str text = {below, strlen(below)};

    if (text.len > 0)
        path_add(path, path->len > 0 && below[0] != '[' ? "." : "", text, "");
}
