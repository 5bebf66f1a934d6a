#include "supervisor/binary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define BINARY_OWN "/proc/self/exe" /* of the supervisor */

/* ---- Where it is ----------------------------------------------------------------------------- */

static bool
binary_is_own(const char *path)
{
    struct stat there, own;

    return stat(path, &there) == 0 && stat(BINARY_OWN, &own) == 0 && there.st_dev == own.st_dev &&
           there.st_ino == own.st_ino;
}

/* A path that means the same wherever goevd goes. */
static bool
binary_take(const char *dir, size_t dir_len, const char *name, char *ret)
{
    int n;

    if (name[0] == '/')
        n = snprintf(ret, PATH_MAX, "%s", name);
    else
        n = snprintf(ret, PATH_MAX, "%.*s/%s", (int)dir_len, dir, name);
    return n > 0 && n < PATH_MAX && ret[0] == '/' && binary_is_own(ret);
}

/* As a shell finds a name without a slash. */
static bool
binary_search(const char *name, char *ret)
{
    const char *dirs = getenv("PATH");

    while (dirs && *dirs) {
        size_t len = strcspn(dirs, ":");

        if (binary_take(dirs, len, name, ret))
            return true;
        dirs += len + (dirs[len] == ':');
    }
    return false;
}

int
binary_find(const char *argv0, char ret_path[PATH_MAX])
{
    char here[PATH_MAX];
    ssize_t n;

    if (argv0 && strchr(argv0, '/')) {
        if (getcwd(here, sizeof(here)) && binary_take(here, strlen(here), argv0, ret_path))
            return 0;
    } else if (argv0 && binary_search(argv0, ret_path)) {
        return 0;
    }
    n = readlink(BINARY_OWN, ret_path, PATH_MAX - 1);
    if (n < 0)
        return -errno;
    ret_path[n] = '\0';
    return 0;
}

/* ---- Executing it ---------------------------------------------------------------------------- */

static bool
binary_is_at(const char *path, int fd)
{
    struct stat there, held;

    return stat(path, &there) == 0 && fstat(fd, &held) == 0 && there.st_dev == held.st_dev &&
           there.st_ino == held.st_ino;
}

int
binary_execute(const char *path, int kept_fd, bool fresh, char **argv)
{
    bool at_path = fresh || kept_fd < 0 || binary_is_at(path, kept_fd);

    if (at_path) {
        execv(path, argv);
        if (errno != ENOENT)
            return -errno;
        log_warning("%s is gone; the binary that %s is started again", path,
                    kept_fd < 0 ? "the supervisor runs" : "served last");
    }
    if (kept_fd < 0)
        execv(BINARY_OWN, argv);
    else
        execveat(kept_fd, "", argv, environ, AT_EMPTY_PATH);
    return -errno;
}
