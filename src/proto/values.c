#include "proto/values.h"

#include <errno.h>
#include <string.h>

/* Its index; v->count: there is none. */
static size_t
values_find(const struct values *v, const char *name)
{
    size_t i = 0;

    while (i < v->count && strcmp(v->items[i].name, name) != 0)
        i++;
    return i;
}

const char *
values_get(const struct values *v, const char *name)
{
    size_t i = values_find(v, name);

    return i < v->count ? v->items[i].text : NULL;
}

static int
values_append(struct values *v, const char *name, char *text)
{
    char *copy;

    if (v->count == VALUES_MAX)
        return -ENOSPC;
    copy = strdup(name);
    if (!copy)
        return -ENOMEM;
    v->items[v->count++] = (struct value){copy, text};
    return 0;
}

int
values_set(struct values *v, const char *name, const char *text)
{
    size_t i = values_find(v, name);
    char *copy = strdup(text);
    int r = 0;

    if (!copy)
        return -ENOMEM;
    if (i < v->count) {
        free(v->items[i].text);
        v->items[i].text = copy;
    } else {
        r = values_append(v, name, copy);
        if (r < 0)
            free(copy);
    }
    return r;
}

bool
values_unset(struct values *v, const char *name)
{
    size_t i = values_find(v, name);

    if (i == v->count)
        return false;
    free(v->items[i].name);
    free(v->items[i].text);
    v->count--;
    memmove(&v->items[i], &v->items[i + 1], (v->count - i) * sizeof(v->items[i]));
    return true;
}

void
values_fini(struct values *v)
{
    while (v->count > 0)
        values_unset(v, v->items[v->count - 1].name);
}
