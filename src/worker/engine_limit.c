/* Limits, as the configuration has them, and others while connections are open. */
#include <string.h>

#include <goevd/framing.h>

#include "net/conn/conn.h"
#include "worker/engine.h"

void
engine_limits(const struct config_limits *c, struct conn_limits *ret)
{
    *ret = (struct conn_limits){
        .idle_timeout_ns = (uint64_t)c->idle_timeout_ns,
        .close_timeout_ns = (uint64_t)c->close_timeout_ns,
        .linger_timeout_ns = (uint64_t)c->linger_timeout_ns,
        .linger_max_ns = (uint64_t)c->linger_max_ns,
        .tail_max = (size_t)c->tail_max_bytes,
        .frame_max = (size_t)(c->frame_max_bytes ? c->frame_max_bytes
                                                 : c->tail_max_bytes - GOEVD_DELIMITER_MAX),
        .output_low = (size_t)c->output_low_bytes,
        .output_high = (size_t)c->output_high_bytes,
        .output_max = (size_t)c->output_max_bytes,
        .output_rate = (uint64_t)c->output_rate,
        .output_timeout_ns = (uint64_t)c->output_timeout_ns,
    };
}

void
engine_listener_limits(const struct config_listener *c, struct listener_limits *ret)
{
    *ret = (struct listener_limits){
        .connections_max = (unsigned)c->connections_max,
        .over_limit = c->over_limit == CONFIG_OVER_LIMIT_WAIT ? LISTENER_WAIT : LISTENER_CLOSE,
        .imbalance_percent = (unsigned)c->imbalance_percent,
    };
    engine_limits(&c->limits, &ret->conn);
}

/* ---- Others ---------------------------------------------------------------------------------- */

static void
engine_limit_outgoing_on(struct poller *p, void *arg)
{
    const struct conn_limits *limits = arg;
    struct net *net = net_of(p);

    for (struct service *s = net->services; s; s = s->sibling)
        if (s->limits == net->outgoing)
            service_limit(s, limits);
    net->outgoing = limits;
}

static void
engine_limit_outgoing_conn(struct conn *c, void *arg)
{
    if (c->service->limits == arg)
        conn_limits_changed(c);
}

static void
engine_limit_outgoing(struct engine *e, const struct config_limits *c)
{
    struct conn_limits *limits = &e->outgoing[!e->outgoing_at];

    engine_limits(c, limits);
    e->outgoing_at = !e->outgoing_at;
    for (size_t i = 0; i < e->reactor_count; i++)
        reactor_call(e->reactors[i], engine_limit_outgoing_on, limits);
    for (size_t i = 0; i < e->reactor_count; i++)
        net_walk_all(e->reactors[i], engine_limit_outgoing_conn, limits);
}

static bool
engine_limits_differ(const struct config_limits *a, const struct config_limits *b)
{
    return memcmp(a, b, sizeof(*a)) != 0;
}

static bool
engine_listener_differs(const struct config_listener *a, const struct config_listener *b)
{
    return a->connections_max != b->connections_max || a->over_limit != b->over_limit ||
           a->imbalance_percent != b->imbalance_percent ||
           engine_limits_differ(&a->limits, &b->limits);
}

void
engine_limit(struct engine *e, const struct config *old, const struct config *config)
{
    struct listener_limits limits;

    for (size_t i = 0; i < e->listener_count; i++) {
        if (!engine_listener_differs(&old->listeners[i], &config->listeners[i]))
            continue;
        engine_listener_limits(&config->listeners[i], &limits);
        listener_limit(e->listeners[i], &limits);
    }
    if (engine_limits_differ(&old->connectors->limits, &config->connectors->limits))
        engine_limit_outgoing(e, &config->connectors->limits);
}
