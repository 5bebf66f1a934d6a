#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/scaffold.h"

#define NAME_BYTES_MAX 40

/* It becomes part of file names and of names in C. */
static bool
scaffold_is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

    return len > 0 && len <= NAME_BYTES_MAX && !name[len] && name[0] >= 'a';
}

/* By a file of its own folder, and by the plugins that those of a kind stand on. */
static bool
scaffold_is_taken(const char *name)
{
    static const char *const taken[] = {"test", "http", "websocket"};

    for (size_t i = 0; i < ARRAY_LEN(taken); i++)
        if (strcmp(name, taken[i]) == 0)
            return true;
    return false;
}

static bool
scaffold_is_kind(const char *kind)
{
    for (const struct scaffold_file *f = scaffold_files; f->kind; f++)
        if (strcmp(f->kind, kind) == 0 && strcmp(kind, "common") != 0)
            return true;
    return false;
}

/* A mark in a text, and its replacement. */
struct scaffold_mark {
    const char *mark, *value;
};

/* The mark that comes first, and where; NULL if there is none. */
static const struct scaffold_mark *
scaffold_next_mark(const char *text, const struct scaffold_mark *marks, const char **ret_at)
{
    const struct scaffold_mark *first = NULL;

    for (; marks->mark; marks++) {
        const char *at = strstr(text, marks->mark);

        if (at && (!first || at < *ret_at)) {
            first = marks;
            *ret_at = at;
        }
    }
    return first;
}

/* Write text with each mark replaced. */
static int
scaffold_print(FILE *out, const char *text, const struct scaffold_mark *marks)
{
    const struct scaffold_mark *m;
    const char *at;

    for (; (m = scaffold_next_mark(text, marks, &at)); text = at + strlen(m->mark))
        fprintf(out, "%.*s%s", (int)(at - text), text, m->value);
    fputs(text, out);
    return fflush(out) != 0 || ferror(out) ? -errno : 0;
}

static int
scaffold_write(int dir, const struct scaffold_file *file, const char *name, struct err *reterr)
{
    char path[NAME_BYTES_MAX + 32], *text = path, program[PATH_MAX];
    const struct scaffold_mark in_name[] = {{"NAME", name}, {0}};
    const struct scaffold_mark in_text[] = {
        {"@NAME@", name}, {"@GOEVD@", scaffold_program(program, sizeof(program))}, {0}};
    FILE *out = fmemopen(text, sizeof(path), "w");
    int fd, r;

    if (!out)
        return err_set_errno(reterr, -errno, "cannot name a file");
    r = scaffold_print(out, file->name, in_name);
    fclose(out);
    if (r < 0)
        return err_set_errno(reterr, r, "cannot name a file");
    fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file->mode);
    out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!out) {
        r = err_set_errno(reterr, -errno, "cannot write %s/%s", name, path);
        fd_close(fd);
        return r;
    }
    r = scaffold_print(out, file->text, in_text);
    if (fclose(out) != 0 && r == 0)
        r = -errno;
    return r < 0 ? err_set_errno(reterr, r, "cannot write %s/%s", name, path) : 0;
}

int
scaffold_new(const char *name, const char *kind, struct err *reterr)
{
    _cleanup_fd_ int dir = -1;

    if (!scaffold_is_name(name))
        return err_set(reterr, -EINVAL,
                       "plugin new: '%s' is no name for a plugin: it is 1 to %d of a-z, 0-9 and _, "
                       "and begins with a letter",
                       name, NAME_BYTES_MAX);
    if (scaffold_is_taken(name))
        return err_set(reterr, -EINVAL, "plugin new: the name '%s' is taken; choose another", name);
    if (!scaffold_is_kind(kind))
        return err_set(reterr, -EINVAL,
                       "plugin new: no kind '%s'; there are stream, http and websocket", kind);
    if (mkdir(name, 0777) < 0)
        return err_set_errno(reterr, -errno, "cannot make the folder %s", name);
    dir = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_set_errno(reterr, -errno, "cannot open the folder %s", name);
    for (const struct scaffold_file *f = scaffold_files; f->kind; f++) {
        int r = strcmp(f->kind, kind) == 0 || strcmp(f->kind, "common") == 0
                    ? scaffold_write(dir, f, name, reterr)
                    : 0;

        if (r < 0)
            return r;
    }
    printf("%s: a plugin, its configuration and its test; next: cd %s && make test\n", name, name);
    return 0;
}
