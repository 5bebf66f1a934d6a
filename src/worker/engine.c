#include "worker/engine.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "net/tls/tls.h"
#include "plug/host/host.h"
#include "plug/strict/strict.h"
#include "worker/announce.h"

/* ---- Reactors -------------------------------------------------------------------------------- */

static int
engine_new_reactor(struct engine *e, const struct config_reactor *c, struct err *reterr)
{
    struct reactor_config config = {
        .name = c->name.data,
        .pollers = c->pollers,
        .cpus = c->cpus_mode == CONFIG_CPUS_LIST   ? REACTOR_CPUS_LIST
                : c->cpus_mode == CONFIG_CPUS_NONE ? REACTOR_CPUS_NONE
                                                   : REACTOR_CPUS_AUTO,
        .cpu_list = c->cpus,
        .cpu_count = (unsigned)c->cpu_count,
        .stack_bytes = (size_t)c->stack_bytes,
        .poller =
            {
                .read_buffer_bytes = (size_t)c->read_buffer_bytes,
                .write_buffer_bytes = (size_t)c->write_buffer_bytes,
                .buffers_kept_max = (size_t)c->buffer_cache_bytes,
                .events_max = (unsigned)c->events_max,
                .accepts_max = (unsigned)c->accepts_max,
                .messages_max = (unsigned)c->messages_max,
                .mailbox_max = (unsigned)c->mailbox_max,
            },
    };
    int r = reactor_new(&config, &e->reactors[e->reactor_count], reterr);

    e->reactor_count += r == 0;
    return r;
}

static int
engine_new_work_pool(struct engine *e, const struct config_work_pool *c, struct err *reterr)
{
    struct work_pool_config config = {
        .threads = {[WORK_JOBS] = (unsigned)c->threads,
                    [WORK_COMPUTE] = (unsigned)c->compute_threads,
                    [WORK_FILES] = (unsigned)c->file_threads,
                    [WORK_NAMES] = (unsigned)c->name_threads,
                    [WORK_LOGS] = (unsigned)c->log_threads},
        .queue_max = (unsigned)c->queue_max,
        .stack_bytes = (size_t)c->stack_bytes,
    };
    int r;

    if (e->setup->plugins.checking)
        memset(config.threads, 0, sizeof(config.threads));
    r = work_pool_new(&config, &e->work, reterr);

    e->setup->plugins.work = e->work;
    return r;
}

static int
engine_new_names(struct engine *e, const struct config_connectors *c)
{
    struct names_config config = {e->work, (uint64_t)c->name_keep_ns, (uint64_t)c->name_stale_ns};

    e->names = names_new(&config);
    return e->names ? 0 : -ENOMEM;
}

static void
engine_init_outgoing(struct engine *e, const struct config_connectors *c)
{
    struct outgoing_config *outgoing = &e->setup->plugins.outgoing;

    outgoing->reactors = e->reactors;
    outgoing->connector = (struct connector_config){
        .names = e->names,
        .timeout_ns = (uint64_t)c->timeout_ns,
        .receive_buffer_bytes = (int)c->socket.receive_buffer_bytes,
        .send_buffer_bytes = (int)c->socket.send_buffer_bytes,
        .keepalive_s = setup_seconds(c->socket.keepalive_ns),
        .nodelay = c->socket.nodelay,
    };
    engine_limits(&c->limits, &e->outgoing[e->outgoing_at]);
    e->tail_max = e->outgoing[e->outgoing_at].tail_max;
}

int
engine_raise_files(const struct config *config, struct err *reterr)
{
    int64_t wanted = config->open_files_max;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    limit.rlim_cur = wanted ? (rlim_t)wanted : limit.rlim_max;
    limit.rlim_max = MAX(limit.rlim_max, limit.rlim_cur);
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return err_set_errno(reterr, -errno, "open_files_max: cannot raise the limit to %lld",
                             (long long)wanted);
    return 0;
}

/* Compute the size of a poller's read buffer. */
static void
engine_read_room(struct engine *e)
{
    const struct config *config = e->setup->config;

    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *c = &config->listeners[i];
        size_t header = c->proxy ? (size_t)c->proxy->header_max_bytes : 0;

        e->tail_max = MAX(e->tail_max, MAX((size_t)c->limits.tail_max_bytes, header));
    }
}

