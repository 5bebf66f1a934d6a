#include "relay/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/conn.h>
#include <goevd/connect.h>
#include <goevd/poller.h>
#include <goevd/proxy.h>
#include <goevd/worker.h>

#define PIECE_BYTES 4096      /* the least that output_max may be */
#define EARLY_NS GOEVD_SECOND /* an upstream that ends sooner without a byte is broken */
#define QUIET 1               /* the cookie of the timer that looks whether anything moves */

/* One of the two connections of a relay; bytes that are read here are written to `other`. */
struct relay_side {
    struct goevd_conn *conn; /* NULL: not yet, or no more */
    struct relay_side *other;
    struct relay *relay;
};

/* A client and its upstream. Lives until both connections have ended and none is being made. */
struct relay {
    struct relay_side client, upstream;
    struct relay_instance *instance;
    struct relay_upstream *to; /* NULL: none is taken */
    uint64_t tried;            /* a mask of upstreams */
    uint64_t attempt;          /* for goevd_connect_cancel() */
    uint64_t connected_ns;     /* when the upstream was */
    uint64_t moved;            /* bytes, when goevd_stop was told, or at the last look since */
    bool connecting;
    bool ending;       /* both are closed in order */
    bool client_ended; /* it sends no more */
    bool judged;       /* the upstream's end */
};

static const struct goevd_stream relay_upstream_stream;

/* ---- Coming and going ------------------------------------------------------------------------ */

static void
relay_release(struct relay *r)
{
    if (r->client.conn || r->upstream.conn || r->connecting)
        return;
    if (r->to)
        relay_upstream_drop(r->to);
    free(r);
}

