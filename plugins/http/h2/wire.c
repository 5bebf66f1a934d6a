#include "http/h2/wire.h"

#include <errno.h>

#include "http/h2/body.h"
#include "http/h2/output.h"
#include "http/h2/reply.h"
#include "http/h2/request.h"

/* Content that libnghttp2 takes at once instead of in the end of the turn, so that most of it is
 * never kept. */
#define WIRE_LARGE_BYTES 8192

int
http_h2_link_keep(struct http_exchange *x)
{
    struct http_h2_link *link = http_h2_link(x);
    const struct http_h2_conn *conn = link->stream->conn;
    struct http_span text = {conn->block.text.data, conn->block.text.len};
    struct http_request *copy =
        http_request_copy(&link->copy, x->req, text, conn->local->h2->scratch);

    if (!copy)
        return -ENOMEM;
    x->req = copy;
    return 0;
}

struct http_h2_stream *
http_h2_stream_of_exchange(const struct http_h2_conn *conn, const struct http_exchange *x)
{
    struct http_h2_stream *stream = x->wire == &http_h2_wire ? http_h2_link(x)->stream : NULL;

    return stream && stream->conn == conn ? stream : NULL;
}

static enum goevd_http_version
http_h2_wire_version(const struct http_exchange *x)
{
    (void)x;
    return GOEVD_HTTP_2;
}

static const char *
http_h2_wire_scheme(const struct http_exchange *x)
{
    return http_conn_is_secured(x->c) ? "https" : "http";
}

/* ---- The body in ----------------------------------------------------------------------------- */

static int
http_h2_wire_want(struct http_exchange *x)
{
    static const struct http_buffer none;
    struct http_h2_stream *stream = http_h2_link(x)->stream;
    int r = 0;

    if ((stream->flags & HTTP_H2_STREAM_CONTINUE) && !(x->flags & HTTP_X_BEGUN))
        r = http_h2_reply_interim(stream, 100, &none);
    stream->flags &= ~(unsigned)HTTP_H2_STREAM_CONTINUE;
    http_h2_turn_want(stream->conn, stream);
    return r;
}

/* ---- The reply out --------------------------------------------------------------------------- */

static int
http_h2_wire_interim(struct http_exchange *x, int status, const struct http_buffer *fields)
{
    struct http_h2_stream *stream = http_h2_link(x)->stream;

    http_h2_turn_want(stream->conn, stream);
    return http_h2_reply_interim(stream, status, fields);
}

static int
http_h2_wire_head(struct http_exchange *x, const struct http_wire_head *head)
{
    struct http_h2_stream *stream = http_h2_link(x)->stream;
    bool bare = (x->flags & HTTP_X_SILENT) || head->length == 0;

    stream->left = head->length;
    http_h2_turn_want(stream->conn, stream);
    return http_h2_reply_head(stream, head, bare);
}

/* Content begins to wait: from now on the client has to take some of it in time. */
static void
http_h2_wire_begins(struct http_h2_stream *stream)
{
    if (http_h2_stream_ready(stream) == 0)
        stream->moved_ns = goevd_poller_now(stream->conn->local->poller);
}

/* Content of that length was given to the stream. Returns as the functions of the wire. */
static int
http_h2_wire_gave(struct http_h2_stream *stream, size_t len)
{
    if (stream->left != GOEVD_HTTP_LENGTH_UNKNOWN) {
        stream->left -= MIN(len, stream->left);
        if (stream->left == 0)
            stream->flags |= HTTP_H2_STREAM_OUT_END;
    }
    http_h2_stream_resume(stream);
    http_h2_turn_want(stream->conn, stream);
    if (len >= WIRE_LARGE_BYTES || http_h2_stream_ready(stream) >= WIRE_LARGE_BYTES) {
        stream->flags |= HTTP_H2_STREAM_WAITS;
        return 1;
    }
    return 0;
}

static int
http_h2_wire_content(struct http_exchange *x, const char *data, size_t len)
{
    struct http_h2_stream *stream = http_h2_link(x)->stream;

    if (stream->flags & (HTTP_H2_STREAM_RESET | HTTP_H2_STREAM_CLOSED))
        return -EPIPE;
    http_h2_wire_begins(stream);
    if (http_buffer_append(stream->segment.len == 0 ? &stream->out : &stream->after, data, len) < 0)
        return -ENOMEM;
    return http_h2_wire_gave(stream, len);
}

static int
http_h2_wire_segment(struct http_exchange *x, struct http_segment *s)
{
    struct http_h2_stream *stream = http_h2_link(x)->stream;
    size_t len = s->len;

    if (stream->flags & (HTTP_H2_STREAM_RESET | HTTP_H2_STREAM_CLOSED))
        return -EPIPE;
    if (stream->segment.len != 0) /* a stream has one: let the earlier one go out now */
        (void)http_h2_output_pump(stream->conn);
    if (stream->segment.len != 0 || stream->after.len != 0) {
        stream->flags |= HTTP_H2_STREAM_WAITS;
        return -ENOBUFS;
    }
    http_h2_wire_begins(stream);
    stream->segment = *s;
    return http_h2_wire_gave(stream, len);
}

