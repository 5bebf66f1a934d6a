#include "plug/loader/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/yaml/suggest.h"

#define SUFFIX ".so"

static int
folder_is_plugin(const struct dirent *d)
{
    size_t len = strlen(d->d_name);

    return d->d_name[0] != '.' && len > strlen(SUFFIX) &&
           strcmp(d->d_name + len - strlen(SUFFIX), SUFFIX) == 0;
}

int
folder_each(const char *dir, int (*fn)(const char *name, void *arg), void *arg)
{
    struct dirent **found;
    int r = 0, n = scandir(dir, &found, folder_is_plugin, alphasort);

    if (n < 0)
        return -errno;
    for (int i = 0; i < n; i++) {
        found[i]->d_name[strlen(found[i]->d_name) - strlen(SUFFIX)] = '\0';
        if (r == 0)
            r = fn(found[i]->d_name, arg);
        free(found[i]);
    }
    free(found);
    return r;
}

struct names {
    char *buf;
    size_t size;
    size_t len;
};

/* A name is written only if an ellipsis has room behind it, so that neither is ever cut. */
static int
folder_add_name(const char *name, void *arg)
{
    struct names *names = arg;
    const char *separator = names->len > 0 ? ", " : "";
    size_t left = names->size - names->len;
    bool whole = strlen(separator) + strlen(name) + sizeof("…") <= left;

    if (!whole) {
        snprintf(names->buf + names->len, left, "…");
        return 1;
    }
    names->len += (size_t)snprintf(names->buf + names->len, left, "%s%s", separator, name);
    return 0;
}

int
folder_names(const char *dir, char *buf, size_t size)
{
    struct names names = {buf, size, 0};
    int r;

    snprintf(buf, size, "none");
    r = folder_each(dir, folder_add_name, &names);
    return MIN(r, 0);
}

struct hint {
    struct suggest suggest;
    char best[SUGGEST_NAME_MAX + 1];
};

static int
folder_offer(const char *name, void *arg)
{
    struct hint *hint = arg;
    size_t distance = hint->suggest.best_distance;
    bool had = hint->suggest.best.data != NULL;

    suggest_offer(&hint->suggest, (struct goevd_str){name, strlen(name)});
    if (hint->suggest.best.data && (!had || hint->suggest.best_distance < distance))
        snprintf(hint->best, sizeof(hint->best), "%s", name);
    return 0;
}

bool
folder_suggest(const char *dir, const char *name, char *buf, size_t size)
{
    struct hint hint = {.best = ""};

    suggest_init(&hint.suggest, (struct goevd_str){name, strlen(name)});
    if (folder_each(dir, folder_offer, &hint) < 0 || !hint.best[0])
        return false;
    snprintf(buf, size, "; did you mean '%s'?", hint.best);
    return true;
}
