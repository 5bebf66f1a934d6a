#include "worker/glance.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/overview.h"
#include "worker/heartbeat.h"

void
glance_status(struct engine *e, struct status *ret)
{
    const char *state = atomic_load(&e->setup->plugins.stopping) ? "stopping" : "serving";

    *ret = (struct status){.state = state,
                           .since = e->since,
                           .workers[0] = {.pid = getpid(),
                                          .state = state,
                                          .release = GOEVD_RELEASE,
                                          .since = e->since,
                                          .connections = heartbeat_load(e).open},
                           .worker_count = 1};
}

/* The text of status_text(), to be freed: the supervisor's, or one's own. */
static char *
glance_facts(struct engine *e)
{
    char *facts = malloc(COUNTS_FACTS_MAX);
    struct status status;
    size_t len;

    if (!facts || reader_read_facts(&e->reader, facts) == 0)
        return facts;
    free(facts);
    glance_status(e, &status);
    return status_text(&status, &len);
}

static struct overview_listener *
glance_listeners(const struct engine *e)
{
    struct overview_listener *all = calloc(MAX(e->listener_count, 1), sizeof(*all));

    for (size_t i = 0; all && i < e->listener_count; i++) {
        const struct listener *l = e->listeners[i];

        all[i] = (struct overview_listener){
            .name = l->config.name,
            .plugin = instance_of(e->setup->config->listeners[i].handler)->module->entry.name,
            .open = atomic_load(&l->admission.count),
            .max = atomic_load(&l->admission.max)};
        address_format(&l->address.sa, l->address.len, all[i].address, sizeof(all[i].address));
    }
    return all;
}

static int
glance_print(struct engine *e, bool brief, FILE *out)
{
    struct overview_listener *listeners = glance_listeners(e);
    char *facts = glance_facts(e);
    struct overview_request request = {.history = &e->history,
                                       .facts = facts,
                                       .listeners = listeners,
                                       .listener_count = e->listener_count,
                                       .open = heartbeat_load(e).open,
                                       .brief = brief};
    int r = listeners && facts ? overview_write(&request, out) : -ENOMEM;

    free(listeners);
    free(facts);
    return r;
}

int
glance_write(struct engine *e, bool brief, char **ret_text, size_t *ret_len)
{
    char *text = NULL;
    FILE *out;
    int r;

    if (!brief) /* `goevd ctl status` must report a poller that hangs, and so must not wait for it
                 */
        engine_collect(e);
    r = history_sample(&e->history, heartbeat_load(e).open, clock_now_ns());
    if (r < 0)
        return r;
    out = open_memstream(&text, ret_len);
    r = out ? glance_print(e, brief, out) : -ENOMEM;
    if (out && fclose(out) != 0)
        r = -ENOMEM;
    if (r < 0)
        free(text);
    else
        *ret_text = text;
    return r;
}

int
glance_text(void *engine, char **ret_text, size_t *ret_len)
{
    return glance_write(engine, false, ret_text, ret_len);
}
