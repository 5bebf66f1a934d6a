/* Turns: one callback of the connection, from input over handlers to output. */
#include <errno.h>

#include <goevd/conn.h>

#include "http/h2/block.h"
#include "http/h2/body.h"
#include "http/h2/output.h"
#include "http/h2/request.h"

/* Bytes of a frame header, RFC 9113 section 4.1. */
#define TURN_FRAME_HEADER 9

/* Frames that one turn reads before other connections have theirs. */
#define TURN_FRAMES_MAX 256

/* How often the turn sends and then sees to the streams that have room again. */
#define TURN_ROUNDS_MAX 8

/* For the acknowledgement of the settings, RFC 9113 section 6.5.3. */
#define TURN_ACK_NS (10 * NS_PER_S)

/* ---- Streams that are to be seen to ---------------------------------------------------------- */

void
http_h2_turn_want(struct http_h2_conn *conn, struct http_h2_stream *stream)
{
    if (!(conn->flags & HTTP_H2_INSIDE))
        http_h2_turn_kick(conn);
    if (stream->flags & HTTP_H2_STREAM_QUEUED)
        return;
    stream->flags |= HTTP_H2_STREAM_QUEUED;
    stream->next_work = NULL;
    *conn->work_end = stream;
    conn->work_end = &stream->next_work;
}

void
http_h2_turn_kick(struct http_h2_conn *conn)
{
    if (conn->flags & HTTP_H2_KICKED)
        return;
    if (goevd_conn_timer_arm(conn->c, HTTP_H2_COOKIE_KICK, 0, 0) == 0)
        conn->flags |= HTTP_H2_KICKED;
}

/* All content that the stream had was taken. */
static void
http_h2_turn_drained(struct http_h2_stream *stream)
{
    struct http_exchange *x = stream->x;

    if (!x || !(stream->flags & HTTP_H2_STREAM_WAITS) || http_h2_stream_ready(stream) != 0)
        return;
    stream->flags &= ~(unsigned)HTTP_H2_STREAM_WAITS;
    http_exchange_enter(x);
    http_h2_body_advanced(stream, http_exchange_drained(x));
    if (stream->x)
        http_exchange_idle(stream->x);
}

static void
http_h2_turn_see_to(struct http_h2_stream *stream)
{
    if (stream->flags & HTTP_H2_STREAM_CLOSED) {
        if (stream->flags & HTTP_H2_STREAM_SENT) /* it ended well, perhaps just now */
            http_h2_turn_drained(stream);
        if (stream->x)
            http_h2_body_gone(stream);
        http_h2_stream_free(stream);
        return;
    }
    http_h2_body_pass(stream);
    http_h2_turn_drained(stream);
}

void
http_h2_turn_work(struct http_h2_conn *conn)
{
    struct http_h2_stream *stream;

    while ((stream = conn->work)) {
        conn->work = stream->next_work;
        if (!conn->work)
            conn->work_end = &conn->work;
        stream->flags &= ~(unsigned)HTTP_H2_STREAM_QUEUED;
        http_h2_turn_see_to(stream);
    }
}

/* ---- Input ----------------------------------------------------------------------------------- */

static void
http_h2_turn_trailers(struct http_h2_conn *conn, struct http_h2_stream *stream)
{
    struct http_buffer lines = {0};
    int r = http_h2_block_trailers(&conn->block, &lines);

    if (stream->x && r < 0 && r != -ENOMEM)
        http_exchange_break(stream->x, r);
    else if (stream->x)
        (void)http_exchange_body_trailers(stream->x, lines.data, lines.len);
    http_buffer_clear(&lines, 0);
    http_h2_turn_want(conn, stream);
}

/* Act on the frame that was just read. */
static void
http_h2_turn_frame(struct http_h2_conn *conn)
{
    struct http_h2_stream *request = conn->request;
    struct http_h2_stream *trailers = conn->trailers;
    struct http_h2_stream *chunk = conn->chunk.stream;

    conn->request = conn->trailers = conn->chunk.stream = NULL;
    if (chunk && !(chunk->flags & HTTP_H2_STREAM_CLOSED) &&
        http_h2_body_data(chunk, conn->chunk.data, conn->chunk.len) < 0)
        http_h2_stream_reset(chunk, NGHTTP2_INTERNAL_ERROR);
    if (trailers)
        http_h2_turn_trailers(conn, trailers);
    if (request)
        http_h2_request_take(conn, request);
    http_h2_turn_work(conn);
}

void
http_h2_turn_fail(struct http_h2_conn *conn, uint32_t code, const char *words)
{
    conn->flags |= HTTP_H2_FAILED;
    (void)nghttp2_submit_goaway(conn->session, NGHTTP2_FLAG_NONE,
                                nghttp2_session_get_last_proc_stream_id(conn->session), code,
                                (const uint8_t *)words, strlen(words));
    goevd_conn_log(conn->c, GOEVD_LOG_INFO, "HTTP/2: %s", words);
}

