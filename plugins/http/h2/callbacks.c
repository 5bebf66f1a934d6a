/* The callbacks of libnghttp2. They only record events, on which the turn acts. */
#include <errno.h>

#include "http/h2/block.h"
#include "http/h2/output.h"
#include "http/h2/stream.h"

/* ---- Frames in ------------------------------------------------------------------------------- */

static int
http_h2_on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *arg)
{
    (void)session;
    http_h2_guard_frame(arg, hd->type, hd->flags, hd->length);
    return 0;
}

static int
http_h2_on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct http_h2_conn *conn = arg;
    struct http_h2_stream *stream;

    conn->block_since_ns = goevd_poller_now(conn->local->poller);
    http_h2_block_begin(&conn->block, frame->headers.cat != NGHTTP2_HCAT_REQUEST);
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    stream = http_h2_stream_new(conn, frame->hd.stream_id);
    if (!stream)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
    return 0;
}

static int
http_h2_on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                  size_t name_len, const uint8_t *value, size_t len, uint8_t flags, void *arg)
{
    struct http_h2_conn *conn = arg;
    const struct http_limits *limits = &conn->local->http->limits;
    int r =
        http_h2_block_add(&conn->block, limits, (struct http_span){(const char *)name, name_len},
                          (struct http_span){(const char *)value, len});

    (void)session, (void)frame, (void)flags;
    return r < 0 ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
}

static int
http_h2_on_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                 size_t len, void *arg)
{
    struct http_h2_conn *conn = arg;

    (void)flags;
    conn->chunk.stream = http_h2_stream_of(session, id);
    conn->chunk.data = (const char *)data;
    conn->chunk.len = len;
    /* the connection's window is for all streams: one whose handler is slow holds up none */
    (void)nghttp2_session_consume_connection(session, len);
    return 0;
}

static void
http_h2_on_headers(struct http_h2_conn *conn, struct http_h2_stream *stream, bool trailers)
{
    conn->block_since_ns = 0;
    if (trailers)
        conn->trailers = stream;
    else
        conn->request = stream;
}

/* Streams whose window was too small for a frame may send again. The window of the connection and
 * the initial window concern all of them. */
static void
http_h2_on_window(struct http_h2_conn *conn, struct http_h2_stream *stream,
                  const nghttp2_frame_hd *hd)
{
    bool for_all = hd->type == NGHTTP2_SETTINGS && !(hd->flags & NGHTTP2_FLAG_ACK);

    if (hd->type == NGHTTP2_WINDOW_UPDATE && stream)
        http_h2_stream_resume(stream);
    for_all |= hd->type == NGHTTP2_WINDOW_UPDATE && hd->stream_id == 0;
    if (!for_all || !(conn->flags & HTTP_H2_PINCHED))
        return;
    conn->flags &= ~(unsigned)HTTP_H2_PINCHED;
    for (stream = conn->streams; stream; stream = stream->next)
        http_h2_stream_resume(stream);
}

static int
http_h2_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct http_h2_conn *conn = arg;
    struct http_h2_stream *stream = http_h2_stream_of(session, frame->hd.stream_id);

    if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK))
        conn->flags |= HTTP_H2_ACKED;
    http_h2_on_window(conn, stream, &frame->hd);
    if (!stream || (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS))
        return 0;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        stream->flags |= HTTP_H2_STREAM_IN_END;
        http_h2_turn_want(conn, stream);
    }
    if (frame->hd.type == NGHTTP2_HEADERS)
        http_h2_on_headers(conn, stream, frame->headers.cat != NGHTTP2_HCAT_REQUEST);
    return 0;
}

/* ---- Streams that end ------------------------------------------------------------------------ */

static int
http_h2_on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
    struct http_h2_conn *conn = arg;
    struct http_h2_stream *stream = http_h2_stream_of(session, id);

    if (code != NGHTTP2_NO_ERROR)
        http_h2_guard_reset(conn);
    if (!stream)
        return 0;
    stream->flags |= HTTP_H2_STREAM_CLOSED;
    if (conn->request == stream)
        conn->request = NULL;
    if (conn->trailers == stream)
        conn->trailers = NULL;
    http_h2_turn_want(conn, stream);
    return 0;
}

/* ---- Frames out ------------------------------------------------------------------------------ */

/* A DATA frame whose content libnghttp2 does not copy: its header, and then the content. */
static int
http_h2_on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *header,
                     size_t len, nghttp2_data_source *source, void *arg)
{
    struct http_h2_conn *conn = arg;
    int r;

    (void)session, (void)frame;
    if (!http_h2_output_has_room(conn))
        return NGHTTP2_ERR_WOULDBLOCK;
    r = http_h2_output_put(conn, (const char *)header, 9);
    if (r == 0)
        r = http_h2_stream_send(source->ptr, len);
    return r < 0 ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/* ---- State shared by the sessions of a poller ------------------------------------------------ */

int
http_h2_callbacks_init(struct http_h2_local *h2)
{
    if (nghttp2_session_callbacks_new(&h2->callbacks) != 0 || nghttp2_option_new(&h2->option) != 0)
        return -ENOMEM;
    nghttp2_session_callbacks_set_on_begin_frame_callback(h2->callbacks, http_h2_on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(h2->callbacks,
                                                            http_h2_on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(h2->callbacks, http_h2_on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(h2->callbacks, http_h2_on_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(h2->callbacks, http_h2_on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(h2->callbacks, http_h2_on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(h2->callbacks, http_h2_on_send_data);
    nghttp2_option_set_no_auto_window_update(h2->option, 1);
    nghttp2_option_set_no_closed_streams(h2->option, 1);
    nghttp2_option_set_max_deflate_dynamic_table_size(h2->option, 4096);
    nghttp2_option_set_builtin_recv_extension_type(h2->option, NGHTTP2_PRIORITY_UPDATE);
    nghttp2_option_set_server_fallback_rfc7540_priorities(h2->option, 1);
    return 0;
}

int
http_h2_callbacks_settings(struct http_h2_conn *conn)
{
    const struct http_options_http2 *o = http_h2_conn_options(conn);
    const struct http_limits *limits = &conn->local->http->limits;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)o->streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)o->stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
         limits->header_bytes_max + limits->request_line_max},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    int r =
        nghttp2_submit_settings(conn->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));

    return r != 0 ? r
                  : nghttp2_session_set_local_window_size(conn->session, NGHTTP2_FLAG_NONE, 0,
                                                          (int32_t)o->connection_window);
}
