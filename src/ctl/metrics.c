#include "ctl/metrics.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/conn/service.h"

/* A series: its metric, the value of its one label, and where its value is. Rows of one metric
 * stand together. */
struct metrics_row {
    struct catalog_family about;
    const char *value;                  /* of its label; NULL: it has none */
    size_t offset;                      /* in struct metrics_block */
    uint64_t (*read)(struct poller *p); /* or: on its thread */
};

/* ---- Events, counted as they happen ---------------------------------------------------------- */

#define FAMILY(name_, help_, type_, unit_)                                                         \
    .about = {.name = "goevd_" name_, .help = (help_), .type = (type_), .unit = (unit_)}
#define LABELED(name_, label_, help_, type_)                                                       \
    .about = {.name = "goevd_" name_,                                                              \
              .help = (help_),                                                                     \
              .type = (type_),                                                                     \
              .label_count = 1,                                                                    \
              .labels = {label_}}

#define COUNTER GOEVD_METRIC_COUNTER
#define GAUGE GOEVD_METRIC_GAUGE

#define IN_POLLER(field) .offset = offsetof(struct metrics_block, poller.field)
#define IN_NET(field) .offset = offsetof(struct metrics_block, net.field)

#define REFUSED(why, value_)                                                                       \
    {                                                                                              \
        LABELED("connections_refused_total", "reason",                                             \
                "Connections that were not served. With reason fds, pauses of accepting.",         \
                COUNTER),                                                                          \
            .value = (value_), IN_NET(refused[NET_REFUSED_##why])                                  \
    }
#define PROXY(outcome, value_)                                                                     \
    {                                                                                              \
        LABELED("proxy_headers_total", "result",                                                   \
                "PROXY protocol headers that proxies had to send.", COUNTER),                      \
            .value = (value_), IN_NET(proxy[NET_PROXY_##outcome])                                  \
    }
#define TLS(outcome, value_)                                                                       \
    {                                                                                              \
        LABELED("tls_handshakes_total", "result", "TLS handshakes of listeners, by their result.", \
                COUNTER),                                                                          \
            .value = (value_), IN_NET(tls[NET_TLS_##outcome])                                      \
    }
#define CLOSED(why, value_)                                                                        \
    {                                                                                              \
        LABELED("connections_closed_total", "reason", "Connections that ended.", COUNTER),         \
            .value = (value_), IN_NET(closed[GOEVD_REASON_##why])                                  \
    }
#define CONNECT_FAILED(why, value_)                                                                \
    {                                                                                              \
        LABELED("connects_failed_total", "reason", "Outgoing connections that failed.", COUNTER),  \
            .value = (value_), IN_NET(connect_failed[NET_CONNECT_##why])                           \
    }
#define SENDS(field, value_)                                                                       \
    {                                                                                              \
        LABELED("sends_total", "result", "Sends from other threads.", COUNTER), .value = (value_), \
                                                                                IN_NET(field)      \
    }
#define WORK(kind, value_)                                                                         \
    {LABELED("work_jobs_pending", "kind", "Jobs of the work pool that wait or run.", GAUGE),       \
     .value = (value_), IN_POLLER(work_pending[WORK_##kind])},                                     \
    {                                                                                              \
        LABELED("work_jobs_refused_total", "kind", "Jobs that found their queue full.", COUNTER),  \
            .value = (value_), IN_POLLER(work_refused[WORK_##kind])                                \
    }
#define BYTES(field, name_, help_)                                                                 \
    {                                                                                              \
        FAMILY(name_ "_bytes_total", help_, COUNTER, GOEVD_METRIC_BYTES), IN_NET(field)            \
    }
#define EV(field, name_, help_)                                                                    \
    {                                                                                              \
        FAMILY(name_, help_, COUNTER, GOEVD_METRIC_NUMBER), IN_POLLER(field)                       \
    }
#define NET(field, name_, help_)                                                                   \
    {                                                                                              \
        FAMILY(name_, help_, COUNTER, GOEVD_METRIC_NUMBER), IN_NET(field)                          \
    }

static const struct metrics_row metrics_counted[] = {
    EV(accepted, "connections_accepted_total", "Connections that were accepted."),
    NET(handed_over, "connections_handed_over_total",
        "Connections that were given to another poller than the one that accepted them."),
    REFUSED(LIMIT, "limit"),
    REFUSED(CLIENT, "client"),
    REFUSED(FDS, "fds"),
    REFUSED(MEMORY, "memory"),
    REFUSED(ERROR, "error"),
    REFUSED(NETWORK, "network"),
    REFUSED(HANDLER, "handler"),
    PROXY(READ, "read"),
    PROXY(MALFORMED, "malformed"),
    PROXY(TIMEOUT, "timeout"),
    PROXY(CLOSED, "closed"),
    TLS(FULL, "full"),
    TLS(RESUMED, "resumed"),
    TLS(VERSION, "version"),
    TLS(CIPHER, "cipher"),
    TLS(ALPN, "alpn"),
    TLS(NAME, "name"),
    TLS(CERTIFICATE, "certificate"),
    TLS(CLIENT, "client"),
    TLS(PROTOCOL, "protocol"),
    TLS(CLEAR, "clear"),
    TLS(TIMEOUT, "timeout"),
    TLS(CLOSED, "closed"),
    NET(tls[NET_TLS_CUT], "tls_truncated_total",
        "TLS connections whose input ended without close_notify."),
    NET(opened, "connections_opened_total", "Connections that were given to their handlers."),
    CLOSED(HANDLER, "handler"),
    CLOSED(EOF, "eof"),
    CLOSED(RESET, "reset"),
    CLOSED(ERROR, "error"),
    CLOSED(IDLE, "idle"),
    CLOSED(FULL, "full"),
    CLOSED(STOP, "stop"),
    CLOSED(UPGRADED, "upgraded"),
    CLOSED(RELEASED, "released"),
    CLOSED(FRAME, "frame"),
    CLOSED(SLOW, "slow"),
    NET(connects, "connects_started_total", "Outgoing connections that were begun."),
    NET(connected, "connects_succeeded_total", "Outgoing connections that were made."),
    CONNECT_FAILED(REFUSED, "refused"),
    CONNECT_FAILED(TIMEOUT, "timeout"),
    CONNECT_FAILED(UNRESOLVED, "unresolved"),
    CONNECT_FAILED(CANCELED, "canceled"),
    CONNECT_FAILED(ERROR, "error"),
    BYTES(bytes_in, "received", "Bytes read from connections."),
    BYTES(bytes_out, "sent", "Bytes written to connections."),
    SENDS(sends_done, "written"),
    SENDS(sends_dropped, "dropped"),
    NET(disk_reads, "disk_reads_total", "Reads of files that were not in memory."),
    BYTES(disk_bytes, "disk_read", "Bytes read from files that were not in memory."),
    NET(disk_refused, "disk_reads_deferred_total",
        "Reads that waited because the work pool had no room."),
    WORK(JOBS, "jobs"),
    WORK(COMPUTE, "compute"),
    WORK(FILES, "files"),
    WORK(NAMES, "names"),
    WORK(LOGS, "logs"),
    EV(rounds, "poller_wakeups_total", "Returns of epoll_wait(2)."),
    EV(events, "poller_events_total", "Events that epoll_wait(2) returned."),
    EV(timers, "timers_fired_total", "Timers that came due."),
    EV(messages, "mailbox_messages_total", "Messages from other threads that were handled."),
};
static_assert(ARRAY_LEN(metrics_counted) ==
                  (sizeof(struct poller_metrics) + sizeof(struct net_metrics)) / sizeof(metric),
              "each metric of a poller has its row");

/* ---- Gauges that a poller reads on request --------------------------------------------------- */

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

/* The first poller counts for the process. */
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
    return clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

static uint64_t
metrics_one(struct poller *p)
{
    return p->index == 0;
}

#define READ(read_, ...)                                                                           \
    {                                                                                              \
        FAMILY(__VA_ARGS__), .read = (read_)                                                       \
    }
#define AREA(read_, value_)                                                                        \
    {                                                                                              \
        .about = {.name = "goevd_memory_bytes",                                                    \
                  .help = "Memory of connections, buffers, slots and timers.",                     \
                  .type = GAUGE,                                                                   \
                  .unit = GOEVD_METRIC_BYTES,                                                      \
                  .label_count = 1,                                                                \
                  .labels = {"area"}},                                                             \
        .value = (value_), .read = (read_)                                                         \
    }
#define TAKEN(read_, value_)                                                                       \
    {                                                                                              \
        LABELED("buffers_taken_total", "source", "Blocks of memory that pollers requested.",       \
                COUNTER),                                                                          \
            .value = (value_), .read = (read_)                                                     \
    }

static const struct metrics_row metrics_collected[] = {
    READ(metrics_open, "connections_open", "Connections that are open.", GAUGE, 0),
    READ(metrics_queued, "output_queued_bytes", "Output that sockets have not taken yet.", GAUGE,
         GOEVD_METRIC_BYTES),
    READ(metrics_waiting, "mailbox_depth", "Sends that wait for a poller.", GAUGE, 0),
    READ(metrics_armed, "timers_armed", "Timers that are armed.", GAUGE, 0),
    READ(metrics_live, "descriptors_watched", "File descriptors that pollers watch.", GAUGE, 0),
    READ(metrics_kept, "buffers_kept_bytes", "Memory that pollers keep for reuse.", GAUGE,
         GOEVD_METRIC_BYTES),
    AREA(metrics_memory_conns, "connections"),
    AREA(metrics_memory_rooms, "buffers"),
    AREA(metrics_memory_slots, "slots"),
    AREA(metrics_memory_timers, "timers"),
    TAKEN(metrics_reused, "cache"),
    TAKEN(metrics_allocated, "malloc"),
    READ(metrics_cpu_time, "poller_cpu_seconds_total", "CPU time of pollers.", COUNTER,
         GOEVD_METRIC_NANOSECONDS),
    READ(metrics_log_dropped, "log_lines_dropped_total", "Lines of the log that were lost.",
         COUNTER, 0),
    READ(metrics_log_held, "log_lines_suppressed_total",
         "Lines of the log that were left out because too many were alike.", COUNTER, 0),
};
static_assert(ARRAY_LEN(metrics_collected) < METRICS_COLLECTED_MAX, "each has its number");

/* ---- All of them ----------------------------------------------------------------------------- */

/* The version that serves, in a label: the value of this gauge is always 1. */
static int
metrics_add_build(struct metrics *m)
{
    static const char *const version = GOEVD_RELEASE;
    static const struct catalog_family about = {
        .name = "goevd_build_info",
        .help = "Workers, by their version.",
        .type = GAUGE,
        .label_count = 1,
        .labels = {"version"},
    };

    return registry_add(m->registry, &about, &version, m);
}

int
metrics_init(struct metrics *m, struct registry *r, unsigned pollers)
{
    int result = 0;

    *m = (struct metrics){.registry = r, .count = pollers};
    m->blocks = counts_alloc(&r->counts, pollers * sizeof(*m->blocks));
    if (!m->blocks)
        return -ENOSPC;
    for (size_t i = 0; result >= 0 && i < ARRAY_LEN(metrics_counted); i++) {
        const struct metrics_row *row = &metrics_counted[i];

        result = registry_add_at(r, &row->about, &row->value, (char *)m->blocks + row->offset,
                                 sizeof(*m->blocks), pollers);
    }
    for (size_t i = 0; result >= 0 && i < ARRAY_LEN(metrics_collected); i++)
        result = m->collected[i] =
            registry_add(r, &metrics_collected[i].about, &metrics_collected[i].value, m);
    if (result >= 0)
        result = m->collected[ARRAY_LEN(metrics_collected)] = metrics_add_build(m);
    return MIN(result, 0);
}

void
metrics_attach(struct metrics *m, struct poller *p)
{
    assert(p->index < m->count && p == poller_current);
    p->metrics = &m->blocks[p->index].poller;
    net_of(p)->metrics = &m->blocks[p->index].net;
}

void
metrics_collect(const struct metrics *m, struct poller *p)
{
    for (size_t i = 0; i < ARRAY_LEN(metrics_collected); i++)
        metric_set(registry_cell(m->registry, p->index, m->collected[i]),
                   metrics_collected[i].read(p));
    metric_set(registry_cell(m->registry, p->index, m->collected[ARRAY_LEN(metrics_collected)]),
               metrics_one(p));
}
