#include "http/h2/body.h"

#include <errno.h>

/* Memory that a stream keeps for content that its handler did not take. */
#define BODY_KEEP_BYTES 16384

void
http_h2_body_gone(struct http_h2_stream *stream)
{
    struct http_exchange *x = stream->x;

    stream->x = NULL;
    http_exchange_gone(x, GOEVD_HTTP_REASON_GONE);
}

void
http_h2_body_advanced(struct http_h2_stream *stream, int r)
{
    if (r >= 0 || r == -EBUSY || r == -ENOBUFS || !stream->x)
        return;
    http_h2_body_gone(stream);
    http_h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
}

/* The client may send as much again on this stream. */
static void
http_h2_body_consumed(struct http_h2_stream *stream, size_t len)
{
    if (len != 0 && !(stream->flags & (HTTP_H2_STREAM_CLOSED | HTTP_H2_STREAM_IN_END)))
        (void)nghttp2_session_consume_stream(stream->conn->session, stream->id, len);
}

/* Content that no handler wants. The client is asked to stop after a while, RFC 9113 section 8.1.
 */
static void
http_h2_body_discard(struct http_h2_stream *stream, size_t len)
{
    const struct http_options *o = stream->conn->local->http->options;

    stream->discarded += len;
    http_h2_body_consumed(stream, len);
    if (stream->discarded > (uint64_t)o->body_discard_max &&
        (stream->flags & HTTP_H2_STREAM_SENT) && http_h2_stream_ready(stream) == 0)
        http_h2_stream_reset(stream, NGHTTP2_NO_ERROR);
}

/* Returns how much was taken. */
static size_t
http_h2_body_give(struct http_h2_stream *stream, const char *data, size_t len, bool last)
{
    struct http_exchange *x = stream->x;
    ptrdiff_t used = 0;

    http_exchange_enter(x);
    if (!http_exchange_body_fits(x, len))
        http_exchange_break(x, HTTP_LARGE_BODY);
    else if (len != 0)
        used = http_exchange_body(x, data, len, last);
    if (used >= 0 && (size_t)used == len && last && !(x->flags & HTTP_X_BROKEN))
        http_exchange_body_complete(x);
    http_h2_body_advanced(stream, http_exchange_advance(x, MIN(used, 0)));
    if (stream->x)
        http_exchange_idle(stream->x);
    return used > 0 ? (size_t)used : 0;
}

void
http_h2_body_pass(struct http_h2_stream *stream)
{
    while (stream->x && http_exchange_wants_body(stream->x)) {
        size_t len = stream->in.len - stream->in_at;
        bool last = stream->flags & HTTP_H2_STREAM_IN_END;
        size_t used;

        if (len == 0 && (!last || !(stream->x->flags & HTTP_X_BODY)))
            break;
        used =
            http_h2_body_give(stream, len == 0 ? "" : stream->in.data + stream->in_at, len, last);
        stream->in_at += used;
        http_h2_body_consumed(stream, used);
        if (used == 0)
            break;
    }
    if (stream->in_at == stream->in.len) {
        stream->in_at = 0;
        http_buffer_clear(&stream->in, BODY_KEEP_BYTES);
    }
    if (!stream->x) {
        http_h2_body_discard(stream, stream->in.len - stream->in_at);
        stream->in_at = 0;
        http_buffer_clear(&stream->in, 0);
    }
}

int
http_h2_body_data(struct http_h2_stream *stream, const char *data, size_t len)
{
    bool last = stream->flags & HTTP_H2_STREAM_IN_END;
    size_t used = 0;

    if (!stream->x) {
        http_h2_body_discard(stream, len);
        return 0;
    }
    if (stream->in.len == stream->in_at && http_exchange_wants_body(stream->x))
        used = http_h2_body_give(stream, data, len, last);
    http_h2_body_consumed(stream, used);
    if (!stream->x || used == len)
        return 0;
    return http_buffer_append(&stream->in, data + used, len - used);
}
