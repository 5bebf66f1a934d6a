/* Chooses the reactor of a connection by its client's address, and reports where it has been.
 *
 *   127.0.0.1     the listener's own
 *   127.0.0.N     item N - 2 of the option `reactors`; "refuse" and "wrong" are no reactors
 *   unix          the first of them
 *
 * A client gets a line: the poller that serves it, and those that have accepted for this instance
 * so far, as bits. Other lines are echoed. */
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/connect.h>
#include <goevd/metrics.h>
#include <goevd/poller.h>

#include "plain.h"

#define NO_REACTOR 1000

struct options {
    struct goevd_list reactors; /* of struct goevd_str */
};

struct instance {
    struct goevd_self *self;
    const struct options *options;
    int *numbers;
    int accepted_metric;
    atomic_uint accepted_on;
};

static const struct goevd_metric accepted = {.name = "goevd_choosing_accepted_total",
                                             .help = "Connections asked about.",
                                             .type = GOEVD_METRIC_COUNTER};

static int
choosing_accept(void *instance, struct goevd_poller *poller, const struct sockaddr *peer,
                socklen_t len)
{
    struct instance *i = instance;
    const struct sockaddr_in *in = (const void *)peer;
    unsigned last =
        peer->sa_family == AF_INET && len == sizeof(*in) ? ntohl(in->sin_addr.s_addr) & 0xff : 2;

    atomic_fetch_or(&i->accepted_on, 1u << goevd_poller_index(poller));
    goevd_metric_add(i->self, poller, i->accepted_metric, 1);
    if (goevd_poller_local(i->self, poller) != i)
        return -EPROTO;
    return last >= 2 && last - 2 < i->options->reactors.count ? i->numbers[last - 2] : 0;
}

static int
choosing_open(struct goevd_conn *c, void *state)
{
    struct instance *i = goevd_conn_instance(c);
    char line[64];
    int len = snprintf(line, sizeof(line), "%u %u\n", goevd_poller_index(goevd_conn_poller(c)),
                       atomic_load(&i->accepted_on));

    (void)state;
    if (goevd_conn_local(c) != i)
        return -EPROTO;
    return goevd_conn_write(c, line, (size_t)len);
}

static const struct goevd_stream choosing_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_open = choosing_open,
    .on_read = plain_read,
    .on_accept = choosing_accept,
};

static int
choosing_number(struct goevd_self *self, struct goevd_str name)
{
    if (strcmp(name.data, "refuse") == 0)
        return -EPERM;
    if (strcmp(name.data, "wrong") == 0)
        return NO_REACTOR;
    return goevd_reactor_find(self, name.data);
}

static int
choosing_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct instance *i = calloc(1, sizeof(*i));
    const struct goevd_str *names;

    if (!i)
        return -ENOMEM;
    i->self = self;
    i->options = options;
    i->numbers = calloc(i->options->reactors.count + 1, sizeof(*i->numbers));
    names = i->options->reactors.items;
    for (size_t n = 0; i->numbers && n < i->options->reactors.count; n++)
        i->numbers[n] = choosing_number(self, names[n]);
    i->accepted_metric = goevd_metric_new(self, &accepted, NULL);
    *ret_instance = i;
    return i->numbers && i->accepted_metric > 0 ? 0 : -ENOMEM;
}

static void
choosing_destroy(void *instance)
{
    struct instance *i = instance;

    free(i->numbers);
    free(i);
}

static int
choosing_poller_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    (void)poller;
    *ret_local = instance;
    return 0;
}

static const struct goevd_option name_options[] = {
    {.type = GOEVD_OPTION_STRING, .help = "a reactor"},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema name_schema = GOEVD_SCHEMA(struct goevd_str, name_options);

static const struct goevd_option choosing_options[] = {
    {.name = "reactors",
     .type = GOEVD_OPTION_LIST,
     .offset = offsetof(struct options, reactors),
     .item = &name_schema,
     .help = "reactors to choose from"},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema choosing_schema = GOEVD_SCHEMA(struct options, choosing_options);

static const void *
choosing_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &choosing_stream : NULL;
}

GOEVD_PLUGIN(.name = "choosing", .description = "chooses the reactor of each connection",
             .options = &choosing_schema, .create = choosing_create, .destroy = choosing_destroy,
             .poller_start = choosing_poller_start, .interface = choosing_interface);
