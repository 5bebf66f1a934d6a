#include "plug/loader/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "conf/schema/schema.h"
#include "plug/loader/elf_file.h"
#include "plug/loader/framing.h"

/* ---- The object ------------------------------------------------------------------------------ */

static void *
module_dlopen(const char *file, const char *path, struct err *reterr)
{
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    const char *words;

    if (handle)
        return handle;
    words = dlerror();
    if (strstr(words, "undefined symbol"))
        err_set(reterr, -ELIBBAD,
                "%s; link it with the library that has the symbol (with -Wl,-z,defs the linker "
                "finds this)",
                words);
    else if (strstr(words, "cannot open shared object file"))
        err_set(
            reterr, -ELIBBAD,
            "cannot load %s: it needs a library that is not found: %s; install that, or link with "
            "-Wl,-rpath,DIR",
            path, words);
    else
        err_set(reterr, -ELIBBAD, "cannot load %s: %s", path, words);
    return NULL;
}

/* ---- The entry ------------------------------------------------------------------------------- */

static int
module_check_version(const char *path, const struct goevd_plugin_entry *e, struct err *reterr)
{
    if (e->version.major != GOEVD_ABI_MAJOR)
        return err_set(reterr, -ELIBBAD,
                       "%s was built for plugin ABI %u.%u and this goevd has %d.%d; %s", path,
                       e->version.major, e->version.minor, GOEVD_ABI_MAJOR, GOEVD_ABI_MINOR,
                       e->version.major > GOEVD_ABI_MAJOR
                           ? "upgrade goevd, or build the plugin against this goevd's headers"
                           : "build the plugin again, against this goevd's headers");
    if (e->version.size < offsetof(struct goevd_plugin_entry, interface) + sizeof(e->interface))
        return err_set(reterr, -ELIBBAD,
                       "%s: its goevd_plugin_entry has %u bytes, too few for ABI %u.%u; fill it "
                       "with GOEVD_PLUGIN()",
                       path, e->version.size, e->version.major, e->version.minor);
    if (e->host_minor > GOEVD_ABI_MINOR)
        return err_set(reterr, -ELIBBAD,
                       "%s needs a host with plugin ABI %d.%u or newer and this goevd has %d.%d; "
                       "upgrade goevd",
                       path, GOEVD_ABI_MAJOR, e->host_minor, GOEVD_ABI_MAJOR, GOEVD_ABI_MINOR);
    return 0;
}

static int
module_check_entry(const char *path, const struct goevd_plugin_entry *e, struct err *reterr)
{
    const char *missing = !e->name          ? "name"
                          : !e->description ? "description"
                          : !e->host        ? "host"
                          : !e->create      ? "create"
                          : !e->interface   ? "interface"
                                            : NULL;
    struct err flaw = {0};

    if (missing)
        return err_set(reterr, -ELIBBAD, "%s: goevd_plugin_entry.%s is NULL; set it", path,
                       missing);
    if (!conf_is_plugin_name(e->name))
        return err_set(reterr, -ELIBBAD,
                       "%s: goevd_plugin_entry.name is '%.64s'; make it 1 to 64 of a-z, 0-9, _ "
                       "and -",
                       path, e->name);
    if (e->options && conf_schema_check(e->options, &flaw) < 0)
        return err_set(reterr, -ELIBBAD, "%s: its options are described wrongly: %s", path,
                       flaw.text);
    return 0;
}

/* Fields that the author's headers did not have stay zero. */
static void
module_copy_table(void *to, size_t size, const void *from, uint32_t from_size)
{
    memset(to, 0, size);
    memcpy(to, from, MIN(size, (size_t)from_size));
}

int
module_copy_stream(struct goevd_stream *ret, const struct goevd_stream *from, const char *path,
                   struct err *reterr)
{
    int r;

