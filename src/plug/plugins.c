#include "plug/plugins.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <goevd/http.h>

#include "conf/yaml/suggest.h"
#include "plug/host/host.h"
#include "plug/host/outgoing.h"
#include "plug/loader/folder.h"
#include "plug/strict/strict.h"

#ifndef GOEVD_PLUGIN_DIR
#define GOEVD_PLUGIN_DIR "/usr/lib/goevd/plugins"
#endif

/* ---- Where plugins are ----------------------------------------------------------------------- */

/* Beside the binary, as in a build directory; else where they are installed. */
static char *
plugins_default_dir(void)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("/plugins"));
    struct stat st;
    char *slash;

    if (n > 0) {
        path[n] = '\0';
        slash = strrchr(path, '/');
        memcpy(slash, "/plugins", sizeof("/plugins"));
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            return strdup(path);
    }
    return strdup(GOEVD_PLUGIN_DIR);
}

static void
plugins_set_dir(void *ctx, struct goevd_str dir)
{
    struct plugins *p = ctx;
    char *copy;

    if (p->dir_flag || !dir.data)
        return;
    copy = strdup(dir.data);
    if (!copy)
        return;
    free(p->dir);
    p->dir = copy;
}

/* ---- Modules --------------------------------------------------------------------------------- */

static int
plugins_missing(struct plugins *p, const char *name, struct err *reterr)
{
    char names[256], hint[128];
    int r = folder_names(p->dir, names, sizeof(names));

    if (r < 0)
        return err_set_errno(reterr, r,
                             "no plugin '%s': the plugin directory %s cannot be read (plugin_dir, "
                             "--plugin-dir)",
                             name, p->dir);
    if (!folder_suggest(p->dir, name, hint, sizeof(hint)))
        hint[0] = '\0';
    return err_set(reterr, -ENOENT,
                   "no plugin '%s' in %s (plugin_dir, --plugin-dir)%s; there are: %s", name, p->dir,
                   hint, names);
}

static int
plugins_path(const char *dir, const char *name, char *path, size_t size, struct err *reterr)
{
    int n = strchr(name, '/') ? snprintf(path, size, "%s", name)
                              : snprintf(path, size, "%s/%s.so", dir, name);

    if (n < 0 || (size_t)n >= size)
        return err_set(reterr, -ENAMETOOLONG, "the path of plugin '%s' is too long", name);
    return 0;
}

/* Its file; beside plugins of one's own, goevd's are at hand. */
static int
plugins_find(struct plugins *p, const char *name, char *path, size_t size, struct err *reterr)
{
    int r = plugins_path(p->dir, name, path, size, reterr);

    if (r < 0 || access(path, F_OK) == 0)
        return r;
    if (strchr(name, '/'))
        return err_set_errno(reterr, -errno, "no plugin at %s", path);
    if (access(p->dir, R_OK) < 0)
        return plugins_missing(p, name, reterr);
    r = plugins_path(p->own_dir, name, path, size, reterr);
    if (r < 0 || access(path, F_OK) == 0)
        return r;
    return plugins_missing(p, name, reterr);
}

/* The file that the worker before has loaded under that name; NULL: none. */
static const struct module_kept *
plugins_find_kept(const struct plugins *p, const char *dir, const char *name)
{
    char path[PATH_MAX];

    if (p->kept_count == 0 || plugins_path(dir, name, path, sizeof(path), NULL) < 0)
        return NULL;
    for (size_t i = 0; i < p->kept_count; i++)
        if (strcmp(p->kept[i].path, path) == 0)
            return &p->kept[i];
    return NULL;
}

/* A loaded object stays, even if its file changes. */
static struct module *
plugins_loaded(struct plugins *p, const char *dir, const char *name)
{
    char path[PATH_MAX];

    if (plugins_path(dir, name, path, sizeof(path), NULL) < 0)
        return NULL;
    for (struct module *m = p->modules; m; m = m->next)
        if (strcmp(m->path, path) == 0)
            return m;
    return NULL;
}

int
plugins_module(struct plugins *p, const char *name, struct module **ret, struct err *reterr)
{
    const struct module_kept *kept = plugins_find_kept(p, p->dir, name);
    char path[PATH_MAX];
    struct module *m = plugins_loaded(p, p->dir, name);
    int r = 0;

    if (!m)
        m = plugins_loaded(p, p->own_dir, name);
    if (m) {
        *ret = m;
        return 0;
    }
    if (!kept)
        kept = plugins_find_kept(p, p->own_dir, name);
    if (!kept)
        r = plugins_find(p, name, path, sizeof(path), reterr);
    if (r == 0)
        r = module_load(kept ? kept->path : path, kept,
                        p->strict ? strict_host(p) : &host_tables.core, &m, reterr);
    if (r < 0)
        return r;
    m->next = p->modules;
    p->modules = m;
    *ret = m;
    return 0;
}

