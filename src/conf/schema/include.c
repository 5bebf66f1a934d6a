#include "conf/schema/include.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "conf/schema/schema.h"
#include "conf/yaml/path.h"

/* A file that is being read, and the one that includes it. */
struct source {
    struct conf_file *file;
    const struct source *from;  /* NULL: the first */
    const struct conf_mark *at; /* where it is included */
    size_t depth;
    dev_t device;
    ino_t inode;
};

struct reader {
    struct arena *arena;
    struct conf_errors *errors;
    struct conf_budget budget;
    const struct goevd_schema *schema;
    struct snapshot *snapshot;
    unsigned files;
    bool failed; /* a part is missing: the whole is not worth validating */
    struct conf_path path;
};

static int read_file(struct reader *reader, const char *name, const struct source *from,
                     const struct conf_mark *at, struct conf_node *top);

static int
read_no_memory(struct reader *reader)
{
    reader->failed = true;
    conf_errors_add(reader->errors, NULL, "", "out of memory");
    return -ENOMEM;
}

/* ---- Merging --------------------------------------------------------------------------------- */

static struct conf_node *
merge_copy(struct reader *reader, const struct conf_node *node)
{
    struct conf_node *copy = arena_alloc(reader->arena, sizeof(*copy));
    struct conf_entry **end;
    const struct conf_entry *entry;

    if (!copy)
        return NULL;
    *copy = *node;
    end = &copy->entries;
    for (entry = node->entries; entry; entry = entry->next) {
        *end = arena_alloc(reader->arena, sizeof(**end));
        if (!*end)
            return NULL;
        **end = *entry;
        end = &(*end)->next;
        *end = NULL;
    }
    return copy;
}

static int
merge_append(struct reader *reader, struct conf_node *to, const struct conf_node *key,
             const struct conf_node *value)
{
    struct conf_entry *entry = arena_alloc(reader->arena, sizeof(*entry));
    struct conf_entry **end = &to->entries;

    if (!entry)
        return read_no_memory(reader);
    while (*end)
        end = &(*end)->next;
    *entry = (struct conf_entry){.key = key, .value = value};
    *end = entry;
    to->count++;
    return 0;
}

/* As a sequence that may be added to: one item alone is a list of one. */
static struct conf_node *
merge_list(struct reader *reader, const struct conf_node *node)
{
    struct conf_node *list;

    if (node->kind == CONF_SEQUENCE)
        return merge_copy(reader, node);
    list = arena_alloc(reader->arena, sizeof(*list));
    if (!list)
        return NULL;
    *list = (struct conf_node){.kind = CONF_SEQUENCE, .mark = node->mark};
    return merge_append(reader, list, NULL, node) == 0 ? list : NULL;
}

static int
merge_lists(struct reader *reader, struct conf_entry *to, const struct conf_node *from)
{
    struct conf_node *list = merge_list(reader, to->value);
    struct conf_node *more = merge_list(reader, from);
    struct conf_entry **end;

    if (!list || !more)
        return read_no_memory(reader);
    for (end = &list->entries; *end; end = &(*end)->next)
        ;
    *end = more->entries;
    list->count += more->count;
    to->value = list;
    return 0;
}

static int
merge_twice(struct reader *reader, const struct conf_entry *first, const struct conf_entry *second)
{
    const struct conf_mark *at = &first->key->mark;

    conf_errors_add(reader->errors, &second->key->mark, reader->path.text,
                    "is given twice; the first is at %s:%u:%u", at->file->name, at->line,
                    at->column);
    return 0;
}

static int merge_map(struct reader *reader, struct conf_node *to, const struct conf_node *from,
                     const struct goevd_schema *schema);

