#include "conf/yaml/node.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

bool
conf_str_equal(struct goevd_str a, const char *b)
{
    return a.data && a.len == strlen(b) && memcmp(a.data, b, a.len) == 0;
}

bool
conf_is_null(const struct conf_node *node)
{
    if (!node)
        return true;
    if (node->kind != CONF_SCALAR || !node->plain)
        return false;
    return node->text.len == 0 || conf_str_equal(node->text, "~") ||
           strcasecmp(node->text.data, "null") == 0;
}

const struct conf_entry *
conf_entry(const struct conf_node *node, const char *key)
{
    const struct conf_entry *entry;

    if (!node || node->kind != CONF_MAP)
        return NULL;
    for (entry = node->entries; entry; entry = entry->next) {
        if (conf_str_equal(entry->key->text, key))
            return entry;
    }
    return NULL;
}

const struct conf_node *
conf_get(const struct conf_node *node, const char *key)
{
    const struct conf_entry *entry = conf_entry(node, key);

    return entry ? entry->value : NULL;
}

const char *
conf_kind_words(const struct conf_node *node)
{
    if (conf_is_null(node))
        return "nothing";
    if (node->kind == CONF_SCALAR)
        return "a scalar";
    return node->kind == CONF_SEQUENCE ? "a sequence" : "a map";
}

/* The entry whose key begins path, the longest such key, for keys may contain dots. */
static const struct conf_entry *
node_step_key(const struct conf_node *node, const char *path, size_t *ret_len)
{
    const struct conf_entry *entry, *best = NULL;
    size_t len, best_len = 0;

    for (entry = node->entries; entry; entry = entry->next) {
        len = entry->key->text.len;
        if (len <= best_len || strncmp(path, entry->key->text.data, len) != 0 ||
            !strchr(".[", path[len]))
            continue;
        best = entry;
        best_len = len;
    }
    *ret_len = best_len;
    return best;
}

static const struct conf_entry *
node_step_index(const struct conf_node *node, const char *path, size_t *ret_len)
{
    const struct conf_entry *entry = node->entries;
    char *end;
    unsigned long index = strtoul(path + 1, &end, 10);

    if (*end != ']')
        return NULL;
    for (; entry && index > 0; index--)
        entry = entry->next;
    *ret_len = (size_t)(end + 1 - path);
    return entry;
}

const struct conf_node *
conf_find(const struct conf_node *node, const char *path)
{
    const struct conf_entry *entry;
    size_t len = 0;

    while (node && *path) {
        if (*path == '.')
            path++;
        if (*path == '[' && node->kind != CONF_SEQUENCE && strncmp(path, "[0]", 3) == 0) {
            path += 3; /* one item alone, written without its list */
            continue;
        }
        if (*path == '[' && node->kind == CONF_SEQUENCE)
            entry = node_step_index(node, path, &len);
        else
            entry = node->kind == CONF_MAP ? node_step_key(node, path, &len) : NULL;
        if (!entry || conf_is_null(entry->value))
            return entry ? entry->value : node;
        node = entry->value;
        path += len;
    }
    return node;
}

int
conf_file_path(struct arena *arena, const struct conf_node *node, struct goevd_str *ret)
{
    const char *file = node->mark.file ? node->mark.file->name : "", *slash = strrchr(file, '/'),
               *path;
    int folder_len = slash ? (int)(slash + 1 - file) : 0;
    char here[PATH_MAX] = "";

    if (file[0] != '/' && !getcwd(here, sizeof(here)))
        here[0] = '\0'; /* it has been removed: nothing can be relative to it */
    if (node->text.data[0] == '/')
        path = node->text.data;
    else
        path = arena_printf(arena, "%s%s%.*s%s", here, *here ? "/" : "", folder_len, file,
                            node->text.data);
    if (!path)
        return -ENOMEM;
    *ret = (struct goevd_str){path, strlen(path)};
    return 0;
}