unsigned
engine_pollers(const struct engine *e)
{
    unsigned pollers = 0;

    for (size_t i = 0; i < e->reactor_count; i++)
        pollers += e->reactors[i]->count;
    return pollers;
}

static void
engine_collect_for(void *engine)
{
    engine_collect(engine);
}

int
engine_init(struct engine *e, struct setup *setup, struct err *reterr)
{
    const struct config *config = setup->config;
    int r = 0;

    *e = (struct engine){.setup = setup, .drained_fd = -1, .since = time(NULL)};
    reader_init(&e->reader, &setup->plugins.registry);
    setup->plugins.reader = &e->reader;
    setup->plugins.collect = engine_collect_for;
    setup->plugins.collect_arg = e;
    e->drained_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (e->drained_fd < 0)
        return err_set_errno(reterr, -errno, "cannot make an eventfd");
    e->reactors = calloc(config->reactor_count, sizeof(*e->reactors));
    e->listeners = calloc(config->listener_count, sizeof(*e->listeners));
    if (!e->reactors || !e->listeners)
        return err_set(reterr, -ENOMEM, "no memory to start the worker");
    if (engine_new_work_pool(e, config->work_pool, reterr) < 0)
        return reterr->code;
    if (engine_new_names(e, config->connectors) < 0)
        return err_set(reterr, -ENOMEM, "no memory to start the worker");
    engine_init_outgoing(e, config->connectors);
    for (size_t i = 0; r == 0 && i < config->reactor_count; i++)
        r = engine_new_reactor(e, &config->reactors[i], reterr);
    engine_read_room(e);
    return r;
}

void
engine_fini(struct engine *e)
{
    /* A hand-over that is still in a mailbox points at its listener. */
    for (size_t i = 0; i < e->reactor_count; i++)
        reactor_free(e->reactors[i]);
    for (size_t i = 0; i < e->listener_count; i++)
        listener_free(e->listeners[i]);
    names_free(e->names);
    work_pool_free(e->work);
    if (e->reader.own)
        reader_fini(&e->reader);
    free(e->listeners);
    free(e->reactors);
    e->drained_fd = fd_close(e->drained_fd);
}

/* ---- Listeners ------------------------------------------------------------------------------- */

static void
engine_on_pause(struct listener *l, int error, void *arg)
{
    struct log_about about = {.listener = l->config.name};

    (void)arg;
    if (error)
        log_about(&about, LOG_WARNING,
                  "cannot accept connections: %s; they wait in the kernel's queue%s",
                  err_words(error), error == EMFILE ? " (open_files_max is the limit)" : "");
    else
        log_about(&about, LOG_NOTICE, "accepts connections again");
}

static struct proto_listen
engine_listen(const struct engine *e, size_t i)
{
    const struct setup_listener *l = &e->setup->listeners[i];
    struct proto_listen listen = {.address = l->address, .options = l->options};

    if (l->systemd)
        snprintf(listen.systemd, sizeof(listen.systemd), "%s", l->systemd);
    return listen;
}

/* How many listeners before this one ask for the same. */
static unsigned
engine_count_before(const struct engine *e, size_t i)
{
    struct proto_listen listen = engine_listen(e, i);
    unsigned n = 0;

    for (size_t before = 0; before < i; before++) {
        struct proto_listen other = engine_listen(e, before);

        n += proto_is_same(&other, &listen);
    }
    return n;
}

static const char *
engine_remedy(int error, bool tcp)
{
    switch (error) {
    case -EADDRINUSE:
        return "; find who listens there with 'ss -lptn', or choose another address";
    case -EADDRNOTAVAIL:
        return "; 'ip address' lists those of this machine";
    case -EEXIST:
        return "; remove it, or choose another address";
    case -ENOENT:
        return tcp ? "" : "; make its folder, or choose another address";
    case -EACCES:
        return tcp ? "; ports below 1024 are for root and for processes with CAP_NET_BIND_SERVICE"
                   : "; let goevd write in its folder, or choose another address";
    default:
        return "";
    }
}

