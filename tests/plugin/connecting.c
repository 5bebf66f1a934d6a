/* Connects to addresses, by commands of one line each, words separated by one space:
 *
 *   connect TO [timeout=MS] [from=ADDRESS] [reactor=NAME] [rcvbuf=BYTES] [hello=WORD]
 *   cancel            the attempt begun last
 *   both TO           connect and cancel at once
 *
 * and reports the results, with their poller:
 *
 *   open POLLER PEER LOCAL WORD     and `close REASON` at its end; lines of the peer are reported
 *   fail POLLER ERROR WORD
 *   refused ERROR     by goevd_connect() itself
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/conn.h>
#include <goevd/connect.h>
#include <goevd/poller.h>
#include <goevd/threads.h>

#include "plain.h"

#define WORD_MAX 32

struct instance {
    struct goevd_self *self;
};

/* State of an accepted connection. */
struct client {
    uint64_t last; /* attempt */
};

/* Of one that we have opened. */
struct upstream {
    uint64_t client;
    char word[WORD_MAX];
};

static struct goevd_self *
self_of(struct goevd_conn *c)
{
    return ((struct instance *)goevd_conn_instance(c))->self;
}

/* ---- The other side -------------------------------------------------------------------------- */

static void
upstream_tell(struct goevd_self *self, const struct upstream *u, const char *line)
{
    if (goevd_send(self, u->client, line, strlen(line), 0) < 0)
        goevd_log(self, GOEVD_LOG_ERROR, "cannot tell: %s", line);
}

static const char *
address_text(const struct sockaddr_storage *a, char *buf, size_t size)
{
    char ip[INET6_ADDRSTRLEN];
    const struct sockaddr_in *in = (const void *)a;
    const struct sockaddr_in6 *in6 = (const void *)a;

    if (a->ss_family == AF_INET)
        snprintf(buf, size, "%s:%d", inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip)),
                 ntohs(in->sin_port));
    else if (a->ss_family == AF_INET6)
        snprintf(buf, size, "[%s]:%d", inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip)),
                 ntohs(in6->sin6_port));
    else
        snprintf(buf, size, "unix");
    return buf;
}

static int
upstream_open(struct goevd_conn *c, void *state)
{
    const struct upstream *u = state;
    struct sockaddr_storage peer, local;
    char line[256], peer_text[64], local_text[64];

    goevd_conn_peer_address(c, &peer);
    goevd_conn_local_address(c, &local);
    snprintf(line, sizeof(line), "open %u %s %s %s\n", goevd_poller_index(goevd_conn_poller(c)),
             address_text(&peer, peer_text, 64), address_text(&local, local_text, 64), u->word);
    upstream_tell(self_of(c), u, line);
    return u->word[0] ? goevd_conn_write(c, u->word, strlen(u->word)) : 0;
}

static ptrdiff_t
upstream_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
              unsigned flags)
{
    const struct upstream *u = state;

    (void)fresh, (void)flags;
    goevd_send(self_of(c), u->client, data, len, 0);
    return (ptrdiff_t)len;
}

static void
upstream_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    char line[32];

    snprintf(line, sizeof(line), "close %d\n", (int)reason);
    upstream_tell(self_of(c), state, line);
}

static void
upstream_fail(void *instance, struct goevd_poller *poller, void *state, int error)
{
    const struct instance *i = instance;
    const struct upstream *u = state;
    char line[96];

    snprintf(line, sizeof(line), "fail %u %s %s\n", goevd_poller_index(poller),
             strerrorname_np(-error), u->word);
    upstream_tell(i->self, u, line);
}

static const struct goevd_stream upstream_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct upstream),
    .on_open = upstream_open,
    .on_read = upstream_read,
    .on_close = upstream_close,
    .on_connect_fail = upstream_fail,
};

/* ---- Commands -------------------------------------------------------------------------------- */

struct command {
    struct goevd_connect_request request;
    struct goevd_sockopt option;
    int rcvbuf;
    struct upstream upstream;
};

static void
command_word(struct goevd_conn *c, struct command *cmd, char *word)
{
    char *value = strchr(word, '=');

    if (!value) {
        cmd->request.to = word;
        return;
    }
    *value++ = '\0';
    if (strcmp(word, "timeout") == 0)
        cmd->request.timeout_ns = strtoull(value, NULL, 10) * 1000000;
    else if (strcmp(word, "from") == 0)
        cmd->request.from = value;
    else if (strcmp(word, "reactor") == 0)
        cmd->request.reactor = goevd_reactor_find(self_of(c), value);
    else if (strcmp(word, "rcvbuf") == 0)
        cmd->rcvbuf = atoi(value);
    else if (strcmp(word, "hello") == 0)
        snprintf(cmd->upstream.word, sizeof(cmd->upstream.word), "%s", value);
}

static int
command_connect(struct goevd_conn *c, struct client *client, char *words)
{
    struct command cmd = {.request = {.version = GOEVD_VERSION_OF(struct goevd_connect_request),
                                      .stream = &upstream_stream},
                          .upstream.client = goevd_conn_id(c)};
    char line[64], *rest;
    int r;

    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        command_word(c, &cmd, word);
    cmd.request.state = &cmd.upstream;
    cmd.request.state_len = sizeof(cmd.upstream);
    cmd.option = (struct goevd_sockopt){SOL_SOCKET, SO_RCVBUF, &cmd.rcvbuf, sizeof(cmd.rcvbuf)};
    cmd.request.options = &cmd.option;
    cmd.request.option_count = cmd.rcvbuf ? 1 : 0;
    r = goevd_connect(self_of(c), goevd_conn_poller(c), &cmd.request, &client->last);
    if (r == 0)
        return 0;
    snprintf(line, sizeof(line), "refused %s\n", strerrorname_np(-r));
    return goevd_conn_write(c, line, strlen(line));
}

static int
command_run(struct goevd_conn *c, struct client *client, char *line)
{
    int r = 0;

    if (strncmp(line, "connect ", 8) == 0)
        return command_connect(c, client, line + 8);
    if (strncmp(line, "both ", 5) == 0)
        r = command_connect(c, client, line + 5);
    goevd_connect_cancel(goevd_conn_poller(c), client->last);
    return r;
}

static ptrdiff_t
connecting_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
                unsigned flags)
{
    const char *end;
    size_t used = 0;

    (void)fresh, (void)flags;
    while ((end = memchr(data + used, '\n', len - used))) {
        char line[512];
        int r;

        snprintf(line, sizeof(line), "%.*s", (int)(end - data - (ptrdiff_t)used), data + used);
        used = (size_t)(end + 1 - data);
        r = command_run(c, state, line);
        if (r < 0)
            return r;
    }
    return (ptrdiff_t)used;
}

static const struct goevd_stream connecting_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct client),
    .on_read = connecting_read,
};

static int
connecting_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct instance *i = malloc(sizeof(*i));

    (void)options;
    if (!i)
        return -ENOMEM;
    i->self = self;
    *ret_instance = i;
    return 0;
}

static void
connecting_destroy(void *instance)
{
    free(instance);
}

static const void *
connecting_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &connecting_stream : NULL;
}

GOEVD_PLUGIN(.name = "connecting", .description = "connects to addresses in commands",
             .create = connecting_create, .destroy = connecting_destroy,
             .interface = connecting_interface);