/* ---- The resolver: plugins by their names in the configuration
 * -------------------------------- */

static int
plugins_load(void *ctx, struct goevd_str name, const char *interface_id,
             const struct conf_node *where, void **ret_place,
             const struct goevd_schema **ret_schema, struct err *reterr)
{
    struct module *m;
    int r = plugins_module(ctx, name.data, &m, reterr);

    (void)where;
    if (r < 0)
        return r;
    if (interface_id && !module_interface(m, interface_id))
        return err_set(reterr, -EINVAL, "plugin '%s' cannot be used here: it has no interface %s",
                       m->entry.name, interface_id);
    *ret_place = m;
    *ret_schema = m->entry.options;
    return 0;
}

/* Interfaces whose handlers another plugin hosts: where a stream handler is wanted, that plugin is
 * put there, with the handler beneath. A handler's own stream interface is for upgrades. */
static const struct {
    const char *interface_id;
    const char *plugin;
    const char *tree;
} plugins_hosts[] = {
    {GOEVD_HTTP, "http", "{http: {routes: [{path: /*, handler: null}]}}"},
};

static const char *
plugins_find_host(void *ctx, struct goevd_str name, const char *interface_id)
{
    struct err err = {0};
    struct module *m;

    if (strcmp(interface_id, GOEVD_STREAM) != 0 || plugins_module(ctx, name.data, &m, &err) < 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(plugins_hosts); i++)
        if (module_interface(m, plugins_hosts[i].interface_id) &&
            strcmp(m->entry.name, plugins_hosts[i].plugin) != 0)
            return plugins_hosts[i].tree;
    return NULL;
}

static struct goevd_plugin *
plugins_made(void *ctx, void *place, const void *options, const struct conf_node *node,
             const char *path)
{
    struct plugins *p = ctx;
    struct instance *i = calloc(1, sizeof(*i));

    if (!i)
        return NULL;
    i->magic = INSTANCE_MAGIC;
    i->module = place;
    i->options = options;
    i->node = node;
    i->owner = (struct place_owner){i->module->entry.name, path, i->module->path};
    i->plugins = p;
    i->number = ++p->instance_count;
    *p->instances_end = i;
    p->instances_end = &i->next;
    return (struct goevd_plugin *)i;
}

/* ---- Life ------------------------------------------------------------------------------------ */

int
plugins_init(struct plugins *p, const char *dir_flag, struct err *reterr)
{
    *p = (struct plugins){.dir_flag = dir_flag};
    p->instances_end = &p->instances;
    pthread_mutex_init(&p->cache_lock, NULL);
    p->resolver = (struct conf_resolver){.load = plugins_load,
                                         .host = plugins_find_host,
                                         .made = plugins_made,
                                         .plugin_dir = plugins_set_dir,
                                         .ctx = p};
    p->own_dir = plugins_default_dir();
    if (p->own_dir)
        p->dir = strdup(dir_flag ? dir_flag : p->own_dir);
    return p->dir ? 0 : err_set(reterr, -ENOMEM, "no memory for plugins");
}

void
plugins_fini(struct plugins *p)
{
    while (p->instances) {
        struct instance *i = p->instances;

        assert(!i->created);
        p->instances = i->next;
        free(i);
    }
    while (p->modules) {
        struct module *m = p->modules;

        p->modules = m->next;
        module_free(m);
    }
    for (size_t i = 0; i < POLLERS_MAX; i++) {
        free(p->lines[i]);
        outgoing_services_free(p->services[i]);
    }
    host_pools_free(p);
    host_logfile_free(p);
    host_tls_free(p);
    registry_fini(&p->registry);
    free(p->dir);
    free(p->own_dir);
    pthread_mutex_destroy(&p->cache_lock);
}

/* A plugin that hosts others is above them in the configuration. */
static bool
plugins_is_part(const struct instance *part, const struct instance *of)
{
    size_t len = strlen(of->owner.path);

    return strncmp(part->owner.path, of->owner.path, len) == 0 &&
           strchr(".[", part->owner.path[len]) && part->owner.path[len];
}

/* Without its parts it cannot be created, and would only report their faults again. */
static bool
plugins_lacks_part(const struct plugins *p, const struct instance *i)
{
    for (const struct instance *part = p->instances; part != i; part = part->next)
        if (part->failed && plugins_is_part(part, i))
            return true;
    return false;
}

static int
plugins_create_one(struct plugins *p, struct instance *i)
{
    size_t before = p->errors->found;
    int r;

    if (plugins_lacks_part(p, i))
        return -ECANCELED;
    place_enter(place_here, &i->owner, "create", 0);
    r = i->module->entry.create(instance_self(i), i->options, &i->data);
    place_leave(place_here);
    i->created = r == 0;
    if (r > 0)
        return conf_errors_add_below(p->errors, i->node, i->owner.path, "",
                                     "plugin '%s' cannot start: create has returned %d; it returns "
                                     "0 or a negative errno",
                                     i->module->entry.name, r);
    if (r < 0 && p->errors->found == before)
        conf_errors_add_below(p->errors, i->node, i->owner.path, "", "plugin '%s' cannot start: %s",
                              i->module->entry.name, err_words(r));
    return r;
}

