#include "worker/heartbeat.h"

#include <errno.h>
#include <fcntl.h>

#include "base/clock.h"
#include "base/fd.h"

#define HEARTBEATS_PER_TIMEOUT 4
#define HEARTBEAT_MIN_NS (10 * NS_PER_MS)
#define HEARTBEAT_MAX_NS (5 * NS_PER_S)

int
heartbeat_init(struct heartbeat *h, int fd, const struct engine *engine, struct err *reterr)
{
    *h = (struct heartbeat){.fd = -1, .engine = engine};
    if (fd < 0)
        return 0;
    h->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (h->fd < 0)
        return err_set_errno(reterr, -errno, "cannot copy the socket to the supervisor");
    return 0;
}

void
heartbeat_set(struct heartbeat *h, const struct config_hang *hang)
{
    h->timeout_ns = (uint64_t)hang->timeout_ns;
    h->abort = hang->action == CONFIG_HANG_ABORT;
    h->due_ns = clock_now_ns();
}

static uint64_t
heartbeat_interval_ns(const struct heartbeat *h)
{
    uint64_t share = h->timeout_ns / HEARTBEATS_PER_TIMEOUT;

    return h->timeout_ns ? MIN(MAX(share, HEARTBEAT_MIN_NS), HEARTBEAT_MAX_NS) : HEARTBEAT_MAX_NS;
}

struct proto_load
heartbeat_load(const struct engine *engine)
{
    struct proto_load load = {0};

    for (size_t i = 0; i < engine->reactor_count; i++)
        for (unsigned n = 0; n < engine->reactors[i]->count; n++) {
            struct poller *p = engine->reactors[i]->pollers[n];

            load.open += (uint64_t)MAX(poller_load(p), 0);
            load.accepted += metric_get(&p->metrics->accepted);
        }
    return load;
}

void
heartbeat_time(struct heartbeat *h)
{
    uint64_t now = clock_now_ns();
    struct proto_load load;

    if (h->fd < 0 || now < h->due_ns)
        return;
    h->due_ns = now + heartbeat_interval_ns(h);
    load = heartbeat_load(h->engine);
    load.silence_ns = h->timeout_ns;
    load.abort = h->abort;
    proto_try_send(h->fd, PROTO_LOAD, &load, sizeof(load), NULL, 0);
}

void
heartbeat_fini(struct heartbeat *h)
{
    struct proto_load load;

    if (h->fd < 0)
        return;
    load = heartbeat_load(h->engine);
    proto_try_send(h->fd, PROTO_LOAD, &load, sizeof(load), NULL, 0);
    h->fd = fd_close(h->fd);
}
