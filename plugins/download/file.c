#include "download/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* openat2(2) fails with EAGAIN if something was renamed meanwhile. */
#define FILE_TRIES_MAX 16

/* ---- Opening --------------------------------------------------------------------------------- */

static int
dl_file_openat2(int root, const struct dl_options *o, const char *name, uint64_t flags)
{
    bool links = !o || o->symlinks == DL_OPTIONS_SYMLINKS_BENEATH;
    struct open_how how = {.flags = flags | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
                                      (links ? 0 : RESOLVE_NO_SYMLINKS)};
    int fd = -1;

    for (int i = 0; i < FILE_TRIES_MAX; i++) {
        fd = (int)syscall(SYS_openat2, root, name, &how, sizeof(how));
        if (fd >= 0 || errno != EAGAIN)
            break;
    }
    return fd < 0 ? -errno : fd;
}

int
dl_file_open_directory(int root, const struct dl_options *o, const char *name, int flags)
{
    return dl_file_openat2(root, o, *name == '\0' ? "." : name, (uint64_t)(flags | O_DIRECTORY));
}

int
dl_file_find_directory(int root, const struct dl_options *o, const char *name)
{
    int fd = dl_file_open_directory(root, o, name, O_PATH);

    if (fd >= 0)
        close(fd);
    return fd < 0 ? fd : 0;
}

int
dl_file_stat(int root, const struct dl_options *o, const char *name, struct stat *ret)
{
    int fd = dl_file_openat2(root, o, name, O_PATH);
    int r;

    if (fd < 0)
        return fd;
    r = fstat(fd, ret) < 0 ? -errno : 0;
    close(fd);
    return r;
}

int
dl_file_check_kernel(int root)
{
    int r = dl_file_find_directory(root, NULL, "");

    return r == -ENOSYS || r == -EPERM ? -ENOSYS : 0;
}

/* Open regular files only. A FIFO or device neither blocks nor is read. */
static int
dl_file_open_regular(int root, const struct dl_options *o, const char *name, struct stat *ret_st)
{
    int fd = dl_file_openat2(root, o, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    int r = 0;

    if (fd < 0)
        return fd == -ENXIO || fd == -ENODEV ? -ENOENT : fd;
    if (fstat(fd, ret_st) < 0)
        r = -errno;
    else if (S_ISDIR(ret_st->st_mode))
        r = -EISDIR;
    else if (!S_ISREG(ret_st->st_mode))
        r = -ENOENT;
    if (r < 0)
        close(fd);
    return r < 0 ? r : fd;
}

/* ---- Metadata -------------------------------------------------------------------------------- */

static int64_t
dl_file_ns(struct timespec t)
{
    return (int64_t)t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* The ctime changes with every modification, even if the mtime is set back. The mtime is equal for
 * copies on several machines. */
static void
dl_file_describe(struct dl_file *file, const struct dl_options *o, const struct stat *st)
{
    bool changed = o->etag == DL_OPTIONS_ETAG_CHANGED;
    /* RFC 9110 section 8.8.2.1: Last-Modified must not be later than Date, which may be a second
     * old */
    int64_t latest = time(NULL) - 1;
    int64_t modified = st->st_mtim.tv_sec < latest ? st->st_mtim.tv_sec : latest;
    int n;

    file->size = (uint64_t)st->st_size;
    file->changed_ns = dl_file_ns(st->st_ctim);
    n = snprintf(file->etag, sizeof(file->etag), "\"%" PRIx64 "-%" PRIx64 "\"",
                 (uint64_t)dl_file_ns(changed ? st->st_ctim : st->st_mtim), file->size);
    dl_condition_date_format(modified, file->modified);
    file->facts = (struct dl_condition_file){.etag = {file->etag, (size_t)n},
                                             .modified = {file->modified, DL_CONDITION_DATE_LEN},
                                             .modified_s = modified};
}

static struct dl_file *
dl_file_new(const struct dl_types *types, const char *name)
{
    const char *type = dl_types_find(types, name), *charset = dl_types_charset(types, type);
    size_t name_len = strlen(name), type_room = strlen(type) + strlen(charset) + 16;
    struct dl_file *file = calloc(1, sizeof(*file) + name_len + 1 + type_room);

    if (!file)
        return NULL;
    memcpy(file->name, name, name_len + 1);
    file->name_len = name_len;
    file->type = file->name + name_len + 1;
    snprintf(file->type, type_room, "%s%s%s", type, *charset == '\0' ? "" : "; charset=", charset);
    file->refs = 1;
    return file;
}

int
dl_file_open(struct goevd_self *self, int root, const struct dl_options *o,
             const struct dl_types *types, const char *name, struct dl_file **ret)
{
    struct dl_file *file;
    struct stat st;
    int fd = dl_file_open_regular(root, o, name, &st);

    if (fd < 0)
        return fd;
    file = dl_file_new(types, name);
    if (!file) {
        close(fd);
        return -ENOMEM;
    }
    file->self = self;
    file->fd = fd;
    /* Files of tmpfs are always in memory and do not support RWF_NOWAIT. They alone have seals */
    file->at_once = fcntl(fd, F_GET_SEALS) >= 0 ? 0 : RWF_NOWAIT;
    dl_file_describe(file, o, &st);
    *ret = file;
    return 0;
}

bool
dl_file_is_unchanged(const struct dl_file *file)
{
    struct stat st;

    return fstat(file->fd, &st) == 0 && (uint64_t)st.st_size == file->size &&
           dl_file_ns(st.st_ctim) == file->changed_ns;
}

void
dl_file_unref(struct dl_file *file)
{
    if (!file || --file->refs > 0)
        return;
    close(file->fd);
    free(file);
}