/* End it so that the peer cannot take it for an end in order: with a reset. */
static void
relay_side_abort(struct relay_side *s)
{
    const struct linger none = {.l_onoff = 1};

    if (!s->conn)
        return;
    goevd_conn_setsockopt(s->conn, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    goevd_conn_close(s->conn, GOEVD_CLOSE_NOW);
}

static void
relay_side_close(struct relay_side *s)
{
    if (s->conn)
        goevd_conn_close(s->conn, GOEVD_CLOSE_FLUSH);
}

/* The effect of the end of one side on the other. */
static void
relay_side_pass_on(struct relay_side *s, struct goevd_poller *poller, enum goevd_reason reason)
{
    struct relay *r = s->relay;

    if (!s->other->conn || r->ending)
        return;
    if (reason == GOEVD_REASON_EOF) { /* on_eof does not run where the output has ended before */
        goevd_conn_shutdown(s->other->conn);
        return;
    }
    if (reason == GOEVD_REASON_IDLE || reason == GOEVD_REASON_STOP) {
        relay_count(r->instance, poller, RELAY_IDLE, reason == GOEVD_REASON_IDLE);
        relay_side_close(s->other);
    } else {
        relay_count(r->instance, poller, RELAY_RESET, 1);
        relay_side_abort(s->other);
    }
    r->ending = true;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

/* More at once than the queue may ever hold: what fits. */
static int
relay_side_write_pieces(struct relay_side *s, const char *data, size_t len, size_t *ret_used)
{
    size_t used = 0;
    int r = 0;

    while (r == 0 && used < len) {
        size_t piece = len - used < PIECE_BYTES ? len - used : PIECE_BYTES;

        r = goevd_conn_write_now(s->conn, data + used, piece);
        used += r >= 0 ? piece : 0;
    }
    *ret_used = used;
    return r;
}

static int
relay_side_write(struct relay_side *s, const char *data, size_t len, size_t *ret_used)
{
    int r = s->conn ? goevd_conn_write_now(s->conn, data, len) : -EPIPE;

    if (r == -EMSGSIZE)
        return relay_side_write_pieces(s, data, len, ret_used);
    *ret_used = r == -ENOBUFS ? 0 : len;
    return r;
}

static void
relay_count_bytes(const struct relay_side *s, size_t bytes)
{
    enum relay_metric metric = s == &s->relay->client ? RELAY_BYTES_UP : RELAY_BYTES_DOWN;

    relay_count(s->relay->instance, goevd_conn_poller(s->conn), metric, (int64_t)bytes);
}

/* A reader that is slower than the writer: the writer is not read until its output has drained. */
static ptrdiff_t
relay_side_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
                unsigned flags)
{
    struct relay_side *s = *(struct relay_side **)state;
    size_t used;
    int r = relay_side_write(s->other, data, len, &used);

    (void)fresh, (void)flags;
    if (r != 0)
        goevd_conn_pause(c);
    if (r == -EPIPE) /* the other is closing, and its end has the reason */
        return (ptrdiff_t)len;
    if (r < 0 && r != -ENOBUFS)
        return r;
    relay_count_bytes(s, used);
    return (ptrdiff_t)used;
}

/* The same without a copy. Where that cannot be, the bytes come to relay_side_read(). */
static int
relay_side_bulk(struct goevd_conn *c, void *state)
{
    struct relay_side *s = *(struct relay_side **)state;
    size_t moved;

    if (!s->other->conn)
        return 0;
    if (goevd_conn_splice(c, s->other->conn, &moved) == 1)
        goevd_conn_pause(c);
    relay_count_bytes(s, moved);
    return 0;
}

static int
relay_side_drained(struct goevd_conn *c, void *state)
{
    struct relay_side *s = *(struct relay_side **)state;

    (void)c;
    if (s->other->conn)
        goevd_conn_resume(s->other->conn);
    return 0;
}

/* How the upstream's end, in order or not, speaks of it. */
static void
relay_judge_end(struct relay *r, struct goevd_poller *poller)
{
    bool early = goevd_poller_now(poller) - r->connected_ns < EARLY_NS;

    if (goevd_conn_bytes_in(r->upstream.conn) > 0)
        relay_upstream_serves(r->to);
    else if (early && r->client.conn && !r->client_ended && !r->ending && !r->judged)
        relay_upstream_ends_early(r->instance, r->to, poller);
    r->judged = true;
}

/* Half-close: the other side gets it behind the queued bytes, and may go on sending. */
static int
relay_side_eof(struct goevd_conn *c, void *state)
{
    struct relay_side *s = *(struct relay_side **)state;
    struct relay *r = s->relay;

    if (s == &r->upstream)
        relay_judge_end(r, goevd_conn_poller(c));
    else
        r->client_ended = true;
    if (s->other->conn)
        goevd_conn_shutdown(s->other->conn);
    return 0;
}

/* ---- Connecting ------------------------------------------------------------------------------ */

/* Ask the next one. */
static int
relay_connect(struct relay *r, struct goevd_poller *poller)
{
    struct relay_instance *i = r->instance;
    struct relay_side *upstream = &r->upstream;
    struct goevd_connect_request request = {
        .version = GOEVD_VERSION_OF(struct goevd_connect_request),
        .timeout_ns = (uint64_t)i->options->connect_timeout_ns,
        .stream = &relay_upstream_stream,
        .state = &upstream,
        .state_len = sizeof(upstream),
    };

    int error;

    do {
        if (r->to)
            relay_upstream_drop(r->to);
        r->to = NULL;
        if (__builtin_popcountll(r->tried) < i->options->tries)
            r->to = relay_upstream_take(i, &r->tried);
        if (!r->to)
            return -ECONNREFUSED;
        request.to = r->to->address;
        goevd_conn_log(r->client.conn, GOEVD_LOG_DEBUG, "connecting to upstream %s", request.to);
        error = goevd_connect(i->self, poller, &request, &r->attempt);
    } while (error == -EAGAIN); /* no name can be looked up now: another may need none */
    return error;
}

/* There is no upstream for the client. */
static void
relay_refuse(struct relay *r, struct goevd_poller *poller)
{
    relay_count(r->instance, poller, RELAY_REFUSED, 1);
    goevd_conn_log(r->client.conn, GOEVD_LOG_INFO, "refused: no upstream can be connected to");
    r->ending = true;
    relay_side_abort(&r->client);
}

static int
relay_client_open(struct goevd_conn *c, void *state)
{
    struct relay_instance *i = goevd_conn_instance(c);
    struct goevd_poller *poller = goevd_conn_poller(c);
    struct relay *r = calloc(1, sizeof(*r));

    if (!r)
        return -ENOMEM;
    *(struct relay_side **)state = &r->client;
    r->client = (struct relay_side){c, &r->upstream, r};
    r->upstream = (struct relay_side){NULL, &r->client, r};
    r->instance = i;
    goevd_conn_pause(c); /* until there is a side to write to */
    r->connecting = relay_connect(r, poller) == 0;
    if (!r->connecting)
        relay_refuse(r, poller);
    else
        relay_count(i, poller, RELAY_CONNECTING, 1);
    return 0;
}

static void
relay_connecting_ends(struct relay *r, struct goevd_poller *poller)
{
    r->connecting = false;
    relay_count(r->instance, poller, RELAY_CONNECTING, -1);
}

/* The header with the client's address, as the first bytes to its upstream. */
static int
relay_send_header(struct relay *r)
{
    int version = r->instance->options->proxy_protocol, len;
    char header[GOEVD_PROXY_HEADER_MAX];

    if (version == 0)
        return 0;
    len = goevd_proxy_header(r->client.conn, (unsigned)version, header, sizeof(header));
    return len < 0 ? len : goevd_conn_write(r->upstream.conn, header, (size_t)len);
}

static int
relay_upstream_open(struct goevd_conn *c, void *state)
{
    struct relay_side *s = *(struct relay_side **)state;
    struct relay *r = s->relay;
    struct goevd_poller *poller = goevd_conn_poller(c);

    s->conn = c;
    r->connected_ns = goevd_poller_now(poller);
    relay_connecting_ends(r, poller);
    relay_upstream_answers(r->instance, r->to, poller);
    relay_upstream_count(r->instance, r->to, poller, RELAY_UPSTREAM_OPEN, 1);
    relay_count(r->instance, poller, RELAY_CONNECTED, 1);
    relay_count(r->instance, poller, RELAY_OPEN, 1);
    if (!r->client.conn || r->ending)
        return -ECANCELED;
    goevd_conn_log(r->client.conn, GOEVD_LOG_INFO, "relayed to upstream %s", r->to->address);
    goevd_conn_resume(r->client.conn);
    return relay_send_header(r);
}

static void
relay_upstream_connect_fail(void *instance, struct goevd_poller *poller, void *state, int error)
{
    struct relay_side *s = *(struct relay_side **)state;
    struct relay *r = s->relay;
    bool wanted = r->client.conn && !r->ending;

    relay_upstream_fails(instance, r->to, poller, error);
    if (wanted && error != -ECANCELED && relay_connect(r, poller) == 0)
        return;
    relay_connecting_ends(r, poller);
    if (wanted)
        relay_refuse(r, poller);
    relay_release(r);
}

/* ---- Stopping -------------------------------------------------------------------------------- */

/* Busy sessions go on, until stop_timeout ends it; quiet ones end, unless this is a reload: then
 * nothing needs it to go. */
static bool
relay_is_quiet(struct relay *r)
{
    struct goevd_conn *client = r->client.conn, *upstream = r->upstream.conn;
    uint64_t moved = goevd_conn_bytes_in(client) + goevd_conn_bytes_out(client);
    bool quiet = !r->connecting && goevd_conn_queued(client) == 0;

    if (upstream) {
        moved += goevd_conn_bytes_in(upstream) + goevd_conn_bytes_out(upstream);
        quiet = quiet && goevd_conn_queued(upstream) == 0;
    }
    quiet = quiet && moved == r->moved;
    r->moved = moved;
    return quiet;
}

static int
relay_client_stop(struct goevd_conn *c, void *state)
{
    struct relay *r = (*(struct relay_side **)state)->relay;
    uint64_t ns = (uint64_t)r->instance->options->stop_quiet_ns;

    relay_is_quiet(r);
    return goevd_conn_timer_arm(c, QUIET, ns, ns);
}

static int
relay_client_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    struct relay *r = (*(struct relay_side **)state)->relay;

    (void)c, (void)cookie;
    if (relay_is_quiet(r) && !goevd_worker_is_replaced(r->instance->self)) {
        r->ending = true;
        relay_side_close(&r->client);
        relay_side_close(&r->upstream);
    }
    return 0;
}