static int
engine_open_sockets(struct engine *e, size_t i, const struct listener_config *config,
                    struct address *ret_bound, int *ret_fds, unsigned *ret_count,
                    struct err *reterr)
{
    const struct config_listener *c = &e->setup->config->listeners[i];
    struct setup_listener *l = &e->setup->listeners[i];
    struct proto_listen listen = engine_listen(e, i);
    struct err err = {0};
    int r;

    listen.count = config->mode == LISTENER_ACCEPTOR ? 1 : config->serve->count;
    listen.nth = engine_count_before(e, i);
    listen.steer_count = listener_steer_cpus(config, listen.steer_cpus);
    r = parent_get(e->parent, &listen, ret_bound, ret_fds, ret_count, &err);
    if (r == -ECANCELED)
        return r;
    if (r < 0)
        err_set(reterr, r, "listener %s: %s%s", c->name.data, err.text,
                engine_remedy(r, address_is_tcp(&l->address)));
    return r;
}

/* The protocols of ALPN: those of the configuration, else those of the handler. */
static void
engine_alpn(const struct config_listener *c, const struct instance *handler, struct tls_server *tls)
{
    const struct goevd_stream *stream = handler->module->stream;
    const struct goevd_str *given = c->tls->alpn.items;
    const char *names = stream->alpn ? stream->alpn(handler->data) : NULL;
    char joined[TLS_PROTOCOLS_MAX + 1] = "";
    size_t len = 0;

    for (size_t i = 0; i < c->tls->alpn.count && len < sizeof(joined); i++)
        len += (size_t)snprintf(joined + len, sizeof(joined) - len, "%s%s", i > 0 ? "," : "",
                                given[i].data);
    if (c->tls->alpn.count > 0)
        names = joined;
    if (names && tls_server_set_alpn(tls, names) < 0)
        log_warning("listener %s: the protocols of ALPN are malformed: %s", c->name.data, names);
}

static int
engine_new_listener(struct engine *e, size_t i, struct err *reterr)
{
    const struct config_listener *c = &e->setup->config->listeners[i];
    const struct instance *handler = instance_of(c->handler);
    const struct proxy_policy *proxy = proxy_log_policy(&e->setup->listeners[i].proxies);
    struct tls_server *tls = e->setup->listeners[i].tls;
    struct listener_config config = {
        .name = c->name.data,
        .mode = c->mode == CONFIG_MODE_ACCEPTOR ? LISTENER_ACCEPTOR : LISTENER_REUSEPORT,
        .serve = e->reactors[c->reactor],
        .accept = e->reactors[c->accept_reactor],
        .reactors = e->reactors,
        .reactor_count = (unsigned)e->reactor_count,
        .stream = handler->module->stream,
        .transport = tls ? &transport_tls : &transport_plain,
        .tls = tls,
        .proxy = proxy,
        .instance = handler->data,
        .owner = &handler->owner,
        .steer = c->steer,
        .client_max = (unsigned)c->connections_per_client_max,
        .on_pause = engine_on_pause,
    };
    struct address bound;
    int fds[PROTO_FDS_MAX], r;
    unsigned count;

    engine_listener_limits(c, &config.limits);
    if (tls)
        engine_alpn(c, handler, tls);
    r = engine_open_sockets(e, i, &config, &bound, fds, &count, reterr);
    if (r < 0)
        return r;
    r = listener_new(&config, &bound, fds, count, &e->listeners[i], reterr);
    if (r < 0)
        while (count > 0)
            fd_close(fds[--count]);
    e->listener_count += r == 0;
    return r;
}

/* ---- Starting -------------------------------------------------------------------------------- */

static int
engine_poller_start(struct poller *p, void *arg, struct err *reterr)
{
    struct engine *e = arg;
    int r = net_new(p, e->tail_max, reterr);

    if (r < 0)
        return r;
    metrics_attach(&e->setup->metrics, p);
    net_of(p)->outgoing = &e->outgoing[e->outgoing_at];
    net_of(p)->readers = e->work;
    net_of(p)->on_wrong_result = e->setup->plugins.strict ? rule_result : host_wrong_result;
    r = plugins_poller_start(&e->setup->plugins, p, reterr);
    if (r < 0)
        net_free(p);
    return r;
}

