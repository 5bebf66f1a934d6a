#include "websocket/send.h"

#include <errno.h>
#include <string.h>

#include "websocket/message/frame.h"

int
ws_send_ping(struct goevd_websocket_conn *w, const void *data, size_t len)
{
    return len > WS_FRAME_CONTROL_MAX ? -EINVAL : ws_conn_send(w, WS_FRAME_PING, data, len);
}

int
ws_send_close(struct goevd_websocket_conn *w, unsigned code, const char *reason)
{
    size_t len = reason ? strlen(reason) : 0;

    if (!ws_frame_code_valid(code) || len > GOEVD_WEBSOCKET_REASON_MAX)
        return -EINVAL;
    return ws_conn_begin_close(w, code, reason, len, GOEVD_WEBSOCKET_SELF);
}
