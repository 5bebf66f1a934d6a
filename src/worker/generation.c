#include "worker/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"

/* The binary is the supervisor's to start. */
static int
generation_take(struct generation *g, struct parent *parent, struct err *reterr)
{
    struct module_kept *kept = &g->modules[g->module_count];
    struct proto_kept file;
    int fd = parent_get_kept(parent, &file, reterr);

    if (fd < 0)
        return fd;
    *kept = (struct module_kept){.path = strdup(file.path), .fd = fd};
    g->module_count++;
    return kept->path ? 0 : err_set(reterr, -ENOMEM, "no memory for the paths of plugins");
}

static void
generation_free_modules(struct generation *g)
{
    for (size_t i = 0; i < g->module_count; i++) {
        fd_close(g->modules[i].fd);
        free(g->modules[i].path);
    }
    free(g->modules);
    g->modules = NULL;
    g->module_count = 0;
}

/* A snapshot that this binary does not understand comes from another one. */
static void
generation_replay(struct generation *g)
{
    struct err err = {0};

    if (snapshot_replay(&g->snapshot, g->fd, &err) == 0) {
        log_notice("starting from the configuration that last served, not from the disk");
        return;
    }
    log_warning("the snapshot of the configuration that last served cannot be used: %s; starting "
                "from the files on disk",
                err.text);
    generation_free_modules(g);
}

/* Before privileges are dropped. */
static void
generation_open_binary(struct generation *g)
{
    g->binary = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (g->binary < 0) /* without /proc, or where it may be executed and not read */
        log_warning("cannot open /proc/self/exe: %s; should this worker crash, the binary on disk "
                    "takes its place",
                    err_words(errno));
}

int
generation_init(struct generation *g, struct parent *parent, struct err *reterr)
{
    unsigned files = 0;
    bool replay = false;
    int r;

    *g = (struct generation){.fd = -1, .binary = -1};
    r = parent_get_snapshot(parent, &g->fd, &replay, &files, reterr);
    if (r < 0 || g->fd < 0)
        return r;
    if (!replay) {
        snapshot_record(&g->snapshot);
        generation_open_binary(g);
        return 0;
    }
    g->modules = calloc(MAX(files, 1), sizeof(*g->modules));
    if (!g->modules)
        return err_set(reterr, -ENOMEM, "no memory for the paths of plugins");
    while (r == 0 && g->module_count < files)
        r = generation_take(g, parent, reterr);
    if (r == 0)
        generation_replay(g);
    return r;
}

int
generation_keep(struct generation *g, struct parent *parent, struct plugins *plugins,
                struct err *reterr)
{
    bool fresh = g->snapshot.records || g->snapshot.overflowed;
    struct err err = {0};
    int r = 0;

    if (snapshot_seal(&g->snapshot, g->fd, &err) < 0)
        log_warning("%s: should this worker crash, another starts from the files on disk",
                    err.text);
    if (g->binary >= 0)
        r = parent_keep(parent, "", g->binary, true, reterr);
    for (struct module *m = plugins->modules; m; m = m->next) {
        if (r == 0 && fresh)
            r = parent_keep(parent, m->path, m->fd, false, reterr);
        module_close(m);
    }
    return r;
}

void
generation_fini(struct generation *g)
{
    snapshot_fini(&g->snapshot);
    generation_free_modules(g);
    g->binary = fd_close(g->binary);
    g->fd = fd_close(g->fd);
}
