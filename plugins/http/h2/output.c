#include "http/h2/output.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <goevd/conn.h>

#include "http/exchange/pieces.h"
#include "http/h2/stream.h"

/* Bytes that are taken from libnghttp2 before the socket has taken earlier ones. Priorities count
 * only for frames still in libnghttp2. */
#define OUTPUT_AHEAD_MAX 65536

/* Bytes of frames that are gathered before they are queued. */
#define OUTPUT_BATCH_MAX 16384

/* A piece of shared memory that is worth a part of its own in the queue. */
#define OUTPUT_PIECE_MIN 2048

/* A small piece is sent after this time. */
#define OUTPUT_LATE_NS NS_PER_S

/* Bytes whose release shows that the socket has taken them. The connection may be gone by then. */
struct http_h2_marker {
    struct http_h2_conn *conn;
    char data[];
};

static void
http_h2_output_taken(void *arg, int result)
{
    struct http_h2_marker *marker = arg;
    struct http_h2_conn *conn = marker->conn;

    free(marker);
    if (!conn)
        return;
    conn->marker = NULL;
    if (result == 0)
        http_h2_turn_kick(conn);
}

/* ---- To the connection ----------------------------------------------------------------------- */

/* Write, and keep the part that the connection has no room for. 0; -ENOMEM; -EPIPE. */
static int
http_h2_output_write(struct http_h2_conn *conn, const char *data, size_t len)
{
    int r = conn->unsent.len != 0 ? -ENOBUFS : goevd_conn_write(conn->c, data, len);

    if (r == -ENOBUFS || r == -EMSGSIZE)
        return http_buffer_append(&conn->unsent, data, len);
    return MIN(r, 0);
}

/* The same, and let a turn begin when the socket has taken all of it. */
static int
http_h2_output_write_marked(struct http_h2_conn *conn, const char *data, size_t len)
{
    struct http_h2_marker *marker = malloc(sizeof(*marker) + len);
    int r;

    if (!marker)
        return -ENOMEM;
    marker->conn = conn;
    memcpy(marker->data, data, len);
    conn->marker = marker;
    r = goevd_conn_write_shared(conn->c, marker->data, len, http_h2_output_taken, marker);
    if (r >= 0)
        return 0;
    conn->marker = NULL;
    free(marker);
    return r == -ENOBUFS || r == -EMSGSIZE ? http_h2_output_write(conn, data, len) : r;
}

static bool
http_h2_output_is_full(const struct http_h2_conn *conn)
{
    return conn->pulled >= OUTPUT_AHEAD_MAX;
}

bool
http_h2_output_has_room(const struct http_h2_conn *conn)
{
    return !conn->marker && conn->unsent.len == 0 && !http_h2_output_is_full(conn);
}

/* Queue the batch. Once enough was taken from libnghttp2, its last bytes are marked. */
static int
http_h2_output_batch(struct http_h2_conn *conn)
{
    bool marked = http_h2_output_is_full(conn) && !conn->marker && conn->unsent.len == 0;
    int r = 0;

    if (conn->batch.len != 0)
        r = marked ? http_h2_output_write_marked(conn, conn->batch.data, conn->batch.len)
                   : http_h2_output_write(conn, conn->batch.data, conn->batch.len);
    conn->batch.len = 0;
    return r;
}

int
http_h2_output_flush(struct http_h2_conn *conn)
{
    size_t len = conn->unsent.len - conn->unsent_at;

    while (len != 0) {
        size_t n = MIN(len, OUTPUT_BATCH_MAX);
        int r = goevd_conn_write(conn->c, conn->unsent.data + conn->unsent_at, n);

        if (r == -ENOBUFS)
            return 0;
        if (r < 0)
            return r;
        conn->unsent_at += n;
        len -= n;
    }
    conn->unsent_at = 0;
    http_buffer_clear(&conn->unsent, 0);
    return 0;
}

bool
http_h2_output_is_empty(const struct http_h2_conn *conn)
{
    return conn->unsent.len == 0 && conn->batch.len == 0 &&
           !nghttp2_session_want_write(conn->session);
}

void
http_h2_output_fini(struct http_h2_conn *conn)
{
    if (conn->marker)
        conn->marker->conn = NULL;
    http_buffer_clear(&conn->unsent, 0);
    http_buffer_clear(&conn->batch, 0);
}

/* ---- From libnghttp2 ------------------------------------------------------------------------- */

int
http_h2_output_put(struct http_h2_conn *conn, const char *data, size_t len)
{
    conn->pulled += len;
    if (conn->batch.len + len > OUTPUT_BATCH_MAX) {
        int r = http_h2_output_batch(conn);

        if (r < 0)
            return r;
    }
    return http_buffer_append(&conn->batch, data, len);
}

/* The header of its frame is queued, so a piece that the connection has no room for is copied. A
 * file is read here, off the work pool: at most one frame, for an output_max smaller than that. */
static int
http_h2_output_copy(struct http_h2_conn *conn, struct http_segment *s, size_t len)
{
    struct http_buffer *to = &conn->unsent;
    int r = http_buffer_reserve(to, to->len + len);

    if (r < 0)
        return r;
    if (s->data)
        memcpy(to->data + to->len, s->data, len);
    else if (pread(s->fd, to->data + to->len, len, s->offset) != (ssize_t)len)
        return -EIO;
    to->len += len;
    http_pieces_skip(s, len);
    return 0;
}

int
http_h2_output_put_segment(struct http_h2_conn *conn, struct http_segment *s, size_t len)
{
    int r;

    if (s->data && len < OUTPUT_PIECE_MIN) {
        r = http_h2_output_put(conn, s->data, len);
        http_pieces_skip(s, len);
        return r;
    }
    conn->pulled += len;
    r = http_h2_output_batch(conn);
    if (r == 0)
        r = http_pieces_begin(s);
    if (r == 0)
        r = conn->unsent.len != 0 ? -ENOBUFS : http_pieces_write(conn->c, s, len);
    return r == -ENOBUFS || r == -EMSGSIZE ? http_h2_output_copy(conn, s, len) : MIN(r, 0);
}

bool
http_h2_output_is_late(const struct http_h2_stream *stream)
{
    return goevd_poller_now(stream->conn->local->poller) - stream->moved_ns > OUTPUT_LATE_NS;
}

int
http_h2_output_pump(struct http_h2_conn *conn)
{
    const uint8_t *data;
    ssize_t n = 1;
    int r = http_h2_output_flush(conn);

    while (r == 0 && n > 0 && http_h2_output_has_room(conn)) {
        n = nghttp2_session_mem_send(conn->session, &data);
        if (n > 0)
            r = http_h2_output_put(conn, (const char *)data, (size_t)n);
    }
    if (r == 0 && n < 0)
        r = n == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EPIPE;
    return r == 0 ? http_h2_output_batch(conn) : r;
}
