/* gate - sends bytes back to clients that are allowed and that begin with the right word.
 *
 * A stream handler that chooses its clients: by their addresses before a connection exists, and by
 * the first bytes that they send. It may give them to a reactor of their own.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/cidr.h>
#include <goevd/conn.h>
#include <goevd/connect.h>
#include <goevd/plugin.h>
#include <goevd/proxy.h>

#define ALLOW_MAX 64

struct options {
    struct goevd_list allow; /* struct goevd_str */
    struct goevd_str word;
    struct goevd_str reactor;
};

static const struct goevd_option text_rows[] = {
    {.type = GOEVD_OPTION_STRING, .min = 1, .max = 64},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema text_schema = GOEVD_SCHEMA(struct goevd_str, text_rows);

static const struct goevd_option rows[] = {
    {GOEVD_OPTION(struct options, allow, "allow", LIST), .flags = GOEVD_OPTION_REQUIRED, .min = 1,
     .max = ALLOW_MAX, .item = &text_schema, .help = "Sets of addresses that may connect."},
    {GOEVD_OPTION(struct options, word, "word", STRING), .def = "hello", .min = 1, .max = 64,
     .help = "First bytes that a client must send."},
    {GOEVD_OPTION(struct options, reactor, "reactor", STRING), .min = 1, .max = 64,
     .help = "Reactor that serves the clients. Default: that of the listener."},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema schema = GOEVD_SCHEMA(struct options, rows);

struct gate {
    const struct options *options;
    struct goevd_cidr allow[ALLOW_MAX];
    int reactor; /* 0: that of the listener */
};

struct client {
    bool known; /* the word has come */
};

/* The listener has accepted a socket. There is no connection yet, and no memory for one. */
static int
gate_accept(void *instance, struct goevd_poller *poller, const struct sockaddr *peer, socklen_t len)
{
    const struct gate *g = instance;

    (void)poller, (void)len;
    return goevd_cidr_any(g->allow, g->options->allow.count, peer) ? g->reactor : -EACCES;
}

static int
gate_open(struct goevd_conn *c, void *state)
{
    const struct gate *g = goevd_conn_instance(c);
    struct sockaddr_storage proxy;

    (void)state;
    if (goevd_conn_proxy_address(c, &proxy) == 0)
        return -ECONNRESET;
    goevd_conn_need(c, g->options->word.len);
    return 0;
}

static ptrdiff_t
gate_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
          unsigned flags)
{
    const struct gate *g = goevd_conn_instance(c);
    struct goevd_str word = g->options->word;
    struct client *client = state;
    size_t used = 0;
    int r;

    (void)fresh, (void)flags;
    if (!client->known) {
        if (len < word.len)
            return 0; /* the input has ended before the word */
        if (memcmp(data, word.data, word.len) != 0) {
            goevd_conn_log(c, GOEVD_LOG_NOTICE, "the client does not know the word");
            return -EACCES;
        }
        client->known = true;
        used = word.len;
    }
    r = goevd_conn_write(c, data + used, len - used);
    if (r == -ENOBUFS)
        return (ptrdiff_t)used;
    return r < 0 ? r : (ptrdiff_t)len;
}

static const struct goevd_stream gate_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct client),
    .on_accept = gate_accept,
    .on_open = gate_open,
    .on_read = gate_read,
};

static int
gate_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct options *o = options;
    const struct goevd_str *sets = o->allow.items;
    struct gate *g = calloc(1, sizeof(*g));
    char path[32], reason[128];
    int r = g ? 0 : -ENOMEM;

    for (size_t i = 0; r == 0 && i < o->allow.count; i++) {
        r = goevd_cidr_parse(sets[i].data, &g->allow[i], reason, sizeof(reason));
        if (r < 0) {
            snprintf(path, sizeof(path), "allow[%zu]", i);
            r = goevd_refuse(self, path, "%s", reason);
        }
    }
    if (r == 0 && o->reactor.data) {
        g->reactor = goevd_reactor_find(self, o->reactor.data);
        if (g->reactor < 0)
            r = goevd_refuse(self, "reactor", "there is no reactor '%s'", o->reactor.data);
    }
    if (r < 0) {
        free(g);
        return r;
    }
    g->options = o;
    *ret_instance = g;
    return 0;
}

static const void *
gate_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &gate_stream : NULL;
}

GOEVD_PLUGIN(.name = "gate", .description = "chooses its clients by address and first bytes",
             .options = &schema, .create = gate_create, .destroy = free,
             .interface = gate_interface);