    module_copy_table(ret, sizeof(*ret), from, from->version.size);
    r = framing_check(ret, path, reterr);
    if (r < 0)
        return r;
    if (ret->conn_size > MODULE_CONN_SIZE_MAX)
        return err_set(reterr, -ELIBBAD,
                       "%s: goevd_stream.conn_size is %zu and %d is the most; keep a larger state "
                       "in memory of its own",
                       path, ret->conn_size, MODULE_CONN_SIZE_MAX);
    return 0;
}

static int
module_take_stream(struct module *m, struct err *reterr)
{
    const struct goevd_stream *stream = m->entry.interface(GOEVD_STREAM);

    if (!stream)
        return 0;
    m->stream = &m->stream_copy;
    return module_copy_stream(&m->stream_copy, stream, m->path, reterr);
}

static int
module_take_entry(struct module *m, void *handle, const struct goevd_host *host, struct err *reterr)
{
    const struct goevd_plugin_entry *e = dlsym(handle, "goevd_plugin_entry");
    int r;

    if (!e)
        return err_set(reterr, -ELIBBAD,
                       "%s has no symbol goevd_plugin_entry; a plugin defines it with "
                       "GOEVD_PLUGIN() of goevd/plugin.h",
                       m->path);
    r = module_check_version(m->path, e, reterr);
    if (r < 0)
        return r;
    module_copy_table(&m->entry, sizeof(m->entry), e, e->version.size);
    r = module_check_entry(m->path, &m->entry, reterr);
    if (r < 0)
        return r;
    *m->entry.host = host;
    return module_take_stream(m, reterr);
}

/* ---- All of it ------------------------------------------------------------------------------- */

static struct module *module_substituted; /* the newest of those that have a file of their own */

const char *
module_path(const char *file)
{
    for (const struct module *m = module_substituted; m; m = m->substituted)
        if (strcmp(m->file, file) == 0)
            return m->path;
    return file;
}

void
module_close(struct module *m)
{
    m->fd = fd_close(m->fd);
}

void
module_free(struct module *m)
{
    if (!m)
        return;
    if (m->file[0])
        module_substituted = NULL; /* they are freed together, at the end of the process */
    module_close(m);
    free(m->path);
    free(m);
}

static struct module *
module_new(const char *path)
{
    struct module *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->fd = -1;
    m->path = strdup(path);
    if (m->path)
        return m;
    module_free(m);
    return NULL;
}

/* Tools know the object by its path, so that is used as long as it leads to the same file. */
static bool
module_is_at_path(const struct module_kept *kept)
{
    struct stat there, held;

    return stat(kept->path, &there) == 0 && fstat(kept->fd, &held) == 0 &&
           there.st_dev == held.st_dev && there.st_ino == held.st_ino;
}

static int
module_open(struct module *m, const struct module_kept *kept, const struct goevd_host *host,
            struct err *reterr)
{
    const char *file = m->path;
    void *handle;

    if (kept && !module_is_at_path(kept)) {
        snprintf(m->file, sizeof(m->file), "/proc/self/fd/%d", kept->fd);
        file = m->file;
    }
    m->fd = elf_file_open(file, reterr);
    if (m->fd < 0)
        return m->fd;
    handle = module_dlopen(file, m->path, reterr);
    return handle ? module_take_entry(m, handle, host, reterr) : -ELIBBAD;
}

int
module_load(const char *path, const struct module_kept *kept, const struct goevd_host *host,
            struct module **ret, struct err *reterr)
{
    struct module *m = module_new(path);
    int r;

    if (!m)
        return err_set(reterr, -ENOMEM, "no memory to load %s", path);
    r = module_open(m, kept, host, reterr);
    if (r < 0) {
        module_free(m); /* the object stays mapped: its constructors have run */
        return r;
    }
    if (m->file[0]) {
        m->substituted = module_substituted;
        module_substituted = m;
    }
    *ret = m;
    return 0;
}

const void *
module_interface(const struct module *m, const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? m->stream : m->entry.interface(id);
}
