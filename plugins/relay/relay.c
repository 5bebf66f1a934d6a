#include "relay/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/conn.h>
#include <goevd/connect.h>
#include <goevd/poller.h>
#include <goevd/proxy.h>
#include <goevd/worker.h>

#define PIECE_BYTES 4096 /* the smallest possible output_max */
/* An upstream that closes earlier than this, without a byte, counts as broken. */
#define EARLY_NS GOEVD_SECOND
#define QUIET 1 /* cookie of the timer that checks for traffic while goevd stops */

/* One of the two connections of a relay. The bytes read from it are written to `other`. */
struct relay_side {
    struct goevd_conn *conn; /* NULL: not connected yet, or closed */
    struct relay_side *other;
    struct relay *relay;
};

/* A client and its upstream. Exists until both connections are closed and no attempt to connect is
 * running. */
struct relay {
    struct relay_side client, upstream;
    struct relay_instance *instance;
    struct relay_upstream *to; /* NULL: no upstream chosen */
    uint64_t tried;            /* mask of upstreams */
    uint64_t attempt;          /* for goevd_connect_cancel() */
    uint64_t connected_ns;     /* time of the connection to the upstream */
    uint64_t moved;            /* bytes relayed when goevd began to stop, or at the last check
                                * since */
    bool connecting;
    bool ending;       /* both connections are being closed in order */
    bool client_ended; /* the client has closed its side */
    bool judged;       /* the end of the upstream's connection has been evaluated */
};

static const struct goevd_stream relay_upstream_stream;

/* ---- The life of a relay --------------------------------------------------------------------- */

static void
relay_release(struct relay *r)
{
    if (r->client.conn || r->upstream.conn || r->connecting)
        return;
    if (r->to)
        relay_upstream_drop(r->to);
    free(r);
}

/* Abort the connection with a reset, so that the peer does not take it for an orderly end. */
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

/* Close the other side after the end of one. */
static void
relay_side_pass_on(struct relay_side *s, struct goevd_poller *poller, enum goevd_reason reason)
{
    struct relay *r = s->relay;

    if (!s->other->conn || r->ending)
        return;
    if (reason == GOEVD_REASON_EOF) { /* on_eof is skipped if the output has ended before */
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

/* ---- Relaying bytes -------------------------------------------------------------------------- */

/* Write a part of more bytes than the output queue can hold. */
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

/* Relay received bytes. If the other side reads more slowly, reading pauses until its output has
 * drained. */
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
    if (r == -EPIPE) /* the other side is closing, and its own end reports the reason */
        return (ptrdiff_t)len;
    if (r < 0 && r != -ENOBUFS)
        return r;
    relay_count_bytes(s, used);
    return (ptrdiff_t)used;
}

/* Relay by splice(2), without a copy. If that is impossible, the bytes are passed to
 * relay_side_read(). */
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

/* Report a success or an early end of the upstream, by the way in which its connection ended. */
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

/* Half-close: pass the end on behind the queued bytes. The other side may continue to send. */
static int
relay_side_eof(struct goevd_conn *c, void *state)
{
    struct relay_side *s = *(struct relay_side **)state;
    struct relay *r = s->relay;

    if (goevd_conn_tls(c, GOEVD_TLS_CUT).data) { /* bytes may be missing */
        relay_side_pass_on(s, goevd_conn_poller(c), GOEVD_REASON_RESET);
        return -ECONNRESET;
    }
    if (s == &r->upstream)
        relay_judge_end(r, goevd_conn_poller(c));
    else
        r->client_ended = true;
    if (s->other->conn)
        goevd_conn_shutdown(s->other->conn);
    return 0;
}

/* ---- Connecting ------------------------------------------------------------------------------ */

/* Try the next upstream. */
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
        request.tls = r->to->tls;
        goevd_conn_log(r->client.conn, GOEVD_LOG_DEBUG, "connecting to upstream %s", request.to);
        error = goevd_connect(i->self, poller, &request, &r->attempt);
    } while (error == -EAGAIN); /* no name can be resolved at present, but another upstream may be
                                 * an address */
    return error;
}

/* Refuse the client, because no upstream can be connected to. */
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
    goevd_conn_pause(c); /* until there is a connection to write to */
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

/* Send the PROXY header with the client's address, before all other bytes. */
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

/* When goevd stops, sessions with traffic continue until stop_timeout, and idle ones are closed.
 * After a reload idle ones continue, too, because nothing waits for their end. */
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

/* Only the client's connection starts the check. */
static int
relay_upstream_stop(struct goevd_conn *c, void *state)
{
    (void)c, (void)state;
    return 0;
}

/* ---- The end of a connection ----------------------------------------------------------------- */

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