/* libnghttp2 has ended the session. For most errors it has its own GOAWAY. */
static void
http_h2_turn_broken(struct http_h2_conn *conn, ssize_t error)
{
    uint32_t code =
        error == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR;

    http_h2_turn_fail(conn, code, nghttp2_strerror((int)error));
}

/* The bytes that libnghttp2 may have at once: up to the end of a frame. 0: more have to come. */
static size_t
http_h2_turn_slice(struct http_h2_conn *conn, const char *data, size_t len)
{
    const uint8_t *p = (const uint8_t *)data;

    if (conn->frame_left == 0 && len < TURN_FRAME_HEADER)
        return 0;
    if (conn->frame_left == 0)
        conn->frame_left =
            TURN_FRAME_HEADER + ((size_t)p[0] << 16 | (size_t)p[1] << 8 | (size_t)p[2]);
    return MIN(len, conn->frame_left);
}

ptrdiff_t
http_h2_on_read(struct http_h2_conn *conn, const char *data, size_t len)
{
    size_t at = 0, n = 1;
    int r;

    http_h2_turn_begin(conn);
    for (int frames = 0; at < len && !(conn->flags & HTTP_H2_FAILED); frames++) {
        ssize_t used;

        n = frames == TURN_FRAMES_MAX ? 0 : http_h2_turn_slice(conn, data + at, len - at);
        if (n == 0)
            break;
        used = nghttp2_session_mem_recv(conn->session, (const uint8_t *)data + at, n);
        if (used < 0) {
            http_h2_turn_broken(conn, used);
            break;
        }
        at += n;
        conn->frame_left -= n;
        http_h2_turn_frame(conn);
        http_h2_guard_check(conn);
    }
    if (conn->flags & HTTP_H2_FAILED)
        at = len;
    r = http_h2_turn_end(conn);
    if (r == 0 && len - at >= TURN_FRAME_HEADER) { /* the rest comes in a turn of its own */
        goevd_conn_pause(conn->c);
        goevd_conn_resume(conn->c);
    }
    return r < 0 ? r : (ptrdiff_t)at;
}

/* ---- Begin and end --------------------------------------------------------------------------- */

void
http_h2_turn_begin(struct http_h2_conn *conn)
{
    conn->flags |= HTTP_H2_INSIDE;
    conn->pulled = 0;
}

/* The two steps of a graceful end, RFC 9113 section 6.8: no new streams, then the last one that
 * counts. */
static void
http_h2_turn_go_away(struct http_h2_conn *conn)
{
    if (!(conn->flags & HTTP_H2_STOP)) {
        conn->flags |= HTTP_H2_STOP;
        (void)nghttp2_submit_shutdown_notice(conn->session);
        goevd_conn_deadline(conn->c, (uint64_t)conn->local->http->options->stop_grace_ns);
    } else if (!(conn->flags & HTTP_H2_LAST)) {
        conn->flags |= HTTP_H2_LAST;
        (void)nghttp2_submit_goaway(conn->session, NGHTTP2_FLAG_NONE,
                                    nghttp2_session_get_last_proc_stream_id(conn->session),
                                    NGHTTP2_NO_ERROR, NULL, 0);
    }
}

/* Whether nothing is left to do on the connection. */
static bool
http_h2_turn_is_over(const struct http_h2_conn *conn)
{
    if (conn->unsent.len != 0)
        return false;
    if (conn->flags & HTTP_H2_FAILED)
        return true;
    if (!http_h2_output_is_empty(conn))
        return false;
    return ((conn->flags & (HTTP_H2_LAST | HTTP_H2_EOF)) && conn->stream_count == 0) ||
           !nghttp2_session_want_read(conn->session);
}

/* Look after late peers while there is something that they can be late with. */
static void
http_h2_turn_tick_on(struct http_h2_conn *conn)
{
    bool wanted =
        conn->stream_count != 0 || conn->block_since_ns != 0 || !(conn->flags & HTTP_H2_ACKED);

    if (!wanted || (conn->flags & HTTP_H2_TICKING))
        return;
    if (goevd_conn_timer_arm(conn->c, HTTP_H2_COOKIE_TICK, NS_PER_S, 0) == 0)
        conn->flags |= HTTP_H2_TICKING;
}