/* The client decides. */
static int
relay_upstream_stop(struct goevd_conn *c, void *state)
{
    (void)c, (void)state;
    return 0;
}

/* ---- The end --------------------------------------------------------------------------------- */

static void
relay_client_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct relay_side *s = *(struct relay_side **)state;
    struct goevd_poller *poller = goevd_conn_poller(c);

    if (!s)
        return;
    s->conn = NULL;
    relay_side_pass_on(s, poller, reason);
    if (s->relay->connecting)
        goevd_connect_cancel(poller, s->relay->attempt);
    relay_release(s->relay);
}

static void
relay_upstream_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct relay_side *s = *(struct relay_side **)state;
    struct relay *r = s->relay;
    struct goevd_poller *poller = goevd_conn_poller(c);

    if (reason == GOEVD_REASON_RESET || reason == GOEVD_REASON_EOF)
        relay_judge_end(r, poller);
    s->conn = NULL;
    relay_upstream_count(r->instance, r->to, poller, RELAY_UPSTREAM_OPEN, -1);
    relay_count(r->instance, poller, RELAY_OPEN, -1);
    relay_side_pass_on(s, poller, reason);
    relay_release(r);
}

static const struct goevd_stream relay_client_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct relay_side *),
    .on_open = relay_client_open,
    .on_read = relay_side_read,
    .on_bulk = relay_side_bulk,
    .on_eof = relay_side_eof,
    .on_drained = relay_side_drained,
    .on_timeout = relay_client_timeout,
    .on_stop = relay_client_stop,
    .on_close = relay_client_close,
    .flags = GOEVD_STREAM_DUPLEX,
};

