#include "ctl/metrics.h"

#include <assert.h>
#include <string.h>

#include <goevd/metrics.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/conn/net.h"
#include "net/conn/service.h"

/* ---- Rows ------------------------------------------------------------------------------------ */

#define COUNTER(type_, field, name_, unit_, help_)                                                 \
    {                                                                                              \
        .name = (name_), .unit = (unit_), .help = (help_), .type = GOEVD_METRIC_COUNTER,           \
        .offset = offsetof(struct type_, field)                                                    \
    }
#define EV(...) COUNTER(poller_metrics, __VA_ARGS__)
#define NET(...) COUNTER(net_metrics, __VA_ARGS__)

/* Jobs of a kind. */
#define WORK(kind, name_, which)                                                                   \
    {.name = name_ ".pending",                                                                     \
     .unit = "jobs",                                                                               \
     .help = "jobs " which ", waiting or running",                                                 \
     .type = GOEVD_METRIC_GAUGE,                                                                   \
     .offset = offsetof(struct poller_metrics, work_pending[WORK_##kind])},                        \
        EV(work_refused[WORK_##kind], name_ ".refused", "jobs",                                    \
           "jobs " which " that found the queue full")

static const struct metric_row metrics_ev[] = {
    EV(rounds, "poller.rounds", "rounds", "times that a poller woke up"),
    EV(events, "poller.events", "events", "events that the kernel told of"),
    EV(timers, "timers.due", "timers", "timers that came due"),
    EV(messages, "mailbox.messages", "messages", "messages from other threads that were handled"),
    WORK(JOBS, "work_pool.jobs", "of plugins"),
    WORK(COMPUTE, "work_pool.compute", "of plugins that only compute"),
    WORK(FILES, "work_pool.files", "that read files"),
    WORK(NAMES, "work_pool.names", "that look names up"),
    WORK(LOGS, "work_pool.logs", "that write log files of plugins"),
};
static_assert(sizeof(metrics_ev) / sizeof(struct metric_row) ==
                  sizeof(struct poller_metrics) / sizeof(metric),
              "each metric of a poller has its row");

#define REFUSED(why) refused[NET_REFUSED_##why]
#define PROXY(outcome) proxy[NET_PROXY_##outcome]
#define CONNECT_FAILED(why) connect_failed[NET_CONNECT_##why]
#define CLOSED(why) closed[GOEVD_REASON_##why]

static const struct metric_row metrics_net[] = {
    NET(handed_over, "connections.handed_over", "connections", "accepted, given to another poller"),
    NET(REFUSED(LIMIT), "connections.refused.limit", "connections", "above connections_max"),
    NET(REFUSED(CLIENT), "connections.refused.client", "connections",
        "above connections_per_client_max"),
    NET(REFUSED(FDS), "connections.refused.fds", "pauses", "accepting paused: no file descriptors"),
    NET(REFUSED(MEMORY), "connections.refused.memory", "connections", "no memory"),
    NET(REFUSED(ERROR), "connections.refused.error", "connections", "other errors of accept4(2)"),
    NET(REFUSED(NETWORK), "connections.refused.network", "connections",
        "from where only proxies may come"),
    NET(REFUSED(HANDLER), "connections.refused.handler", "connections", "not wanted by on_accept"),
    NET(PROXY(READ), "proxy.read", "headers", "PROXY headers that were read"),
    NET(PROXY(MALFORMED), "proxy.malformed", "connections", "of proxies, without a true header"),
    NET(PROXY(TIMEOUT), "proxy.timeout", "connections", "of proxies, without one in time"),
    NET(PROXY(CLOSED), "proxy.closed", "connections", "of proxies, that ended before their header"),
    NET(opened, "connections.opened", "connections", "given to their handlers"),
    NET(CLOSED(HANDLER), "connections.closed.handler", "connections", "closed by their handlers"),
    NET(CLOSED(EOF), "connections.closed.eof", "connections", "closed by the peer"),
    NET(CLOSED(RESET), "connections.closed.reset", "connections", "reset by the peer"),
    NET(CLOSED(ERROR), "connections.closed.error", "connections", "another error of the socket"),
    NET(CLOSED(IDLE), "connections.closed.idle", "connections", "idle for idle_timeout"),
    NET(CLOSED(FULL), "connections.closed.full", "connections", "more unread than tail_max"),
    NET(CLOSED(STOP), "connections.closed.stop", "connections", "closed because goevd stops"),
    NET(CLOSED(UPGRADED), "connections.closed.upgraded", "connections", "taken by another handler"),
    NET(CLOSED(RELEASED), "connections.closed.released", "connections",
        "given back to their pools"),
    NET(CLOSED(FRAME), "connections.closed.frame", "connections",
        "a frame too long, malformed or cut off"),
    NET(CLOSED(SLOW), "connections.closed.slow", "connections", "slower to read than output_rate"),
    NET(connects, "connects.begun", "connects", "outgoing connections asked for"),
    NET(connected, "connects.connected", "connects", "of these, connected"),
    NET(CONNECT_FAILED(REFUSED), "connects.failed.refused", "connects", "nobody listens there"),
    NET(CONNECT_FAILED(TIMEOUT), "connects.failed.timeout", "connects", "not within their time"),
    NET(CONNECT_FAILED(UNRESOLVED), "connects.failed.unresolved", "connects", "no such host"),
    NET(CONNECT_FAILED(CANCELED), "connects.failed.canceled", "connects", "given up"),
    NET(CONNECT_FAILED(ERROR), "connects.failed.error", "connects", "other errors of connect(2)"),
    NET(bytes_in, "bytes.in", "bytes", "read from connections"),
    NET(bytes_out, "bytes.out", "bytes", "written to connections"),
    NET(sends_done, "sends.done", "sends", "sends from other threads that were written"),
    NET(sends_dropped, "sends.dropped", "sends", "sends whose connection was gone"),
    NET(disk_reads, "disk.reads", "reads", "of files that were not in memory"),
    NET(disk_bytes, "disk.bytes", "bytes", "that these brought"),
    NET(disk_refused, "disk.refused", "reads", "put off for want of room in the work pool"),
};
static_assert(sizeof(metrics_net) / sizeof(struct metric_row) ==
                  sizeof(struct net_metrics) / sizeof(metric),
              "each metric of a net has its row");

static uint64_t
metrics_accepted(struct poller *p)
{
    return metric_get(&p->accepted);
}

static uint64_t
metrics_open(struct poller *p)
{
    return net_of(p)->conns;
}

static uint64_t
metrics_waiting(struct poller *p)
{
    return mailbox_depth(&p->mailbox);
}

static uint64_t
metrics_armed(struct poller *p)
{
    return p->timers.heap.count;
}

static uint64_t
metrics_kept(struct poller *p)
{
    return p->buffers.kept;
}

static uint64_t
metrics_reused(struct poller *p)
{
    return p->buffers.reused;
}

static uint64_t
metrics_allocated(struct poller *p)
{
    return p->buffers.allocated;
}

static uint64_t
metrics_live(struct poller *p)
{
    return p->slots.live;
}

static uint64_t
metrics_queued(struct poller *p)
{
    return metric_get(&net_of(p)->queued);
}

static uint64_t
metrics_memory_conns(struct poller *p)
{
    uint64_t bytes = 0;

    for (const struct service *s = net_of(p)->services; s; s = s->sibling)
        bytes += slab_bytes(&s->slab) + slab_bytes(&s->own_states);
    return bytes;
}

static uint64_t
metrics_memory_rooms(struct poller *p)
{
    return net_of(p)->read_room + net_of(p)->write_room;
}

static uint64_t
metrics_memory_slots(struct poller *p)
{
    return slots_bytes(&p->slots);
}

static uint64_t
metrics_memory_timers(struct poller *p)
{
    const struct timer_table *table = &net_of(p)->timers;

    return p->timers.heap.capacity * sizeof(*p->timers.heap.entries) +
           2 * table->level * sizeof(struct conn_timer *);
}

/* What the process has, the first poller tells. */
static uint64_t
metrics_log_dropped(struct poller *p)
{
    return p->index == 0 ? log_dropped() : 0;
}

static uint64_t
metrics_log_held(struct poller *p)
{
    return p->index == 0 ? log_held() : 0;
}

static uint64_t
metrics_cpu_time(struct poller *p)
{
    (void)p;
    return clock_read_ns(CLOCK_THREAD_CPUTIME_ID) / NS_PER_MS;
}

#define READ(type_, read_, name_, unit_, help_)                                                    \
    {                                                                                              \
        .name = (name_), .unit = (unit_), .help = (help_), .type = (type_), .read = (read_)        \
    }
#define GAUGE(...) READ(GOEVD_METRIC_GAUGE, __VA_ARGS__)

static const struct metric_row metrics_read[] = {
    READ(GOEVD_METRIC_COUNTER, metrics_accepted, "connections.accepted", "connections",
         "accepted, whoever serves them"),
    READ(GOEVD_METRIC_COUNTER, metrics_cpu_time, "poller.cpu_time", "ms",
         "CPU time that pollers took"),
    READ(GOEVD_METRIC_COUNTER, metrics_reused, "buffers.reused", "blocks",
         "memory asked for that was at hand"),
    READ(GOEVD_METRIC_COUNTER, metrics_allocated, "buffers.allocated", "blocks",
         "memory asked for that was not"),
    READ(GOEVD_METRIC_COUNTER, metrics_log_dropped, "log.dropped", "lines",
         "lines of the log that could not be written"),
    READ(GOEVD_METRIC_COUNTER, metrics_log_held, "log.held", "lines",
         "lines of the log held back, as too many were like them"),
    GAUGE(metrics_open, "connections.open", "connections", "open now"),
    GAUGE(metrics_waiting, "mailbox.depth", "messages", "sends that wait for a poller"),
    GAUGE(metrics_armed, "timers.armed", "timers", "timers that are armed"),
    GAUGE(metrics_kept, "buffers.kept", "bytes", "memory kept for the next who asks"),
    GAUGE(metrics_live, "slots.live", "slots", "file descriptors that are watched"),
    GAUGE(metrics_queued, "output.queued", "bytes", "output that the sockets have not taken yet"),
    GAUGE(metrics_memory_conns, "memory.connections", "bytes", "connections and their states"),
    GAUGE(metrics_memory_rooms, "memory.rooms", "bytes", "the pollers' read and write buffers"),
    GAUGE(metrics_memory_slots, "memory.slots", "bytes", "ids of what is watched"),
    GAUGE(metrics_memory_timers, "memory.timers", "bytes", "what finds and orders timers"),
};

/* ---- All of them ----------------------------------------------------------------------------- */

unsigned
metrics_count(void)
{
    return ARRAY_LEN(metrics_ev) + ARRAY_LEN(metrics_net) + ARRAY_LEN(metrics_read);
}

const struct metric_row *
metrics_row(unsigned i)
{
    assert(i < metrics_count());
    if (i < ARRAY_LEN(metrics_ev))
        return &metrics_ev[i];
    i -= ARRAY_LEN(metrics_ev);
    if (i < ARRAY_LEN(metrics_net))
        return &metrics_net[i];
    return &metrics_read[i - ARRAY_LEN(metrics_net)];
}

bool
metrics_have(const char *name)
{
    for (unsigned i = 0; i < metrics_count(); i++)
        if (strcmp(metrics_row(i)->name, name) == 0)
            return true;
    return false;
}

static uint64_t *
metrics_add(const struct metric_row *rows, size_t count, const void *from, uint64_t *ret)
{
    for (size_t i = 0; i < count; i++)
        *ret++ = metric_get((const metric *)(const void *)((const char *)from + rows[i].offset));
    return ret;
}

void
metrics_take(struct poller *p, uint64_t *ret)
{
    ret = metrics_add(metrics_ev, ARRAY_LEN(metrics_ev), &p->metrics, ret);
    ret = metrics_add(metrics_net, ARRAY_LEN(metrics_net), &net_of(p)->metrics, ret);
    for (size_t i = 0; i < ARRAY_LEN(metrics_read); i++)
        *ret++ = metrics_read[i].read(p);
}
