/* A plugin's shared object: found, loaded, checked. Never unloaded: a reload is a new process. */
#pragma once

#include <goevd/plugin.h>

#include "base/err.h"

#define MODULE_CONN_SIZE_MAX 65536
#define MODULE_FILE_MAX 32 /* bytes of "/proc/self/fd/N" */

/* A plugin's file that a worker has loaded, held open since: a worker that takes its place loads
 * the same one, wherever the path leads by now. */
struct module_kept {
    char *path;
    int fd;
};

struct module {
    struct module *next;
    char *path;
    int fd;                            /* its file, until module_close(); -1: closed */
    char file[MODULE_FILE_MAX];        /* argument of dlopen(3) instead of the path; "": none */
    struct module *substituted;        /* the one before it that has such a file */
    struct goevd_plugin_entry entry;   /* the host's copy of the common fields, the rest zero */
    const struct goevd_stream *stream; /* likewise; NULL without that interface */
    struct goevd_stream stream_copy;
};

/* Load the file and check its entry. On failure reterr has the fault and its remedy in a sentence.
 * The module lives as long as the process.
 *
 * kept   NULL: the file at the path. Its fd stays open until the process ends: dlopen(3) takes
 *        another file at the same number for the same object.
 */
int module_load(const char *path, const struct module_kept *kept, const struct goevd_host *host,
                struct module **ret, struct err *reterr);

/* Close its file. */
void module_close(struct module *m);

/* Free the host's data about it; its object stays mapped. */
void module_free(struct module *m);

/* The path of a plugin that was loaded from a file that is kept, by the name that dladdr(3) gives
 * it; every other name as it is. Async-signal-safe. */
const char *module_path(const char *file);

/* The host's copy of a plugin's stream handler, checked. `path` is for the error. */
int module_copy_stream(struct goevd_stream *ret, const struct goevd_stream *from, const char *path,
                       struct err *reterr);

/* The plugin's vtable for an interface id, the host's copy where it knows the id; NULL. */
const void *module_interface(const struct module *m, const char *id);
