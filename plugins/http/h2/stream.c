#include "http/h2/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "http/h2/output.h"
#include "http/h2/reply.h"

/* Content that is not sent while the client's window has less room than this, unless it is all that
 * is left: each frame costs 9 bytes and a call. */
#define STREAM_PIECE_MIN 1024

/* Memory that a stream keeps for content until all of it is sent. */
#define STREAM_KEEP_BYTES 16384

struct http_h2_stream *
http_h2_stream_new(struct http_h2_conn *conn, int32_t id)
{
    struct http_h2_stream *stream = calloc(1, sizeof(*stream));

    if (!stream)
        return NULL;
    stream->conn = conn;
    stream->id = id;
    stream->next = conn->streams;
    if (conn->streams)
        conn->streams->previous = stream;
    conn->streams = stream;
    conn->stream_count++;
    return stream;
}

static void
http_h2_stream_unqueue(struct http_h2_stream *stream)
{
    struct http_h2_conn *conn = stream->conn;
    struct http_h2_stream **p = &conn->work;

    while (*p != stream)
        p = &(*p)->next_work;
    *p = stream->next_work;
    if (conn->work_end == &stream->next_work)
        conn->work_end = p;
}

void
http_h2_stream_free(struct http_h2_stream *stream)
{
    struct http_h2_conn *conn = stream->conn;

    if (stream->flags & HTTP_H2_STREAM_QUEUED)
        http_h2_stream_unqueue(stream);
    if (stream->next)
        stream->next->previous = stream->previous;
    *(stream->previous ? &stream->previous->next : &conn->streams) = stream->next;
    conn->stream_count--;
    http_h2_stream_drop(stream);
    http_buffer_clear(&stream->out, 0);
    http_buffer_clear(&stream->after, 0);
    http_buffer_clear(&stream->trailers, 0);
    http_buffer_clear(&stream->in, 0);
    free(stream);
}

void
http_h2_stream_reset(struct http_h2_stream *stream, uint32_t code)
{
    if (stream->flags & (HTTP_H2_STREAM_RESET | HTTP_H2_STREAM_CLOSED))
        return;
    stream->flags |= HTTP_H2_STREAM_RESET;
    http_h2_stream_drop(stream);
    (void)nghttp2_submit_rst_stream(stream->conn->session, NGHTTP2_FLAG_NONE, stream->id, code);
}

/* ---- Content out ----------------------------------------------------------------------------- */

size_t
http_h2_stream_ready(const struct http_h2_stream *stream)
{
    return stream->out.len - stream->out_at + stream->shared.len + stream->segment.len +
           stream->after.len;
}

void
http_h2_stream_resume(struct http_h2_stream *stream)
{
    if (!(stream->flags & HTTP_H2_STREAM_ASLEEP))
        return;
    stream->flags &= ~(unsigned)HTTP_H2_STREAM_ASLEEP;
    (void)nghttp2_session_resume_data(stream->conn->session, stream->id);
}

static ssize_t
http_h2_stream_sleep(struct http_h2_stream *stream)
{
    stream->flags |= HTTP_H2_STREAM_ASLEEP;
    return NGHTTP2_ERR_DEFERRED;
}

/* The last frame with content was promised. */
static void
http_h2_stream_end(struct http_h2_stream *stream, uint32_t *ret_flags)
{
    *ret_flags |= NGHTTP2_DATA_FLAG_EOF;
    stream->flags |= HTTP_H2_STREAM_SENT;
    if (stream->trailers.len != 0 && http_h2_reply_trailers(stream) == 0)
        *ret_flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
}

ssize_t
http_h2_stream_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len,
                    uint32_t *ret_flags, nghttp2_data_source *source, void *arg)
{
    struct http_h2_stream *stream = source->ptr;
    size_t ready = http_h2_stream_ready(stream);
    size_t n = MIN(ready, len);
    bool all = n == ready && (stream->flags & HTTP_H2_STREAM_OUT_END);

    (void)session, (void)id, (void)buf, (void)arg;
    if (ready == 0 && !all)
        return http_h2_stream_sleep(stream);
    if (n < ready && n < STREAM_PIECE_MIN && !http_h2_output_is_late(stream)) {
        stream->conn->flags |= HTTP_H2_PINCHED;
        return http_h2_stream_sleep(stream);
    }
    if (n != 0)
        *ret_flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (all)
        http_h2_stream_end(stream, ret_flags);
    return (ssize_t)n;
}

static int
http_h2_stream_send_copied(struct http_h2_stream *stream, size_t *len)
{
    size_t n = MIN(*len, stream->out.len - stream->out_at);
    int r = n == 0 ? 0 : http_h2_output_put(stream->conn, stream->out.data + stream->out_at, n);

    stream->out_at += n;
    *len -= n;
    if (stream->out_at == stream->out.len) {
        stream->out_at = 0;
        http_buffer_clear(&stream->out, STREAM_KEEP_BYTES);
    }
    return r;
}

static int
http_h2_stream_send_shared(struct http_h2_stream *stream, size_t *len)
{
    size_t n = MIN(*len, stream->shared.len);
    int r = n == 0 ? 0 : http_h2_output_put(stream->conn, stream->shared.data, n);

    stream->shared.data = n == 0 ? stream->shared.data : stream->shared.data + n;
    stream->shared.len -= n;
    *len -= n;
    return r;
}

static int
http_h2_stream_send_segment(struct http_h2_stream *stream, size_t *len)
{
    size_t n = MIN(*len, stream->segment.len);
    int r = n == 0 ? 0 : http_h2_output_put_segment(stream->conn, &stream->segment, n);

    *len -= n;
    if (stream->segment.len == 0 && stream->after.len != 0) {
        struct http_buffer empty = stream->out;

        stream->out = stream->after;
        stream->after = empty;
        stream->after.len = 0;
    }
    return r;
}

int
http_h2_stream_send(struct http_h2_stream *stream, size_t len)
{
    int r = http_h2_stream_send_copied(stream, &len);

    if (r == 0)
        r = http_h2_stream_send_shared(stream, &len);
    if (r == 0)
        r = http_h2_stream_send_segment(stream, &len);
    if (r == 0 && len != 0)
        r = http_h2_stream_send_copied(stream, &len);
    http_h2_guard_sent(stream->conn);
    stream->moved_ns = goevd_poller_now(stream->conn->local->poller);
    if (http_h2_stream_ready(stream) == 0 && (stream->flags & HTTP_H2_STREAM_WAITS))
        http_h2_turn_want(stream->conn, stream);
    return r;
}

void
http_h2_stream_drop(struct http_h2_stream *stream)
{
    if (stream->segment.len != 0)
        http_segment_done(&stream->segment, -EPIPE);
    stream->out.len = stream->out_at = stream->after.len = 0;
    stream->shared.len = 0;
}