static void
engine_collect_on(struct poller *p, void *arg)
{
    struct engine *e = arg;

    if (!p->net)
        return;
    metrics_collect(&e->setup->metrics, p);
    host_pools_collect(&e->setup->plugins, p);
}

void
engine_collect(struct engine *e)
{
    for (size_t i = 0; i < e->reactor_count; i++)
        reactor_call(e->reactors[i], engine_collect_on, e);
}

static void
engine_poller_stop(struct poller *p, void *arg)
{
    struct engine *e = arg;

    engine_collect_on(p, e);
    connector_close_all(net_of(p));
    net_close_all(net_of(p)); /* again, for those that did not start */
    plugins_poller_stop(&e->setup->plugins, p);
    net_free(p);
}

struct engine_begin {
    struct engine *engine;
    size_t listener;
    _Atomic int result;
};

static void
engine_serve_on(struct poller *p, void *arg)
{
    struct engine_begin *begin = arg;
    struct engine *e = begin->engine;
    const struct config_listener *c = &e->setup->config->listeners[begin->listener];
    void *local = instance_of(c->handler)->locals[p->index];

    if (listener_serve(e->listeners[begin->listener], p, local) < 0)
        begin->result = -ENOMEM;
}

static void
engine_accept_on(struct poller *p, void *arg)
{
    struct engine_begin *begin = arg;
    struct err err = {0};

    if (listener_accept(begin->engine->listeners[begin->listener], p, &err) < 0)
        begin->result = err.code;
}

/* On every poller that may have to serve. */
static void
engine_serve(struct engine *e, const struct listener *l, struct engine_begin *begin)
{
    for (size_t i = 0; i < e->reactor_count; i++)
        if (listener_may_serve(l, e->reactors[i]))
            reactor_call(e->reactors[i], engine_serve_on, begin);
}

static int
engine_each_listener(struct engine *e, bool serve, struct err *reterr)
{
    for (size_t i = 0; i < e->listener_count; i++) {
        struct listener *l = e->listeners[i];
        struct engine_begin begin = {.engine = e, .listener = i};

        if (serve)
            engine_serve(e, l, &begin);
        else if (listener_listen(l, e->setup->listeners[i].options.backlog, reterr) < 0)
            return reterr->code;
        else
            reactor_call(l->config.accept, engine_accept_on, &begin);
        if (begin.result < 0)
            return err_set_errno(reterr, begin.result, "listener %s: cannot begin", l->config.name);
    }
    return 0;
}

int
engine_start(struct engine *e, struct parent *parent, struct err *reterr)
{
    int r = 0;

    e->parent = parent;
    host_pools_place(&e->setup->plugins);
    /* First, for a plugin may yet refuse, and then no socket has been opened. */
    for (size_t i = 0; r == 0 && i < e->reactor_count; i++)
        r = reactor_start(e->reactors[i], engine_poller_start, engine_poller_stop, e, reterr);
    for (size_t i = 0; r == 0 && i < e->setup->config->listener_count; i++)
        r = engine_new_listener(e, i, reterr);
    if (r == 0)
        r = parent_settle(parent, reterr);
    if (r == 0)
        r = engine_each_listener(e, true, reterr);
    return r;
}

int
engine_accept(struct engine *e, struct err *reterr)
{
    return engine_each_listener(e, false, reterr);
}

/* ---- Stopping -------------------------------------------------------------------------------- */

static void
engine_close_on(struct poller *p, void *arg)
{
    listener_close(arg, p);
}

/* Call it after the acceptors have left their epolls, because a copy that another process holds
 * goes on listening. */
static void
engine_close_sockets(struct listener *l)
{
    for (unsigned i = 0; i < l->fd_count; i++)
        l->fds[i] = fd_close(l->fds[i]);
}

static void
engine_poller_drained(void *arg)
{
    struct engine *e = arg;
    uint64_t one = 1;

    if (atomic_fetch_sub(&e->draining, 1) == 1 && write(e->drained_fd, &one, sizeof(one)) < 0)
        abort(); /* eventfd(2): a write of 1 cannot fail */
}

static void
engine_drain_on(struct poller *p, void *arg)
{
    net_stop(net_of(p), engine_poller_drained, arg);
}

