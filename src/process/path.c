#include "process/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel follows, path_resolution(7) */

/* Whether only root can replace `entry` of this folder. */
static bool
path_is_roots(const char *folder, const struct stat *entry)
{
    struct stat st;

    if (lstat(folder, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != 0)
        return false;
    return !(st.st_mode & (S_IWGRP | S_IWOTH)) || (st.st_mode & S_ISVTX && entry->st_uid == 0);
}

static bool
path_is_in_proc(const char *folder)
{
    struct statfs fs;

    return statfs(folder, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* Replace the link behind `folder`, the first `at` bytes of the path, by its target. */
static bool
path_follow(char path[PATH_MAX], size_t at, const char *rest)
{
    char link[PATH_MAX], target[PATH_MAX], whole[PATH_MAX];
    ssize_t n;
    int len;

    snprintf(link, sizeof(link), "%.*s", (int)(rest - path), path);
    n = readlink(link, target, sizeof(target) - 1);
    if (n <= 0)
        return false;
    target[n] = '\0';
    len = snprintf(whole, sizeof(whole), "%.*s/%s%s", target[0] == '/' ? 0 : (int)at, path, target,
                   rest);
    if (len < 0 || len >= PATH_MAX)
        return false;
    memcpy(path, whole, (size_t)len + 1);
    return true;
}

/* Every folder on the way is root's alone, and those behind links too. A path of procfs, as
 * /dev/stdout leads to one, is the process' own. */
static bool
path_is_trusted(const char *wanted)
{
    char path[PATH_MAX], folder[PATH_MAX] = "/", next[PATH_MAX];
    unsigned links = 0;
    size_t at = 0;

    if (wanted[0] != '/' || strlen(wanted) >= sizeof(path))
        return false;
    strcpy(path, wanted);
    while (path[at]) {
        size_t skip = strspn(path + at, "/"), len = strcspn(path + at + skip, "/");
        struct stat st;

        if (len == 0)
            return true;
        snprintf(folder, sizeof(folder), "%.*s", at ? (int)at : 1, path);
        snprintf(next, sizeof(next), "%.*s", (int)(at + skip + len), path);
        if (lstat(next, &st) < 0)
            st = (struct stat){.st_uid = (uid_t)-1};
        if (!path_is_roots(folder, &st))
            return false;
        if (S_ISLNK(st.st_mode) && path_is_in_proc(folder))
            return true;
        if (!S_ISLNK(st.st_mode)) {
            at += skip + len;
            continue;
        }
        if (++links > LINKS_MAX || !path_follow(path, at, path + at + skip + len))
            return false;
        at = 0;
    }
    return true;
}

int
path_open(const char *path, int flags, mode_t mode)
{
    struct open_how how = {.flags = (uint64_t)(unsigned)flags,
                           .mode = flags & O_CREAT ? mode : 0,
                           .resolve = RESOLVE_NO_SYMLINKS};
    int fd;

    if (geteuid() == 0) {
        fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
        if (fd >= 0 || (errno != ELOOP && errno != ENOSYS && errno != EPERM))
            return fd < 0 ? -errno : fd;
        if (!path_is_trusted(path))
            return -ELOOP;
    }
    fd = open(path, flags, mode);
    return fd < 0 ? -errno : fd;
}
