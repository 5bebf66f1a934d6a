/* Where this goevd has the headers that plugins are built with, and the plugins that it loads. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/scaffold.h"
#include "plug/plugins.h"

#ifndef GOEVD_INCLUDE_DIR
#define GOEVD_INCLUDE_DIR "/usr/include"
#endif

/* A build directory has the file `headers` beside the binary: its one line is the folder of the
 * source tree. Returns false where there is none, as for a goevd that is installed. */
static bool
scaffold_tree_headers(char *buf, size_t size)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("/headers"));
    FILE *in;
    bool found;

    if (n <= 0)
        return false;
    path[n] = '\0';
    memcpy(strrchr(path, '/'), "/headers", sizeof("/headers"));
    in = fopen(path, "re");
    if (!in)
        return false;
    found = fgets(buf, (int)size, in) != NULL;
    fclose(in);
    if (found)
        buf[strcspn(buf, "\n")] = '\0';
    return found;
}

int
scaffold_headers(struct err *reterr)
{
    char dir[PATH_MAX] = GOEVD_INCLUDE_DIR, header[PATH_MAX + 32];

    scaffold_tree_headers(dir, sizeof(dir));
    snprintf(header, sizeof(header), "%s/goevd/plugin.h", dir);
    if (access(header, R_OK) < 0)
        return err_set(reterr, -ENOENT,
                       "plugin headers: cannot read %s: %s; Debian has the headers in the "
                       "package goevd-dev",
                       header, err_words(-errno));
    puts(dir);
    return 0;
}

int
scaffold_folder(struct err *reterr)
{
    struct plugins plugins;
    int r = plugins_init(&plugins, NULL, reterr);

    if (r < 0)
        return r;
    puts(plugins.own_dir);
    plugins_fini(&plugins);
    return 0;
}

/* A relative path is of no use in another folder. Without a slash it was found in PATH, and will be
 * found there again. */
const char *
scaffold_program(char *buf, size_t size)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        "/._+,@%-"; /* which neither make, nor sh, nor meson reads otherwise */
    ssize_t n;

    if (!strchr(program_invocation_name, '/'))
        return program_invocation_name;
    n = readlink("/proc/self/exe", buf, size - 1);
    if (n <= 0)
        return "goevd";
    buf[n] = '\0';
    return buf[strspn(buf, plain)] ? "goevd" : buf;
}