/* All of them, so that one run reports the faults of all. The reasons are in the errors; the codes
 * of plugins mean nothing above. */
static int
plugins_create_each(struct plugins *p)
{
    int r = 0;

    for (struct instance *i = p->instances; i; i = i->next) {
        i->failed = plugins_create_one(p, i) < 0;
        r = i->failed ? -EINVAL : r;
    }
    return r;
}

/* At least one: a check has none. */
static unsigned
plugins_count_pollers(void)
{
    unsigned count = 0;

    while (count < POLLERS_MAX && poller_at(count))
        count++;
    return MAX(count, 1);
}

int
plugins_create(struct plugins *p, struct conf_errors *errors)
{
    int r;

    p->errors = errors;
    r = plugins_create_each(p);
    if (r >= 0 && registry_start(&p->registry, plugins_count_pollers()) < 0)
        r = conf_errors_add(errors, NULL, "", "no memory for metrics");
    p->errors = NULL;
    pthread_mutex_lock(&p->cache_lock);
    p->running = !p->checking;
    pthread_mutex_unlock(&p->cache_lock);
    if (r < 0)
        plugins_destroy(p);
    return r;
}

/* Instances are in order of creation; recursion turns it round. So a plugin that hosts others goes
 * before them, while they still have all that it needs. */
static void
plugins_destroy_from(struct instance *i)
{
    if (!i)
        return;
    plugins_destroy_from(i->next);
    if (i->created && i->module->entry.destroy) {
        place_enter(place_here, &i->owner, "destroy", 0);
        i->module->entry.destroy(i->data);
        place_leave(place_here);
    }
    if (i->created && !i->module->entry.release)
        i->destroyed = true; /* of the others it is read until then */
}

/* Their threads may have called it until now. */
static void
plugins_release_from(struct instance *i)
{
    if (!i)
        return;
    plugins_release_from(i->next);
    if (i->created && i->module->entry.release) {
        place_enter(place_here, &i->owner, "release", 0);
        i->module->entry.release(i->data);
        place_leave(place_here);
    }
    i->destroyed = i->created;
    i->created = false;
}

void
plugins_destroy(struct plugins *p)
{
    host_calls_end(p);
    plugins_destroy_from(p->instances);
    plugins_release_from(p->instances);
}

/* ---- Pollers --------------------------------------------------------------------------------- */

static int
plugins_start_one(struct instance *i, struct poller *poller, struct err *reterr)
{
    const struct goevd_plugin_entry *e = &i->module->entry;
    int r = 0;

    place_enter(place_here, &i->owner, "poller_start", 0);
    if (e->poller_start)
        r = e->poller_start(i->data, (struct goevd_poller *)poller, &i->locals[poller->index]);
    place_leave(place_here);
    if (r > 0)
        return err_set(reterr, -EINVAL,
                       "plugin '%s' (%s) cannot start on poller %u: poller_start has returned %d; "
                       "it returns 0 or a negative errno",
                       e->name, i->owner.path, poller->index, r);
    if (r < 0)
        return err_set_errno(reterr, r, "plugin '%s' (%s) cannot start on poller %u", e->name,
                             i->owner.path, poller->index);
    return 0;
}

int
plugins_poller_start(struct plugins *p, struct poller *poller, struct err *reterr)
{
    unsigned *started = &p->started[poller->index];

    for (struct instance *i = p->instances; i; i = i->next) {
        int r = plugins_start_one(i, poller, reterr);

        if (r < 0) {
            plugins_poller_stop(p, poller);
            return r;
        }
        ++*started;
    }
    host_pools_start(p, poller);
    return 0;
}

/* Those of the first n instances, last first. */
static void
plugins_stop_from(struct instance *i, unsigned n, struct poller *poller)
{
    if (!i || n == 0)
        return;
    plugins_stop_from(i->next, n - 1, poller);
    place_enter(place_here, &i->owner, "poller_stop", 0);
    if (i->module->entry.poller_stop)
        i->module->entry.poller_stop(i->data, (struct goevd_poller *)poller,
                                     i->locals[poller->index]);
    place_leave(place_here);
    i->locals[poller->index] = NULL;
}

void
plugins_poller_stop(struct plugins *p, struct poller *poller)
{
    host_pools_stop(p, poller);
    plugins_stop_from(p->instances, p->started[poller->index], poller);
    host_logfile_stop(p, poller);
    if (p->strict)
        strict_poller_stopped(poller);
    p->started[poller->index] = 0;
}