void
engine_drain(struct engine *e)
{
    for (size_t i = 0; i < e->listener_count; i++) {
        reactor_call(e->listeners[i]->config.accept, engine_close_on, e->listeners[i]);
        engine_close_sockets(e->listeners[i]);
    }
    atomic_store(&e->draining, engine_pollers(e));
    for (size_t i = 0; i < e->reactor_count; i++)
        reactor_call(e->reactors[i], engine_drain_on, e);
}

static void
engine_count_on(struct poller *p, void *arg)
{
    _Atomic uint64_t *count = arg;

    if (p->net)
        atomic_fetch_add(count, net_of(p)->conns);
}

uint64_t
engine_count(struct engine *e)
{
    _Atomic uint64_t count = 0;

    for (size_t i = 0; i < e->reactor_count; i++)
        reactor_call(e->reactors[i], engine_count_on, &count);
    return count;
}

static void
engine_close_all_on(struct poller *p, void *arg)
{
    (void)arg;
    if (!p->net)
        return;
    connector_close_all(net_of(p));
    net_close_all(net_of(p));
}

void
engine_stop(struct engine *e)
{
    for (size_t i = 0; i < e->reactor_count; i++)
        net_close_reactor(e->reactors[i]);
    for (size_t i = 0; i < e->reactor_count; i++)
        reactor_call(e->reactors[i], engine_close_all_on, NULL);
    work_pool_stop(e->work);
    for (size_t i = 0; i < e->reactor_count; i++)
        reactor_stop(e->reactors[i]);
}

/* ---- The log lines of listeners -------------------------------------------------------------- */

static void
engine_log_reactor(const struct reactor *r)
{
    const char *first = r->count == 1 ? " on CPU " : " on CPUs ";
    char cpus[256] = "";
    size_t len = 0;

    for (unsigned i = 0; i < r->count && r->pollers[i]->cpu >= 0 && len < sizeof(cpus) - 8; i++)
        len += (size_t)snprintf(cpus + len, sizeof(cpus) - len, "%s%d", i ? ", " : first,
                                r->pollers[i]->cpu);
    log_notice("reactor %s: %u poller%s%s", r->name, r->count, r->count == 1 ? "" : "s",
               len ? cpus : ", not pinned");
}

void
engine_log(const struct engine *e)
{
    char text[ADDRESS_TEXT_MAX];

    for (size_t i = 0; i < e->reactor_count; i++)
        engine_log_reactor(e->reactors[i]);
    for (size_t i = 0; i < e->listener_count; i++) {
        const struct listener *l = e->listeners[i];
        const struct config_listener *c = &e->setup->config->listeners[i];
        struct log_about about = {.plugin = instance_of(c->handler)->module->entry.name,
                                  .listener = l->config.name,
                                  .named = true};

        log_about(&about, LOG_NOTICE, "listener %s: %s, plugin %s, %s, %u socket%s, reactor %s",
                  l->config.name,
                  address_format(&l->address.sa, l->address.len, text, sizeof(text)), about.plugin,
                  l->config.mode == LISTENER_ACCEPTOR ? "acceptor"
                  : l->shared                         ? "shared"
                                                      : "reuseport",
                  l->fd_count, l->fd_count == 1 ? "" : "s", l->config.serve->name);
    }
}

/* A listener that takes the PROXY protocol is for proxies: a browser cannot open it. */
void
engine_announce(const struct engine *e, int pid)
{
    struct announce_listener *all = calloc(e->listener_count + 1, sizeof(*all));
    char text[ANNOUNCE_TEXT_MAX];

    if (!all)
        return;
    for (size_t i = 0; i < e->listener_count; i++) {
        const struct config_listener *c = &e->setup->config->listeners[i];
        const char *plugin = instance_of(c->handler)->module->entry.name;

        all[i] = (struct announce_listener){
            .address = &e->listeners[i]->address,
            .plugin = plugin,
            .http =
                strcmp(plugin, "http") == 0 && !proxy_log_policy(&e->setup->listeners[i].proxies),
            .tls = c->tls != NULL,
        };
    }
    log_notice("%s", announce_text(all, e->listener_count, pid, text));
    free(all);
}