static int
merge_entry(struct reader *reader, struct conf_entry *to, const struct conf_entry *from,
            const struct goevd_schema *schema)
{
    const struct goevd_option *option = conf_option(schema, from->key->text);
    enum goevd_option_type type = option ? option->type : GOEVD_OPTION_END;
    struct conf_node *map;

    if (conf_is_null(to->value)) {
        to->key = from->key;
        to->value = from->value;
        return 0;
    }
    if (conf_is_null(from->value))
        return 0;
    if (type == GOEVD_OPTION_LIST)
        return merge_lists(reader, to, from->value);
    if ((type != GOEVD_OPTION_RECORD && type != GOEVD_OPTION_MAP) || to->value->kind != CONF_MAP ||
        from->value->kind != CONF_MAP)
        return merge_twice(reader, to, from);
    map = merge_copy(reader, to->value);
    if (!map)
        return read_no_memory(reader);
    to->value = map;
    return merge_map(reader, map, from->value, option->item);
}

/* Add the keys of `from` to `to`, a map that may still be changed. */
static int
merge_map(struct reader *reader, struct conf_node *to, const struct conf_node *from,
          const struct goevd_schema *schema)
{
    const struct conf_entry *entry;
    struct conf_entry *same;
    size_t back;
    int r = 0;

    for (entry = from->entries; entry && r == 0; entry = entry->next) {
        for (same = to->entries; same; same = same->next) {
            if (conf_str_equal(same->key->text, entry->key->text.data))
                break;
        }
        back = path_key(&reader->path, entry->key->text);
        r = same ? merge_entry(reader, same, entry, schema)
                 : merge_append(reader, to, entry->key, entry->value);
        path_back(&reader->path, back);
    }
    return r;
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* Relative to the including file's directory, whose own characters are no pattern. */
static char *
read_name(struct reader *reader, const struct source *from, struct goevd_str text, bool pattern)
{
    const char *name = from->file->name, *slash = strrchr(name, '/');
    size_t dir = slash && text.data[0] != '/' ? (size_t)(slash + 1 - name) : 0, i;
    char *whole = arena_alloc(reader->arena, dir * 2 + text.len + 1), *to = whole;

    for (i = 0; whole && i < dir; i++) {
        if (pattern && strchr("*?[]\\", name[i]))
            *to++ = '\\';
        *to++ = name[i];
    }
    if (whole)
        memcpy(to, text.data, text.len);
    return whole;
}

/* A directory that is not there matches nothing; one that may not be read is an error. */
static int
read_glob_error(const char *path, int code)
{
    (void)path;
    return code != ENOENT && code != ENOTDIR;
}

/* One after the other, each with its zero byte. NULL without memory. */
static char *
read_glob_join(struct reader *reader, const glob_t *found, size_t *ret_len)
{
    size_t len = 0;
    char *names, *to;

    for (size_t i = 0; i < found->gl_pathc; i++)
        len += strlen(found->gl_pathv[i]) + 1;
    names = to = arena_alloc(reader->arena, len);
    for (size_t i = 0; names && i < found->gl_pathc; i++)
        to = stpcpy(to, found->gl_pathv[i]) + 1;
    *ret_len = len;
    return names;
}

/* The files that a pattern matches, in the snapshot or on the disk. */
static int
read_glob_names(struct reader *reader, const char *pattern, const struct conf_node *node,
                struct snapshot_entry *ret)
{
    glob_t found = {0};
    int r;

    if (snapshot_find(reader->snapshot, SNAPSHOT_GLOB, pattern, ret)) {
        ret->data = arena_copy(reader->arena, ret->data, ret->len);
        return ret->data ? 0 : read_no_memory(reader);
    }
    r = glob(pattern, 0, read_glob_error, &found);
    if (r == GLOB_ABORTED) {
        reader->failed = true;
        conf_errors_add(reader->errors, &node->mark, "include",
                        "%s: its directory cannot be read; check its permissions", node->text.data);
    }
    if (r != GLOB_NOSPACE)
        ret->data = read_glob_join(reader, &found, &ret->len);
    globfree(&found);
    if (!ret->data)
        return read_no_memory(reader);
    snapshot_add(reader->snapshot, SNAPSHOT_GLOB, pattern, ret);
    return 0;
}

/* None is fine, as with an empty conf.d. */
static int
read_glob(struct reader *reader, const struct source *from, const struct conf_node *node,
          struct conf_node *top)
{
    char *pattern = read_name(reader, from, node->text, true);
    struct snapshot_entry names = {0};
    int r = pattern ? read_glob_names(reader, pattern, node, &names) : read_no_memory(reader);

    for (size_t at = 0; r == 0 && at < names.len; at += strlen(names.data + at) + 1)
        r = read_file(reader, names.data + at, from, &node->mark, top);
    return r;
}

static int
read_plain(struct reader *reader, const struct source *from, const struct conf_node *node,
           struct conf_node *top)
{
    char *name = read_name(reader, from, node->text, false);

    return name ? read_file(reader, name, from, &node->mark, top) : read_no_memory(reader);
}

static int
read_include(struct reader *reader, const struct source *from, const struct conf_node *node,
             struct conf_node *top)
{
    if (node->kind == CONF_SCALAR && node->text.len > 0)
        return strpbrk(node->text.data, "*?[") ? read_glob(reader, from, node, top)
                                               : read_plain(reader, from, node, top);
    conf_errors_add(reader->errors, &node->mark, "include",
                    "expected a file name or pattern such as conf.d/*.yaml, found %s",
                    node->kind == CONF_SCALAR ? "nothing" : conf_kind_words(node));
    return 0;
}

static int
read_includes(struct reader *reader, const struct source *from, const struct conf_node *node,
              struct conf_node *top)
{
    const struct conf_entry *item;
    int r = 0;

    if (!node || conf_is_null(node))
        return 0;
    if (node->kind != CONF_SEQUENCE)
        return read_include(reader, from, node, top);
    for (item = node->entries; item && r == 0; item = item->next)
        r = read_include(reader, from, item->value, top);
    return r;
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* Complain about a file: where it is included, or by its own name if it is the first. */
static int
read_refuse(struct reader *reader, const struct source *source, const char *why)
{
    const struct conf_mark whole = {.file = source->file};

    reader->failed = true;
    if (source->at)
        return conf_errors_add(reader->errors, source->at, "include", "%s: %s", source->file->name,
                               why);
    return conf_errors_add(reader->errors, &whole, "", "%s", why);
}

static int
read_refuse_errno(struct reader *reader, const struct source *source, int code)
{
    char why[128];
    const char *advice = code == EACCES ? "let goevd read it"
                         : source->at   ? "look at its name"
                                        : "name another with -c";

    snprintf(why, sizeof(why), "cannot be read: %s; %s", err_words(code), advice);
    return read_refuse(reader, source, why);
}

/* Opening must not wait for a writer where an included name is a pipe. */
static int
read_open(struct reader *reader, struct source *source)
{
    int fd = open(source->file->name, O_RDONLY | O_CLOEXEC | (source->at ? O_NONBLOCK : 0));
    const char *why = NULL;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        read_refuse_errno(reader, source, errno);
        return fd_close(fd);
    }
    if (S_ISDIR(st.st_mode))
        why = source->at ? "is a directory; name its files, as in conf.d/*.yaml"
                         : "is a directory, not a file; name one with -c";
    else if (source->at && !S_ISREG(st.st_mode))
        why = "is not a regular file";
    source->device = st.st_dev;
    source->inode = st.st_ino;
    if (!why)
        return fd;
    read_refuse(reader, source, why);
    return fd_close(fd);
}

static int
read_bytes(struct reader *reader, const struct source *source, int fd, char *data, size_t *ret_len)
{
    size_t len = 0;
    ssize_t n;

    do {
        n = read(fd, data + len, CONF_FILE_BYTES_MAX + 1 - len);
        if (n < 0 && errno != EINTR)
            return read_refuse_errno(reader, source, errno);
        if (n > 0)
            len += (size_t)n;
        if (len > CONF_FILE_BYTES_MAX)
            return read_refuse(reader, source, "is larger than 1MiB; split it with include:");
    } while (n != 0);
    *ret_len = len;
    return 0;
}

static int
read_disk(struct reader *reader, struct source *source, char *data, struct snapshot_entry *ret)
{
    _cleanup_fd_ int fd = read_open(reader, source);
    int r = fd < 0 ? -EINVAL : read_bytes(reader, source, fd, data, &ret->len);

    if (r < 0)
        return r;
    ret->data = data;
    ret->device = source->device;
    ret->inode = source->inode;
    snapshot_add(reader->snapshot, SNAPSHOT_FILE, source->file->name, ret);
    return 0;
}

static int
read_refuse_circle(struct reader *reader, const struct source *source)
{
    for (const struct source *outer = source->from; outer; outer = outer->from)
        if (outer->device == source->device && outer->inode == source->inode)
            return read_refuse(reader, source, "includes itself");
    return 0;
}

static int
read_parse(struct reader *reader, struct source *source, const struct conf_node **ret_node)
{
    _cleanup_free_ char *data = malloc(CONF_FILE_BYTES_MAX + 1);
    struct snapshot_entry entry = {0};
    int r = 0;

    if (!data)
        return read_no_memory(reader);
    if (snapshot_find(reader->snapshot, SNAPSHOT_FILE, source->file->name, &entry)) {
        source->device = entry.device;
        source->inode = entry.inode;
    } else {
        r = read_disk(reader, source, data, &entry);
    }
    if (r == 0)
        r = read_refuse_circle(reader, source);
    if (r < 0)
        return r;
    r = conf_parse(entry.data, entry.len, source->file, reader->arena, &reader->budget,
                   reader->errors, ret_node);
    if (r < 0)
        reader->failed = true;
    return r;
}

/* Add a file's own keys, then those of the files that it includes, to top. */
static int
read_merge(struct reader *reader, const struct source *source, const struct conf_node *node,
           struct conf_node *top)
{
    struct conf_node *own;
    struct conf_entry **at;
    const struct conf_node *include = conf_get(node, "include");
    int r;

    if (!node)
        return 0;
    if (node->kind != CONF_MAP) {
        reader->failed = true;
        return conf_errors_add(reader->errors, &node->mark, "",
                               "expected keys such as listeners: at the top, found %s",
                               conf_kind_words(node));
    }
    own = merge_copy(reader, node);
    if (!own)
        return read_no_memory(reader);
    for (at = &own->entries; *at && include; at = &(*at)->next) {
        if ((*at)->value != include || !conf_str_equal((*at)->key->text, "include"))
            continue;
        *at = (*at)->next;
        break;
    }
    if (!source->from)
        top->mark = node->mark;
    r = merge_map(reader, top, own, reader->schema);
    return r < 0 ? r : read_includes(reader, source, include, top);
}

/* Read one file and the files that it includes. Only want of memory ends the whole; other errors
 * are noted, so that faults of all files are reported. */
static int
read_file(struct reader *reader, const char *name, const struct source *from,
          const struct conf_mark *at, struct conf_node *top)
{
    struct source source = {.from = from, .at = at, .depth = from ? from->depth + 1 : 0};
    const struct conf_node *node = NULL;
    int r;

    source.file = arena_alloc(reader->arena, sizeof(*source.file));
    if (!source.file || !(source.file->name = arena_copy(reader->arena, name, strlen(name))))
        return read_no_memory(reader);
    source.file->number = reader->files++;
    if (!from)
        top->mark = (struct conf_mark){source.file, 1, 1};
    if (source.depth > CONF_INCLUDE_DEPTH_MAX)
        r = read_refuse(reader, &source, "is included by too many files in a row (at most 8)");
    else if (reader->files > CONF_FILES_MAX)
        r = read_refuse(reader, &source, "is one file too many (at most 256)");
    else
        r = read_parse(reader, &source, &node);
    if (r == 0)
        r = read_merge(reader, &source, node, top);
    return r == -ENOMEM ? r : 0;
}

int
conf_read(const char *name, const struct goevd_schema *schema, struct snapshot *snapshot,
          struct arena *arena, struct conf_errors *errors, const struct conf_node **ret_node)
{
    struct reader reader = {
        .arena = arena, .errors = errors, .schema = schema, .snapshot = snapshot};
    struct conf_node *top = arena_alloc(arena, sizeof(*top));
    int r;

    if (!top)
        return read_no_memory(&reader);
    top->kind = CONF_MAP;
    r = read_file(&reader, name, NULL, NULL, top);
    if (r < 0)
        return r;
    if (reader.failed)
        return -EINVAL;
    *ret_node = top;
    return 0;
}
