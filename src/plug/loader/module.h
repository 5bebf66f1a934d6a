/* A plugin's shared object: found, loaded, checked. Never unloaded: a reload is a new process. */
#pragma once

#include <goevd/plugin.h>

#include "base/err.h"

#define MODULE_CONN_SIZE_MAX 65536

struct module {
    struct module *next;
    char *path;
    struct goevd_plugin_entry entry;   /* the host's copy: what both sides know, the rest zero */
    const struct goevd_stream *stream; /* likewise; NULL without that interface */
    struct goevd_stream stream_copy;
};

/* Load the file and check its entry. On failure reterr says in a sentence what is wrong and what
 * mends it. The module lives as long as the process. */
int module_load(const char *path, const struct goevd_host *host, struct module **ret,
                struct err *reterr);

/* The host's copy of a plugin's stream handler, checked. `path` is said in the error. */
int module_copy_stream(struct goevd_stream *ret, const struct goevd_stream *from, const char *path,
                       struct err *reterr);

/* The plugin's vtable for an interface id, the host's copy where it knows the id; NULL. */
const void *module_interface(const struct module *m, const char *id);
