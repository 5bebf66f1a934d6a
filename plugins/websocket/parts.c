#include "websocket/parts.h"

#include <errno.h>

#include "websocket/compress.h"
#include "websocket/message/frame.h"
#include "websocket/rooms/backlog.h"
#include "websocket/send.h"

/* Send publications that have waited for the end of the message in parts. */
static void
ws_parts_end(struct goevd_websocket_conn *w, int r)
{
    ws_compress_end_parts(w);
    w->flags &= ~(uint32_t)WS_CONN_SENDING;
    if (r == 1)
        w->flags |= WS_CONN_FULL;
    ws_backlog_resume(w);
}

/* Returns as goevd_websocket_send_fragment(). */
static int
ws_parts_put(struct goevd_websocket_conn *w, uint8_t opcode, const void *data, size_t len)
{
    return (w->flags & WS_CONN_SENDS_PACKED) != 0 ? ws_compress_send_part(w, opcode, data, len)
                                                  : ws_conn_send(w, opcode, data, len);
}

int
ws_parts_send(struct goevd_websocket_conn *w, int type, const void *data, size_t len,
              unsigned flags)
{
    bool first = (flags & GOEVD_WEBSOCKET_FIRST) != 0, last = (flags & GOEVD_WEBSOCKET_LAST) != 0;
    bool begun = (w->flags & WS_CONN_SENDING) != 0;
    uint8_t opcode = first ? (uint8_t)type : WS_FRAME_CONTINUATION;
    int r;

    if ((type != GOEVD_WEBSOCKET_TEXT && type != GOEVD_WEBSOCKET_BINARY) || (!first && !begun))
        return -EINVAL;
    if (first && (last || begun))
        return ws_send_message(w, type, data, len);
    if (len > GOEVD_WEBSOCKET_FRAGMENT_MAX)
        return -EMSGSIZE;
    if (first)
        ws_compress_begin_parts(w);
    r = ws_parts_put(w, last ? opcode : opcode | WS_FRAME_MORE, data, len);
    if (r >= 0)
        w->flags |= WS_CONN_SENDING;
    if (first ? r < 0 : last && r >= 0)
        ws_parts_end(w, r);
    return r;
}
