#include "download/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "download/bytes/escape.h"
#include "download/bytes/listing_page.h"

struct dl_listing {
    const struct dl_instance *download;
    int root;
    struct dl_entry **entries;
    size_t count, room;
    char *text; /* the reply */
    size_t len;
    char *title; /* the path in the URL; stored behind the name */
    char name[]; /* path beneath the root */
};

static void
dl_listing_free(struct dl_listing *x)
{
    for (size_t i = 0; i < x->count; i++)
        free(x->entries[i]);
    free(x->entries);
    free(x->text);
    if (x->root >= 0)
        close(x->root);
    free(x);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int
dl_listing_push(struct dl_listing *x, const char *name, const struct stat *st)
{
    size_t len = strlen(name) + 1;
    struct dl_entry *entry;

    if (x->count == (size_t)x->download->options->listing_max)
        return -EOVERFLOW;
    if (x->count == x->room) {
        size_t room = x->room == 0 ? 64 : x->room * 2;
        struct dl_entry **entries = reallocarray(x->entries, room, sizeof(struct dl_entry *));

        if (!entries)
            return -ENOMEM;
        x->entries = entries;
        x->room = room;
    }
    entry = malloc(sizeof(*entry) + len);
    if (!entry)
        return -ENOMEM;
    *entry = (struct dl_entry){.size = st->st_size, .modified = st->st_mtim.tv_sec};
    entry->kind = S_ISDIR(st->st_mode) ? DL_ENTRY_DIRECTORY : DL_ENTRY_FILE;
    memcpy(entry->name, name, len);
    x->entries[x->count++] = entry;
    return 0;
}

/* Follow a link by the rules of serving files. Returns 0; a negative errno if the target would not
 * be served. */
static int
dl_listing_resolve(const struct dl_listing *x, const char *name, struct stat *ret)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s%s", x->name, name);

    if (len < 0 || (size_t)len >= sizeof(path))
        return -ENAMETOOLONG;
    return dl_file_stat(x->root, x->download->options, path, ret);
}

/* Add an entry if it would be served. A name that has disappeared is left out, and so is a link
 * that is broken or leaves the root. */
static int
dl_listing_take(struct dl_listing *x, int folder, const char *name)
{
    const struct dl_options *o = x->download->options;
    struct stat st;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (name[0] == '.' && !o->hidden))
        return 0;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (S_ISLNK(st.st_mode) && dl_listing_resolve(x, name, &st) < 0)
        return 0;
    return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ? dl_listing_push(x, name, &st) : 0;
}

static int
dl_listing_read(struct dl_listing *x)
{
    int fd = dl_file_open_directory(x->root, x->download->options, x->name, O_RDONLY);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    int r = 0;

    if (fd < 0)
        return fd;
    if (!folder) {
        close(fd);
        return -ENOMEM;
    }
    do {
        errno = 0;
        entry = readdir(folder);
        r = entry ? dl_listing_take(x, fd, entry->d_name) : -errno;
    } while (entry && r == 0);
    closedir(folder);
    return r;
}

static int
dl_listing_compare(const void *a, const void *b)
{
    return dl_entry_compare(*(struct dl_entry *const *)a, *(struct dl_entry *const *)b);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void
dl_listing_put_time(FILE *out, time_t seconds)
{
    struct tm tm;

    if (gmtime_r(&seconds, &tm))
        fprintf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void
dl_listing_put_json(FILE *out, const struct dl_listing *x)
{
    static const char *const kinds[] = {"directory", "file"};

    fputc('[', out);
    for (size_t i = 0; i < x->count; i++) {
        const struct dl_entry *e = x->entries[i];

        fprintf(out, "%s{\"name\": ", i == 0 ? "" : ",\n ");
        dl_escape_json(out, e->name);
        fputs(", \"href\": \"", out);
        dl_listing_put_link(out, e);
        fprintf(out, "\", \"type\": \"%s\", ", kinds[e->kind]);
        if (e->kind == DL_ENTRY_FILE)
            fprintf(out, "\"size\": %" PRId64 ", ", e->size);
        fputs("\"modified\": \"", out);
        dl_listing_put_time(out, e->modified);
        fputs("\"}", out);
    }
    fputs("]\n", out);
}

/* ---- The job on the work pool ---------------------------------------------------------------- */

static int
dl_listing_job(void *arg)
{
    struct dl_listing *x = arg;
    int r = dl_listing_read(x);
    FILE *out = r < 0 ? NULL : open_memstream(&x->text, &x->len);

    if (r < 0)
        return r;
    if (!out)
        return -ENOMEM;
    if (x->count > 0)
        qsort(x->entries, x->count, sizeof(struct dl_entry *), dl_listing_compare);
    if (x->download->options->listing == DL_OPTIONS_LISTING_JSON)
        dl_listing_put_json(out, x);
    else
        dl_listing_put_page(out, x->title, x->entries, x->count);
    r = ferror(out) ? -ENOMEM : 0;
    return fclose(out) == 0 ? r : -ENOMEM;
}

static void
dl_listing_done(struct goevd_http_request *r, void *state, void *arg, int result)
{
    static const char *const types[] = {NULL, "text/html; charset=utf-8", "application/json"};
    struct dl_listing *x = arg;

    (void)state;
    if (r) {
        if (result < 0)
            result = dl_refusal_error(goevd_http_local(r), r, result);
        else
            result =
                goevd_http_reply(r, 200, types[x->download->options->listing], x->text, x->len);
        if (result < 0)
            goevd_http_abort(r);
    }
    dl_listing_free(x);
}

static struct dl_listing *
dl_listing_new(const struct dl_instance *d, struct goevd_str name, struct goevd_str title)
{
    struct dl_listing *x = calloc(1, sizeof(*x) + name.len + 1 + title.len + 1);

    if (!x)
        return NULL;
    x->download = d;
    x->root = -1;
    x->title = x->name + name.len + 1;
    if (name.len > 0)
        memcpy(x->name, name.data, name.len);
    memcpy(x->title, title.data, title.len);
    return x;
}

int
dl_listing_start(struct dl_local *l, struct goevd_http_request *r, struct goevd_str name)
{
    struct dl_listing *x = dl_listing_new(l->download, name, goevd_http_path(r));
    int result;

    if (!x)
        return -ENOMEM;
    x->root = fcntl(l->root.fd, F_DUPFD_CLOEXEC, 3); /* a duplicate, because the poller may close
                                                      * its own descriptor meanwhile */
    if (x->root < 0) {
        result = -errno;
        dl_listing_free(x);
        return dl_refusal_error(l, r, result);
    }
    result = goevd_http_submit(l->download->self, r, GOEVD_SUBMIT_FILES, dl_listing_job,
                               dl_listing_done, x);
    if (result == 0)
        return 0;
    dl_listing_free(x);
    return dl_refusal_error(l, r, -EAGAIN);
}
