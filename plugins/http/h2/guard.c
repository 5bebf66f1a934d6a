#include "http/h2/guard.h"

#include "http/h2/conn.h"

/* Bytes of content that pay for one frame without use. */
#define GUARD_BYTES_PER_GLITCH 1024

static void
http_h2_guard_glitch(struct http_h2_conn *conn)
{
    if (++conn->guard.glitches > http_h2_conn_options(conn)->glitches_max)
        conn->guard.reason = HTTP_H2_GUARD_GLITCHES;
}

static void
http_h2_guard_pay(struct http_h2_conn *conn, size_t count)
{
    conn->guard.glitches = MAX(conn->guard.glitches - (int64_t)count, 0);
}

void
http_h2_guard_frame(struct http_h2_conn *conn, uint8_t type, uint8_t flags, size_t len)
{
    switch (type) {
    case NGHTTP2_HEADERS:
        http_h2_guard_pay(conn, 1);
        break;
    case NGHTTP2_DATA:
        /* a padded frame may have no content, but costs its length */
        if (len > GUARD_BYTES_PER_GLITCH)
            http_h2_guard_pay(conn, len / GUARD_BYTES_PER_GLITCH);
        else if (len == 0 && !(flags & NGHTTP2_FLAG_END_STREAM))
            http_h2_guard_glitch(conn);
        break;
    default: /* also WINDOW_UPDATE, which http_h2_guard_sent() pays for */
        http_h2_guard_glitch(conn);
        break;
    }
}

void
http_h2_guard_sent(struct http_h2_conn *conn)
{
    http_h2_guard_pay(conn, 2);
}

void
http_h2_guard_reset(struct http_h2_conn *conn)
{
    if (++conn->guard.resets > http_h2_conn_options(conn)->resets_max)
        conn->guard.reason = HTTP_H2_GUARD_RESETS;
}

void
http_h2_guard_good(struct http_h2_conn *conn)
{
    conn->guard.resets = MAX(conn->guard.resets - 1, 0);
    http_h2_guard_pay(conn, 2);
}

void
http_h2_guard_check(struct http_h2_conn *conn)
{
    static const char *const words[] = {
        [HTTP_H2_GUARD_NONE] = "",
        [HTTP_H2_GUARD_RESETS] = "too many streams were reset",
        [HTTP_H2_GUARD_GLITCHES] = "too many frames without use",
    };

    if (conn->guard.reason != HTTP_H2_GUARD_NONE && !(conn->flags & HTTP_H2_FAILED))
        http_h2_turn_fail(conn, NGHTTP2_ENHANCE_YOUR_CALM, words[conn->guard.reason]);
}
