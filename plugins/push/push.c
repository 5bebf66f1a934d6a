#include "push/push.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/connect.h>
#include <goevd/framing.h>
#include <goevd/metrics.h>
#include <goevd/pool.h>

/* ---- Clients --------------------------------------------------------------------------------- */

static void
push_client_release(struct push_client *client)
{
    if (!client->conn && client->unanswered == 0)
        free(client);
}

static int
push_client_say(struct push_client *client, unsigned lines, const char *sentence)
{
    char line[256];
    int r = 0, len = sentence ? snprintf(line, sizeof(line), "error %s", sentence)
                              : snprintf(line, sizeof(line), "ok");

    while (lines-- > 0 && r >= 0)
        r = goevd_conn_write_frame(client->conn, line, (size_t)len);
    return r;
}

void
push_client_answered(struct push_client *client, unsigned lines, const char *sentence)
{
    client->unanswered -= lines;
    if (!client->conn) {
        push_client_release(client);
        return;
    }
    if (push_client_say(client, lines, sentence) < 0)
        goevd_conn_close(client->conn, GOEVD_CLOSE_NOW); /* the client does not read its
                                                          * acknowledgements */
    else if (client->ended && client->unanswered == 0)
        goevd_conn_close(client->conn, GOEVD_CLOSE_FLUSH);
    else if (client->held && client->unanswered <= client->resume_at) {
        client->held = false;
        goevd_conn_resume(client->conn);
    }
}

/* ---- Received lines -------------------------------------------------------------------------- */

static const struct goevd_framing push_lines = {
    .version = GOEVD_VERSION_OF(struct goevd_framing),
    .type = GOEVD_FRAMING_LINES,
};

/* Push lines that arrive together in one command. */
static int
push_frame(struct goevd_conn *c, void *state, const char *line, size_t len, unsigned flags)
{
    const struct push_instance *i = goevd_conn_instance(c);
    const struct push_options *o = goevd_options(i->self, goevd_conn_poller(c));
    struct push_client *client = *(struct push_client **)state;
    unsigned count = push_lane_gather(client->lane, line, len);
    unsigned max = (unsigned)o->unanswered_max;
    int r;

    if (flags & GOEVD_FRAME_MORE && count < PUSH_LANE_LINES_MAX && client->unanswered + count < max)
        return 0;
    r = push_lane_push(client->lane, client);
    if (client->unanswered >= max) {
        client->held = true;
        client->resume_at = max / 2;
        goevd_conn_pause(c);
    }
    return r;
}

/* The client has closed its side within a line. It gets an error after the replies to its earlier
 * lines, and is closed. */
static int
push_frame_error(struct goevd_conn *c, void *state, const char *data, size_t len, int error)
{
    struct push_client *client = *(struct push_client **)state;

    (void)c, (void)data, (void)len;
    client->ended = true;
    return push_lane_refuse(client->lane, client,
                            error == -ENODATA ? "the last line has no end"
                                              : "the line is too long");
}

/* ---- The life of a client -------------------------------------------------------------------- */

static int
push_open(struct goevd_conn *c, void *state)
{
    struct push_client *client = calloc(1, sizeof(*client));

    if (!client)
        return -ENOMEM;
    client->conn = c;
    client->lane = goevd_conn_local(c);
    *(struct push_client **)state = client;
    return 0;
}

/* Wait for the replies to all lines of the client before it is closed. */
static int
push_end(struct goevd_conn *c, void *state)
{
    struct push_client *client = *(struct push_client **)state;

    goevd_conn_pause(c);
    client->ended = true;
    return client->unanswered > 0 ? 0 : -ECONNRESET;
}

static void
push_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct push_client *client = *(struct push_client **)state;

    (void)c, (void)reason;
    if (!client)
        return;
    client->conn = NULL;
    push_client_release(client);
}

static const struct goevd_stream push_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct push_client *),
    .on_open = push_open,
    .on_eof = push_end,
    .on_stop = push_end,
    .on_close = push_close,
    .framing = &push_lines,
    .on_frame = push_frame,
    .on_frame_error = push_frame_error,
};

/* ---- The plugin ------------------------------------------------------------------------------ */

static int
push_make_pool(struct push_instance *i)
{
    static const char ping[] = "PING\r\n", pong[] = "+PONG\r\n";
    const struct push_options *o = i->options;
    struct goevd_pool_config config = {
        .version = GOEVD_VERSION_OF(struct goevd_pool_config),
        .to = o->address.data,
        .connect_timeout_ns = (uint64_t)o->connect_timeout_ns,
        .idle_min = (unsigned)o->idle_min,
        .connections_max = (unsigned)o->connections_max,
        .growth = (unsigned)o->growth,
        .idle_timeout_ns = (uint64_t)o->idle_timeout_ns,
        .check = ping,
        .check_len = sizeof(ping) - 1,
        .check_reply = pong,
        .check_reply_len = sizeof(pong) - 1,
    };
    char reason[256];

    /* the check is a PING, which fails before AUTH */
    config.check_interval_ns = o->password.data ? 0 : (uint64_t)o->check_interval_ns;
    if (goevd_address_check(o->address.data, reason, sizeof(reason)) < 0)
        return goevd_refuse(i->self, "address", "%s", reason);
    if (o->idle_min > o->connections_max)
        return goevd_refuse(i->self, "idle_min", "it is above connections_max");
    if (o->growth > o->connections_max)
        return goevd_refuse(i->self, "growth", "it is above connections_max");
    return goevd_pool_new(i->self, &config, &i->pool);
}

static int
push_count(struct push_instance *i)
{
    static const struct goevd_metric acknowledged = {.name = "goevd_push_lines_acknowledged_total",
                                                     .help = "Lines that Redis has.",
                                                     .type = GOEVD_METRIC_COUNTER};
    static const struct goevd_metric failed = {.name = "goevd_push_lines_failed_total",
                                               .help = "Lines that were answered with an error.",
                                               .type = GOEVD_METRIC_COUNTER};

    i->acknowledged = goevd_metric_new(i->self, &acknowledged, NULL);
    if (i->acknowledged < 0)
        return i->acknowledged;
    i->failed = goevd_metric_new(i->self, &failed, NULL);
    return i->failed < 0 ? i->failed : 0;
}

static int
push_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct push_instance *i = calloc(1, sizeof(*i));
    int r;

    if (!i)
        return -ENOMEM;
    i->self = self;
    i->options = options;
    r = push_count(i);
    if (r == 0)
        r = push_make_pool(i);
    if (r < 0) {
        free(i);
        return r;
    }
    *ret_instance = i;
    return 0;
}

static void
push_destroy(void *instance)
{
    free(instance);
}

static int
push_poller_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    struct push_lane *lane;
    int r = push_lane_new(instance, poller, &lane);

    if (r == 0)
        *ret_local = lane;
    return r;
}

static void
push_poller_stop(void *instance, struct goevd_poller *poller, void *local)
{
    (void)instance, (void)poller;
    push_lane_free(local);
}

static const void *
push_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &push_stream : NULL;
}

GOEVD_PLUGIN(.name = "push", .description = "pushes lines to a Redis list",
             .options = &push_options_schema, .create = push_create, .destroy = push_destroy,
             .poller_start = push_poller_start, .poller_stop = push_poller_stop,
             .interface = push_interface);
