/* Connections that plugins open, and the reactors that serve them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "net/connector.h"
#include "plug/host.h"
#include "plug/outgoing.h"

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
    struct instance *instance;
    const struct goevd_stream *original;
    struct goevd_stream stream; /* the host's copy */
    struct reactor *reactor;    /* NULL: the poller that asks */
    struct connector_option options[OPTIONS_MAX];
    int fd;
    size_t state_len;
    char *state;
    char data[]; /* state, as large as the stream's, and the values of the options */
};

/* Whatever is left in a mailbox when the instance has been destroyed concerns nobody. */
static void
attempt_fail(struct attempt *a, struct poller *p, int error)
{
    struct instance *i = a->instance;

    if (i->created && a->stream.on_connect_fail)
        a->stream.on_connect_fail(i->data, (struct goevd_poller *)p, a->state, error);
    free(a);
}

static void
attempt_open(struct attempt *a, struct poller *p)
{
    struct conn_seed seed = {.state = a->state, .state_len = a->state_len};
    struct outgoing *o;
    int r = p->net ? outgoing_find(a->instance, p, a->original, &transport_plain, &o) : -ECANCELED;

    if (r < 0)
        fd_close(a->fd);
    else
        r = outgoing_open(o, p, a->fd, &a->connector.peer, &seed);
    if (r < 0)
        attempt_fail(a, p, r);
    else
        free(a);
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

/* The option's values follow each other, each where any type may lie. */
static size_t
attempt_value_bytes(socklen_t len)
{
    return (len + 15) & ~(size_t)15;
}

static void
attempt_copy_options(struct attempt *a, const struct goevd_connect_request *request, char *to)
{
    for (size_t i = 0; i < request->option_count; i++) {
        const struct goevd_sockopt *o = &request->options[i];

        memcpy(to, o->value, o->len);
        a->options[i] = (struct connector_option){o->level, o->name, to, o->len};
        to += attempt_value_bytes(o->len);
    }
    a->connector.options = a->options;
    a->connector.option_count = (unsigned)request->option_count;
}

static struct attempt *
attempt_new(const struct goevd_connect_request *request, const struct goevd_stream *stream)
{
    size_t state = attempt_value_bytes((socklen_t)stream->conn_size), values = 0;
    struct attempt *a;

    for (size_t i = 0; i < request->option_count; i++)
        values += attempt_value_bytes(request->options[i].len);
    a = calloc(1, sizeof(*a) + 16 + state + values);
    if (!a)
        return NULL;
    a->stream = *stream;
    a->original = request->stream;
    a->state = (char *)(((uintptr_t)a->data + 15) & ~(uintptr_t)15);
    a->state_len = request->state_len;
    if (a->state_len > 0)
        memcpy(a->state, request->state, a->state_len);
    attempt_copy_options(a, request, a->state + state);
    return a;
}

static int
attempt_set_from(struct attempt *a, const char *from)
{
    return from ? address_parse_source(from, &a->connector.from) : 0;
}

static int
attempt_check(const struct instance *i, const struct goevd_connect_request *request,
              struct goevd_stream *ret_stream)
{
    if (!request->to || request->reactor < 0 || request->option_count > OPTIONS_MAX ||
        (size_t)request->reactor > i->plugins->config->reactor_count)
        return -EINVAL;
    if (outgoing_stream(i, request->stream, ret_stream) < 0)
        return -EINVAL;
    return request->state_len <= ret_stream->conn_size ? 0 : -EINVAL;
}

int
host_connect(struct goevd_self *self, struct goevd_poller *poller,
             const struct goevd_connect_request *public, uint64_t *ret_id)
{
    struct instance *i = host_self(self);
    const struct outgoing_config *outgoing = &i->plugins->outgoing;
    struct goevd_connect_request request = {0};
    struct goevd_stream stream;
    struct attempt *a;
    int r;

    memcpy(&request, public, MIN(sizeof(request), (size_t) public->version.size));
    r = attempt_check(i, &request, &stream);
    if (r < 0)
        return r;
    a = attempt_new(&request, &stream);
    if (!a)
        return -ENOMEM;
    a->instance = i;
    a->reactor = request.reactor ? outgoing->reactors[request.reactor - 1] : NULL;
    a->connector.config = &outgoing->connector;
    a->connector.timeout_ns = request.timeout_ns;
    a->connector.fn = attempt_connected;
    r = attempt_set_from(a, request.from);
    if (r == 0)
        r = connector_start(&a->connector, host_poller(poller), request.to, NULL);
    if (r < 0)
        free(a);
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
