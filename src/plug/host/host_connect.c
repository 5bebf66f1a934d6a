/* Connections that plugins open, and the reactors that serve them. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "net/connect/connector.h"
#include "plug/host/host_parts.h"
#include "plug/host/outgoing.h"

#define OPTIONS_MAX 16

int
host_address_check(const char *text, char *ret_reason, size_t size)
{
    struct address address;
    struct address_host host;
    struct err err = {0};

    if (address_parse_peer(text, &address, &host, &err) >= 0)
        return 0;
    if (size > 0)
        snprintf(ret_reason, size, "%s", err.text);
    return -EINVAL;
}

int
host_reactor_find(struct goevd_self *self, const char *name)
{
    const struct config *config = host_self(self)->plugins->config;

    for (size_t i = 0; i < config->reactor_count; i++)
        if (strcmp(config->reactors[i].name.data, name) == 0)
            return (int)i + 1;
    return -ENOENT;
}

/* ---- An attempt ------------------------------------------------------------------------------ */

struct attempt {
    struct connector connector;
    struct message message; /* to the poller that serves */
    struct outgoing outgoing;
    struct reactor *reactor; /* NULL: the poller that asks */
    struct connector_option options[OPTIONS_MAX];
    int fd;
    max_align_t values[]; /* of the options */
};

static void
attempt_free(struct attempt *a)
{
    outgoing_fini(&a->outgoing);
    free(a);
}

static void
attempt_fail(struct attempt *a, struct poller *p, int error)
{
    outgoing_fail(&a->outgoing, p, error);
    attempt_free(a);
}

static void
attempt_open(struct attempt *a, struct poller *p)
{
    int r = outgoing_open(&a->outgoing, p, a->fd, &a->connector.peer, NULL);

    if (r < 0)
        attempt_fail(a, p, r);
    else
        attempt_free(a);
}

static void
attempt_arrived(struct message *m, void *consumer)
{
    attempt_open(container_of(m, struct attempt, message), consumer);
}

static void
attempt_connected(struct connector *k, int fd)
{
    struct attempt *a = container_of(k, struct attempt, connector);
    struct poller *to = a->reactor ? reactor_least_loaded(a->reactor) : k->poller;

    a->fd = fd;
    a->outgoing.deadline_ns = k->deadline_ns;
    if (fd < 0) {
        attempt_fail(a, k->poller, fd);
    } else if (to == k->poller) {
        attempt_open(a, to);
    } else {
        a->message.fn = attempt_arrived;
        mailbox_post(&to->mailbox, &a->message);
    }
}

/* ---- A request ------------------------------------------------------------------------------- */

/* Values follow each other, each where any type may lie. */
static size_t
attempt_value_units(const struct goevd_sockopt *o)
{
    return (o->len + sizeof(max_align_t) - 1) / sizeof(max_align_t);
}

static void
attempt_copy_options(struct attempt *a, const struct goevd_connect_request *request)
{
    max_align_t *to = a->values;

    for (size_t i = 0; i < request->option_count; i++) {
        const struct goevd_sockopt *o = &request->options[i];

        memcpy(to, o->value, o->len);
        a->options[i] = (struct connector_option){o->level, o->name, to, o->len};
        to += attempt_value_units(o);
    }
    a->connector.options = a->options;
    a->connector.option_count = (unsigned)request->option_count;
}

static struct attempt *
attempt_new(const struct goevd_connect_request *request)
{
    struct attempt *a;
    size_t units = 0;

    for (size_t i = 0; i < request->option_count; i++)
        units += attempt_value_units(&request->options[i]);
    a = calloc(1, sizeof(*a) + units * sizeof(max_align_t));
    if (a)
        attempt_copy_options(a, request);
    return a;
}

static int
attempt_start(struct attempt *a, struct instance *i, struct poller *p,
              const struct goevd_connect_request *request)
{
    const struct outgoing_config *config = &i->plugins->outgoing;
    int r = outgoing_init(&a->outgoing, i, request->stream, request->state, request->state_len);

    if (r == 0 && request->from)
        r = address_parse_source(request->from, &a->connector.from);
    if (r < 0)
        return r;
    a->outgoing.tls = host_tls_get(request->tls);
    a->reactor = request->reactor ? config->reactors[request->reactor - 1] : NULL;
    a->connector.config = &config->connector;
    a->connector.timeout_ns = request->timeout_ns;
    a->connector.fn = attempt_connected;
    return connector_start(&a->connector, p, request->to, NULL);
}

int
host_connect(struct goevd_self *self, struct goevd_poller *poller,
             const struct goevd_connect_request *public, uint64_t *ret_id)
{
    struct instance *i = host_self(self);
    struct goevd_connect_request request = {0};
    struct attempt *a;
    int r;

    memcpy(&request, public, MIN(sizeof(request), (size_t) public->version.size));
    if (!request.to || request.reactor < 0 || request.option_count > OPTIONS_MAX ||
        (size_t)request.reactor > i->plugins->config->reactor_count)
        return -EINVAL;
    a = attempt_new(&request);
    if (!a)
        return -ENOMEM;
    r = attempt_start(a, i, host_poller(poller), &request);
    if (r < 0)
        attempt_free(a);
    else if (ret_id)
        *ret_id = a->connector.watch.id;
    return r;
}

void
host_connect_cancel(struct goevd_poller *poller, uint64_t id)
{
    struct connector *k = connector_find(host_poller(poller), id);

    if (k && k->fn == attempt_connected)
        connector_cancel(k, -ECANCELED);
}