int
http_h2_turn_end(struct http_h2_conn *conn)
{
    uint64_t max = (uint64_t)conn->local->http->options->requests_max;
    int r = 0;

    if (max != 0 && conn->requests >= max && !(conn->flags & HTTP_H2_STOP))
        http_h2_turn_go_away(conn);
    for (int i = 0; r == 0 && i < TURN_ROUNDS_MAX; i++) {
        http_h2_turn_work(conn);
        r = http_h2_output_pump(conn);
        if (!conn->work)
            break;
    }
    if (conn->work)
        http_h2_turn_kick(conn);
    conn->flags &= ~(unsigned)HTTP_H2_INSIDE;
    if (r < 0)
        return r;
    if (http_h2_turn_is_over(conn))
        goevd_conn_close(conn->c, GOEVD_CLOSE_FLUSH);
    else
        http_h2_turn_tick_on(conn);
    return 0;
}

/* ---- Time ------------------------------------------------------------------------------------ */

/* A client whose window stays shut holds memory for ever: CVE-2019-9517. */
static void
http_h2_turn_stalled(struct http_h2_stream *stream, uint64_t now_ns)
{
    struct http_h2_conn *conn = stream->conn;
    uint64_t timeout_ns = (uint64_t)http_h2_conn_options(conn)->stall_timeout_ns;

    if (http_h2_stream_ready(stream) == 0 || conn->marker || conn->unsent.len != 0)
        return;
    http_h2_stream_resume(stream);
    if (now_ns - stream->moved_ns < timeout_ns)
        return;
    http_h2_guard_reset(conn);
    http_h2_stream_reset(stream, NGHTTP2_CANCEL);
}

static void
http_h2_turn_late_body(struct http_h2_stream *stream)
{
    struct http_exchange *x = stream->x;

    if (!x || !http_exchange_wants_body(x) || http_exchange_body_time_left(x) != 0)
        return;
    http_exchange_enter(x);
    http_exchange_break(x, HTTP_LATE_BODY);
    http_h2_body_advanced(stream, http_exchange_advance(x, 0));
    if (stream->x)
        http_exchange_idle(stream->x);
}

static void
http_h2_turn_tick(struct http_h2_conn *conn)
{
    uint64_t now_ns = goevd_poller_now(conn->local->poller);
    uint64_t head_ns = (uint64_t)conn->local->http->options->header_timeout_ns;

    conn->flags &= ~(unsigned)HTTP_H2_TICKING;
    for (struct http_h2_stream *stream = conn->streams; stream; stream = stream->next) {
        http_h2_turn_stalled(stream, now_ns);
        http_h2_turn_late_body(stream);
    }
    if (conn->block_since_ns != 0 && now_ns - conn->block_since_ns > head_ns)
        http_h2_turn_fail(conn, NGHTTP2_ENHANCE_YOUR_CALM, "a header block took too long");
    else if (!(conn->flags & HTTP_H2_ACKED) && now_ns - conn->opened_ns > TURN_ACK_NS)
        http_h2_turn_fail(conn, NGHTTP2_SETTINGS_TIMEOUT, "the settings were not acknowledged");
    http_h2_guard_check(conn);
}

/* A timer that an exchange has set. */
static void
http_h2_turn_timer(struct http_h2_conn *conn, uint64_t cookie)
{
    struct http_exchange *x = http_exchange_of_timer(conn->local, cookie);
    struct http_h2_stream *stream = x ? http_h2_stream_of_exchange(conn, x) : NULL;

    if (!stream)
        return;
    http_exchange_enter(x);
    http_h2_body_advanced(stream, http_exchange_timeout(x, cookie));
    if (stream->x)
        http_exchange_idle(stream->x);
}

int
http_h2_on_timeout(struct http_h2_conn *conn, uint64_t cookie)
{
    http_h2_turn_begin(conn);
    if (cookie == HTTP_H2_COOKIE_KICK)
        conn->flags &= ~(unsigned)HTTP_H2_KICKED;
    else if (cookie == HTTP_H2_COOKIE_TICK)
        http_h2_turn_tick(conn);
    else if (cookie == GOEVD_DEADLINE)
        http_h2_turn_go_away(conn);
    else
        http_h2_turn_timer(conn, cookie);
    return http_h2_turn_end(conn);
}

/* ---- Other callbacks ------------------------------------------------------------------------- */

int
http_h2_on_drained(struct http_h2_conn *conn)
{
    http_h2_turn_begin(conn);
    return http_h2_turn_end(conn);
}

int
http_h2_on_eof(struct http_h2_conn *conn)
{
    http_h2_turn_begin(conn);
    conn->flags |= HTTP_H2_EOF;
    return http_h2_turn_end(conn);
}

int
http_h2_on_stop(struct http_h2_conn *conn)
{
    http_h2_turn_begin(conn);
    if (!(conn->flags & HTTP_H2_STOP))
        http_h2_turn_go_away(conn);
    return http_h2_turn_end(conn);
}