static const struct goevd_stream relay_upstream_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct relay_side *),
    .on_open = relay_upstream_open,
    .on_read = relay_side_read,
    .on_bulk = relay_side_bulk,
    .on_eof = relay_side_eof,
    .on_drained = relay_side_drained,
    .on_stop = relay_upstream_stop,
    .on_close = relay_upstream_close,
    .on_connect_fail = relay_upstream_connect_fail,
    .flags = GOEVD_STREAM_DUPLEX,
};

/* ---- The plugin ------------------------------------------------------------------------------ */

static int
relay_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct relay_options *o = options;
    struct relay_instance *i = calloc(1, sizeof(*i) + o->upstreams.count * sizeof(i->upstreams[0]));
    int r;

    if (!i)
        return -ENOMEM;
    i->self = self;
    i->options = o;
    i->upstream_count = (unsigned)o->upstreams.count;
    r = relay_upstreams_init(i);
    if (r == 0)
        r = relay_metrics_init(i);
    if (r < 0) {
        free(i);
        return r;
    }
    *ret_instance = i;
    return 0;
}

static void
relay_destroy(void *instance)
{
    free(instance);
}

static const void *
relay_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &relay_client_stream : NULL;
}

GOEVD_PLUGIN(.name = "relay", .description = "passes connections on to upstreams, a TCP proxy",
             .options = &relay_options_schema, .create = relay_create, .destroy = relay_destroy,
             .interface = relay_interface);
