/* The origin of workers: files of the disk, which are kept once they serve, or the kept files. */
#include "base/fd.h"
#include "base/log.h"
#include "supervisor/supervisor.h"

/* Only the bytes of the path that there are: many of these fit the socket. */
static int
supervisor_send_kept(struct child *c, const struct origin_plugin *plugin)
{
    struct proto_kept file = {0};
    int n = snprintf(file.path, sizeof(file.path), "%s", plugin->path);

    return child_send(c, PROTO_KEPT, &file, offsetof(struct proto_kept, path) + (size_t)n + 1,
                      &plugin->fd, 1);
}

static int
supervisor_send_replay(struct supervisor *s, struct child *c)
{
    const struct origin *o = s->origin;
    struct proto_snapshot reply = {.replay = true, .files = o->plugin_count};
    int r = child_send(c, PROTO_SNAPSHOT, &reply, sizeof(reply), &o->snapshot_fd, 1);

    for (unsigned i = 0; r == 0 && i < o->plugin_count; i++)
        r = supervisor_send_kept(c, &o->plugins[i]);
    return r;
}

int
supervisor_on_snapshot(struct supervisor *s, struct child *c)
{
    struct proto_snapshot reply = {0};
    struct err err = {0};

    if (c->state != CHILD_STARTING)
        return 0; /* it has yet to read that it is to stop */
    if (c->replays)
        return supervisor_send_replay(s, c);
    if (!c->origin)
        c->origin = origin_new(&err);
    if (c->origin)
        return child_send(c, PROTO_SNAPSHOT, &reply, sizeof(reply), &c->origin->snapshot_fd, 1);
    log_warning("%s; should worker %d crash, another starts from the files on disk", err.text,
                (int)c->pid);
    return child_send(c, PROTO_SNAPSHOT, &reply, sizeof(reply), NULL, 0);
}

int
supervisor_on_keep(struct supervisor *s, struct child *c, struct proto_kept *file, int fd)
{
    file->path[PROTO_FILE_MAX - 1] = '\0';
    if (!c->origin || c->state != CHILD_STARTING || fd < 0 || origin_add(c->origin, file, fd) < 0)
        helper_close(&s->closer, fd);
    return 0;
}

void
supervisor_commit_origin(struct supervisor *s, struct child *c)
{
    struct supervisor_config *config = &s->config;

    snprintf(config->path, sizeof(config->path), "%s", c->ready.config);
    if (c->replays)
        return;
    config->loaded = time(NULL);
    origin_free(s->origin, &s->closer);
    s->origin = c->origin && origin_is_sealed(c->origin) ? c->origin : NULL;
    if (!s->origin)
        origin_free(c->origin, &s->closer);
    c->origin = NULL;
}