static int
http_h2_wire_end(struct http_exchange *x, const struct http_buffer *trailers)
{
    struct http_h2_stream *stream = http_h2_link(x)->stream;

    if (stream->flags & (HTTP_H2_STREAM_RESET | HTTP_H2_STREAM_CLOSED))
        return -EPIPE;
    if (http_buffer_append(&stream->trailers, trailers->data, trailers->len) < 0)
        return -ENOMEM;
    stream->flags |= HTTP_H2_STREAM_OUT_END;
    http_h2_stream_resume(stream);
    http_h2_turn_want(stream->conn, stream);
    return 0;
}

/* A little content does not count as waiting: the stream keeps it, and outlives the exchange. */
static bool
http_h2_wire_room(const struct http_exchange *x)
{
    const struct http_h2_stream *stream = http_h2_link(x)->stream;

    return !stream || http_h2_stream_ready(stream) < WIRE_LARGE_BYTES;
}

static bool
http_h2_wire_takes_trailers(const struct http_exchange *x)
{
    return http_h2_link(x)->stream->left == GOEVD_HTTP_LENGTH_UNKNOWN;
}

/* ---- Its end --------------------------------------------------------------------------------- */

static int
http_h2_wire_abort(struct http_exchange *x, int verdict)
{
    struct http_h2_stream *stream = http_h2_link(x)->stream;

    if (verdict == 0 || (stream->flags & HTTP_H2_STREAM_HEAD)) {
        http_h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
        return 0;
    }
    stream->flags |= HTTP_H2_STREAM_DISCARD;
    if (http_h2_reply_known(stream, http_verdict_index(verdict), x->flags & HTTP_X_HEAD) < 0)
        http_h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
    return 0;
}

static void
http_h2_wire_done(struct http_exchange *x, bool whole)
{
    struct http_h2_stream *stream = http_h2_link(x)->stream;

    if (whole)
        http_h2_guard_good(stream->conn);
    stream->x = NULL;
    stream->flags |= HTTP_H2_STREAM_DISCARD;
    stream->flags &= ~(unsigned)HTTP_H2_STREAM_WAITS;
    http_h2_turn_want(stream->conn, stream);
}

/* Content of a whole reply stays with the stream, which outlives the exchange. */
static void
http_h2_wire_drop(struct http_exchange *x)
{
    struct http_h2_stream *stream = http_h2_link(x)->stream;

    if (stream && !(stream->flags & HTTP_H2_STREAM_OUT_END))
        http_h2_stream_drop(stream);
}

static void
http_h2_wire_reset(struct http_exchange *x, size_t keep)
{
    struct http_h2_link *link = http_h2_link(x);

    http_buffer_clear(&link->copy, keep);
    link->stream = NULL;
}

static void
http_h2_wire_run(struct http_exchange *x)
{
    struct http_h2_stream *stream = http_h2_link(x)->stream;
    struct http_h2_conn *conn = stream->conn;

    http_h2_turn_begin(conn);
    http_exchange_enter(x);
    http_h2_body_advanced(stream, http_exchange_advance(x, 0));
    if (stream->x)
        http_exchange_idle(stream->x);
    if (http_h2_turn_end(conn) < 0)
        goevd_conn_close(conn->c, GOEVD_CLOSE_FLUSH);
}

/* ---- Other protocols: HTTP/2 has no upgrades, RFC 9113 section 8.6 ----------------------------
 */

static int
http_h2_wire_offer(struct http_exchange *x, const char *protocol, struct http_buffer *fields)
{
    (void)x, (void)protocol, (void)fields;
    return 0;
}

static int
http_h2_wire_upgrade(struct http_exchange *x, const char *protocol,
                     const struct http_buffer *fields)
{
    (void)x, (void)protocol, (void)fields;
    return -EPROTO;
}

static int
http_h2_wire_hand_over(struct http_exchange *x)
{
    (void)x;
    return -EBUSY;
}

const struct http_wire http_h2_wire = {
    .version = http_h2_wire_version,
    .scheme = http_h2_wire_scheme,
    .want = http_h2_wire_want,
    .interim = http_h2_wire_interim,
    .head = http_h2_wire_head,
    .content = http_h2_wire_content,
    .segment = http_h2_wire_segment,
    .end = http_h2_wire_end,
    .room = http_h2_wire_room,
    .takes_trailers = http_h2_wire_takes_trailers,
    .abort = http_h2_wire_abort,
    .done = http_h2_wire_done,
    .drop = http_h2_wire_drop,
    .reset = http_h2_wire_reset,
    .run = http_h2_wire_run,
    .offer = http_h2_wire_offer,
    .upgrade = http_h2_wire_upgrade,
    .hand_over = http_h2_wire_hand_over,
};
