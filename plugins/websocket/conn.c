#include "websocket/conn.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/conn.h>

#include "websocket/message/frame.h"

/* ---- Sending frames -------------------------------------------------------------------------- */

#define RESERVE_MAX 65536 /* limit of goevd_conn_reserve() */

static void
ws_conn_release(void *arg, int result)
{
    (void)result;
    free(arg);
}

/* Send a frame that cannot be written in place, from a separate allocation: all of it or
 * nothing. */
static int
ws_conn_send_large(struct goevd_websocket_conn *w, const char *head, size_t head_len,
                   const void *data, size_t len)
{
    char *bytes = malloc(head_len + len);
    int r;

    if (!bytes)
        return -ENOMEM;
    memcpy(bytes, head, head_len);
    if (len != 0)
        memcpy(bytes + head_len, data, len);
    r = goevd_conn_write_shared(w->c, bytes, head_len + len, ws_conn_release, bytes);
    if (r < 0)
        free(bytes);
    return r;
}

int
ws_conn_send(struct goevd_websocket_conn *w, uint8_t opcode, const void *data, size_t len)
{
    char head[WS_FRAME_HEAD_MAX];
    size_t head_len = ws_frame_write(head, opcode, len);
    char *to = NULL;

    if ((w->flags & (WS_CONN_CLOSING | WS_CONN_DONE)) != 0)
        return -EPIPE;
    if (head_len + len <= RESERVE_MAX)
        to = goevd_conn_reserve(w->c, head_len + len);
    if (!to) /* this call reports which limit leaves no room */
        return ws_conn_wrote(w, ws_conn_send_large(w, head, head_len, data, len));
    memcpy(to, head, head_len);
    if (len != 0)
        memcpy(to + head_len, data, len);
    return ws_conn_wrote(w, goevd_conn_commit(w->c, head_len + len));
}

/* ---- The end of a connection ----------------------------------------------------------------- */

void
ws_conn_note_close(struct goevd_websocket_conn *w, unsigned code, enum goevd_websocket_who who)
{
    if (w->code != 0)
        return;
    w->code = (uint16_t)code;
    w->who = (uint8_t)who;
}

int
ws_conn_begin_close(struct goevd_websocket_conn *w, unsigned code, const char *reason, size_t len,
                    enum goevd_websocket_who who)
{
    char payload[WS_FRAME_CONTROL_MAX];
    uint16_t n16 = htobe16((uint16_t)code);
    bool coded = code != WS_FRAME_CODE_NONE;
    int r;

    assert(len + sizeof(n16) <= sizeof(payload));
    memcpy(payload, &n16, sizeof(n16));
    if (len != 0)
        memcpy(payload + sizeof(n16), reason, len);
    r = ws_conn_send(w, WS_FRAME_CLOSE, payload, coded ? sizeof(n16) + len : 0);
    if (r == -EPIPE)
        return r;
    ws_conn_note_close(w, code, who);
    w->flags &= ~(uint32_t)WS_CONN_PINGED;
    w->flags |= WS_CONN_CLOSING | (who == GOEVD_WEBSOCKET_SELF ? WS_CONN_AWAITS : 0);
    if (r < 0) { /* no room for the close frame: the end of the connection is the only sign */
        w->flags |= WS_CONN_DONE;
        goevd_conn_close(w->c, GOEVD_CLOSE_FLUSH);
    } else {
        goevd_conn_deadline(w->c, (uint64_t)ws_conn_instance(w)->options->close_timeout_ns);
    }
    return 0;
}

void
ws_conn_end(struct goevd_websocket_conn *w, unsigned flags)
{
    w->flags |= WS_CONN_DONE;
    goevd_conn_close(w->c, flags);
}

/* ---- The life of a connection ---------------------------------------------------------------- */

int
ws_conn_begin_state(const struct ws_instance *ws, struct ws_conn_begin *begin)
{
    if (ws->app.conn_size == 0 || begin->app_state)
        return 0;
    begin->app_state = calloc(1, ws->app.conn_size);
    return begin->app_state ? 0 : -ENOMEM;
}
