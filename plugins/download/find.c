#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "download/download.h"

/* Arm the timer after files were cached or removed. delay_ns: until the next file expires, or 0. */
static void
dl_find_kept(struct dl_local *l, uint64_t delay_ns)
{
    const struct dl_instance *d = l->download;

    goevd_metric_set(d->self, l->poller, d->metrics.kept, (int64_t)l->cache.count);
    /* without memory files expire when others are opened */
    if (delay_ns != 0)
        (void)goevd_timer_arm(l->timer, delay_ns, 0);
}

void
dl_find_timer(struct goevd_timer *timer, void *arg)
{
    struct dl_local *l = arg;

    (void)timer;
    dl_find_kept(l, dl_cache_expire(&l->cache, goevd_poller_now(l->poller)));
}

/* Find or open a file by its name beneath the root. Returns as dl_file_open(). */
static int
dl_find_open(struct dl_local *l, const char *name, size_t len, struct dl_file **ret)
{
    const struct dl_instance *d = l->download;
    uint64_t now = goevd_poller_now(l->poller);
    int r;

    *ret = dl_cache_find(&l->cache, name, len, now);
    if (*ret) {
        dl_local_count(l, d->metrics.reused, 1);
        return 0;
    }
    r = dl_file_open(d->self, l->root.fd, d->options, &d->types, name, ret);
    if (r < 0)
        return r;
    (*ret)->unheld = &l->unheld;
    dl_local_count(l, d->metrics.opened, 1);
    dl_cache_add(&l->cache, *ret, now);
    dl_find_kept(l, l->cache.count == 1 ? l->cache.time_ns : 0);
    return 0;
}

/* Find the index file of a directory, whose name ends with "/" or is empty; name has room for
 * PATH_MAX bytes. */
static int
dl_find_index(struct dl_local *l, char *name, size_t len, struct dl_file **ret)
{
    const struct dl_options *o = l->download->options;
    const struct goevd_str *index = o->index.items;
    int r;

    for (size_t i = 0; i < o->index.count; i++) {
        if (len + index[i].len >= PATH_MAX)
            return -ENAMETOOLONG;
        memcpy(name + len, index[i].data, index[i].len + 1);
        r = dl_find_open(l, name, len + index[i].len, ret);
        if (r != -ENOENT)
            return r == -EISDIR ? -ENOENT : r;
    }
    name[len] = '\0';
    r = dl_file_find_directory(l->root.fd, o, name);
    return r < 0 ? r : -EACCES;
}

/* Whether a segment of the path begins with a dot. */
static bool
dl_find_is_hidden(const char *name)
{
    return *name == '.' || strstr(name, "/.");
}

/* Find the file of a request's path. */
static int
dl_find_named(struct dl_local *l, struct goevd_str path, struct dl_file **ret)
{
    char name[PATH_MAX];

    if (path.len >= sizeof(name))
        return -ENAMETOOLONG;
    if (path.len > 0)
        memcpy(name, path.data, path.len);
    name[path.len] = '\0';
    if (!l->download->options->hidden && dl_find_is_hidden(name))
        return -ENOENT;
    if (path.len == 0 || name[path.len - 1] == '/')
        return dl_find_index(l, name, path.len, ret);
    return dl_find_open(l, name, path.len, ret);
}

int
dl_find_file(struct dl_local *l, struct goevd_str path, struct dl_file **ret)
{
    struct goevd_str fallback = l->download->options->fallback;
    int r;

    if (dl_root_copy_refresh(&l->root, goevd_poller_now(l->poller)))
        dl_cache_clear(&l->cache);
    r = dl_find_named(l, path, ret);
    if (fallback.len == 0 || (r != -ENOENT && r != -ENOTDIR))
        return r;
    r = dl_find_open(l, fallback.data, fallback.len, ret);
    return r == -EISDIR ? -ENOENT : r; /* the redirect to the name with a slash would loop */
}

/* ---- Codings --------------------------------------------------------------------------------- */

const char *const dl_encoding_names[DL_ENCODING_COUNT] = {"br", "zstd", "gzip"};

/* Suffixes of precompressed files. */
static const char *const dl_encoding_suffixes[DL_ENCODING_COUNT] = {".br", ".zst", ".gz"};

static int
dl_find_coding_of(struct dl_local *l, const struct dl_file *file, enum dl_encoding encoding,
                  struct dl_file **ret)
{
    const char *suffix = dl_encoding_suffixes[encoding];
    char name[PATH_MAX + 8];
    int len = snprintf(name, sizeof(name), "%s%s", file->name, suffix);
    int r = len >= PATH_MAX ? -ENAMETOOLONG : dl_find_open(l, name, (size_t)len, ret);

    if (r == 0 && (*ret)->facts.modified_s < file->facts.modified_s) {
        dl_file_unref(*ret);
        r = -ESTALE;
    }
    return r;
}

int
dl_find_coding(struct dl_local *l, const struct dl_file *file, const struct goevd_http_request *r,
               struct dl_file **ret)
{
    const int *all = l->download->options->precompressed.items;
    size_t count = l->download->options->precompressed.count;
    unsigned identity = goevd_http_coding(r, "identity");
    unsigned weights[DL_ENCODING_COUNT];

    for (int i = 0; i < DL_ENCODING_COUNT; i++)
        weights[i] = goevd_http_coding(r, dl_encoding_names[i]);
    for (size_t n = 0; n < count; n++) {
        int best = -1;

        for (size_t i = 0; i < count; i++)
            if (weights[all[i]] > 0 && weights[all[i]] >= identity &&
                (best < 0 || weights[all[i]] > weights[best]))
                best = all[i];
        if (best < 0)
            break;
        if (dl_find_coding_of(l, file, (enum dl_encoding)best, ret) == 0)
            return best;
        weights[best] = 0;
    }
    return -ENOENT;
}
