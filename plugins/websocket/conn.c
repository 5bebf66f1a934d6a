#include "websocket/conn.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "websocket/compress.h"
#include "websocket/incoming.h"
#include "websocket/keepalive.h"
#include "websocket/message/frame.h"
#include "websocket/rooms/rooms.h"

/* ---- Out ------------------------------------------------------------------------------------- */

#define RESERVE_MAX 65536 /* of goevd_conn_reserve() */

static void
conn_release(void *arg, int result)
{
    (void)result;
    free(arg);
}

/* What cannot be written in place, from memory of its own: all of it or nothing. */
static int
conn_send_large(struct goevd_websocket_conn *w, const char *head, size_t head_len, const void *data,
                size_t len)
{
    char *bytes = malloc(head_len + len);
    int r;

    if (bytes == NULL)
        return -ENOMEM;
    memcpy(bytes, head, head_len);
    if (len != 0)
        memcpy(bytes + head_len, data, len);
    r = goevd_conn_write_shared(w->c, bytes, head_len + len, conn_release, bytes);
    if (r < 0)
        free(bytes);
    return r;
}

int
conn_send(struct goevd_websocket_conn *w, uint8_t opcode, const void *data, size_t len)
{
    char head[FRAME_HEAD_MAX];
    size_t head_len = frame_write(head, opcode, len);
    char *to = NULL;

    if ((w->flags & (CONN_CLOSING | CONN_DONE)) != 0)
        return -EPIPE;
    if (head_len + len <= RESERVE_MAX)
        to = goevd_conn_reserve(w->c, head_len + len);
    if (to == NULL) /* where it is a limit that leaves no room, this says which */
        return conn_send_large(w, head, head_len, data, len);
    memcpy(to, head, head_len);
    if (len != 0)
        memcpy(to + head_len, data, len);
    return goevd_conn_commit(w->c, head_len + len);
}

/* ---- The end --------------------------------------------------------------------------------- */

static void
conn_note_close(struct goevd_websocket_conn *w, unsigned code, enum goevd_websocket_who who)
{
    if (w->code != 0)
        return;
    w->code = (uint16_t)code;
    w->who = (uint8_t)who;
}

int
conn_begin_close(struct goevd_websocket_conn *w, unsigned code, const char *reason, size_t len,
                 enum goevd_websocket_who who)
{
    char payload[FRAME_CONTROL_MAX];
    uint16_t n16 = htobe16((uint16_t)code);
    bool coded = code != FRAME_CODE_NONE;
    int r;

    assert(len + sizeof(n16) <= sizeof(payload));
    memcpy(payload, &n16, sizeof(n16));
    if (len != 0)
        memcpy(payload + sizeof(n16), reason, len);
    r = conn_send(w, FRAME_CLOSE, payload, coded ? sizeof(n16) + len : 0);
    if (r == -EPIPE)
        return r;
    conn_note_close(w, code, who);
    w->flags |= CONN_CLOSING;
    if (r < 0) { /* the frame has no room: the end of the connection tells as much */
        w->flags |= CONN_DONE;
        goevd_conn_close(w->c, GOEVD_CLOSE_FLUSH);
    } else {
        goevd_conn_deadline(w->c, (uint64_t)conn_instance(w)->options->close_timeout_ns);
    }
    return 0;
}

void
conn_end(struct goevd_websocket_conn *w, unsigned flags)
{
    w->flags |= CONN_DONE;
    goevd_conn_close(w->c, flags);
}

/* The peer, or the application, has gone wrong. */
static void
conn_fail(struct goevd_websocket_conn *w, unsigned code, enum goevd_websocket_who who)
{
    (void)conn_begin_close(w, code, NULL, 0, who);
    conn_end(w, GOEVD_CLOSE_FLUSH);
}

static void
conn_violated(struct goevd_websocket_conn *w, unsigned code)
{
    conn_fail(w, code, GOEVD_WEBSOCKET_VIOLATION);
}

/* ---- Control frames -------------------------------------------------------------------------- */

/* The code of the peer's close frame, or that which refuses it, section 7.1.5. */
static unsigned
conn_close_code(const char *data, size_t len, bool *ret_valid)
{
    struct utf8 utf8 = {0};
    uint16_t n16;

    *ret_valid = len == 0;
    if (len == 0)
        return FRAME_CODE_NONE;
    if (len == 1)
        return FRAME_CODE_PROTOCOL;
    memcpy(&n16, data, sizeof(n16));
    if (!frame_code_valid(be16toh(n16)))
        return FRAME_CODE_PROTOCOL;
    if (utf8_check(&utf8, data + 2, len - 2) < 0 || utf8.need != 0)
        return FRAME_CODE_TEXT;
    *ret_valid = true;
    return be16toh(n16);
}

/* Of the peer, for on_close: in the place of a message, as none comes any more. Without memory
 * there is no reason. */
static void
conn_keep_reason(struct goevd_websocket_conn *w, const char *data, size_t len)
{
    size_t n = len <= sizeof(uint16_t) ? 0 : len - sizeof(uint16_t);
    char *to;

    message_give(w);
    to = n == 0 ? NULL : message_room(w, n);
    if (to == NULL)
        return;
    memcpy(to, data + sizeof(uint16_t), n);
    w->message_len = n;
}

/* The server ends the connection, section 7.1.1: at once, for the peer has said its last. */
static void
conn_take_close(struct goevd_websocket_conn *w, const char *data, size_t len)
{
    bool valid;
    unsigned code = conn_close_code(data, len, &valid);

    if (!valid) {
        conn_violated(w, code);
        return;
    }
    if (w->code == 0)
        conn_keep_reason(w, data, len);
    (void)conn_begin_close(w, code, NULL, 0, GOEVD_WEBSOCKET_PEER);
    conn_end(w, GOEVD_CLOSE_DONE);
}

/* Returns 0, or -ENOBUFS: not now. */
static int
conn_take_control(struct goevd_websocket_conn *w, const struct frame_head *head, const char *data)
{
    char payload[FRAME_CONTROL_MAX];
    size_t len = (size_t)head->length;
    int r = 0;

    (void)mask_apply(payload, data, len, head->mask);
    if (head->opcode == FRAME_CLOSE)
        conn_take_close(w, payload, len);
    else if (head->opcode == FRAME_PING && (w->flags & CONN_CLOSING) == 0)
        r = conn_send(w, FRAME_PONG, payload, len);
    if (r < 0 && r != -ENOBUFS)
        conn_fail(w, FRAME_CODE_FAILED, GOEVD_WEBSOCKET_SELF);
    return r == -ENOBUFS ? r : 0;
}

/* ---- Data frames ----------------------------------------------------------------------------- */

/* Give a message to the application, or as much of it as is there: what ends it has LAST. Returns
 * 0, or -ENOBUFS: not now. */
static int
conn_deliver(struct goevd_websocket_conn *w, const char *data, size_t len, unsigned flags)
{
    const struct goevd_websocket_app *app = &conn_instance(w)->app;
    int r;

    if ((w->flags & CONN_CLOSING) != 0)
        return 0;
    if (app->on_message != NULL)
        r = app->on_message(w, w->begin.app_state, w->opcode, data, len);
    else
        r = app->on_fragment(w, w->begin.app_state, w->opcode, data, len, flags);
    if (r < 0 && r != -ENOBUFS)
        conn_fail(w, r == -EMSGSIZE ? FRAME_CODE_LARGE : FRAME_CODE_FAILED, GOEVD_WEBSOCKET_SELF);
    return r == -ENOBUFS ? r : 0;
}

/* The message in parts is whole, or is to go on part by part. */
static int
conn_deliver_parts(struct goevd_websocket_conn *w)
{
    bool last = w->frame_left == 0 && (w->flags & CONN_LAST) != 0;
    unsigned flags = (w->flags & CONN_STREAMED) != 0 ? 0 : GOEVD_WEBSOCKET_FIRST;
    int r;

    w->flags |= CONN_WAITS;
    r = conn_deliver(w, w->message, w->message_len, flags | (last ? GOEVD_WEBSOCKET_LAST : 0));
    if (r < 0)
        return r;
    w->flags &= (uint16_t)~CONN_WAITS;
    if (last) {
        w->flags &= (uint16_t)~CONN_MESSAGE;
        message_give(w);
    } else {
        w->flags |= CONN_STREAMED;
        w->streamed += w->message_len;
        w->message_len = 0;
    }
    return 0;
}

/* Text that ends here, or in a later frame; `ascii` if it is nothing else. Returns whether it can
 * stand. */
static bool
conn_text_valid(struct goevd_websocket_conn *w, const char *data, size_t len, bool ascii, bool last)
{
    if (w->opcode != FRAME_TEXT || (w->flags & CONN_CLOSING) != 0 || (ascii && w->utf8.need == 0))
        return true;
    return utf8_check(&w->utf8, data, len) == 0 && (!last || w->utf8.need == 0);
}

/* Take a piece of a message. Returns 0, or the code that refuses it. */
static unsigned
conn_gather(struct goevd_websocket_conn *w, const char *data, size_t len, bool last)
{
    char *to = message_room(w, len);
    bool ascii;

    if (to == NULL)
        return FRAME_CODE_FAILED;
    ascii = mask_apply(to, data, len, w->mask);
    if (!conn_text_valid(w, to, len, ascii, last))
        return FRAME_CODE_TEXT;
    w->message_len += len;
    return 0;
}

/* Take what is there of the present frame. Returns its bytes, also if it ends the connection;
 * -ENOBUFS if nothing can be taken, which with a whole message does not happen. */
static ptrdiff_t
conn_take_part(struct goevd_websocket_conn *w, const char *data, size_t len)
{
    size_t n = len < w->frame_left ? len : (size_t)w->frame_left;
    bool last = n == w->frame_left && (w->flags & CONN_LAST) != 0;
    unsigned code = (w->flags & CONN_COMPRESSED) != 0 ? compress_take(w, data, n, last)
                                                      : conn_gather(w, data, n, last);

    if (code != 0) {
        conn_fail(w, code,
                  code == FRAME_CODE_FAILED ? GOEVD_WEBSOCKET_SELF : GOEVD_WEBSOCKET_VIOLATION);
        return (ptrdiff_t)n;
    }
    w->mask = mask_after(w->mask, n);
    w->frame_left -= n;
    if (w->frame_left == 0)
        w->flags &= (uint16_t)~CONN_FRAME;
    if (last || (w->message_len != 0 && conn_instance(w)->app.on_fragment != NULL))
        (void)conn_deliver_parts(w);
    return (ptrdiff_t)n;
}

/* The most common frame by far: a whole message, all there. Returns 0, or -ENOBUFS: not now. */
static int
conn_take_whole(struct goevd_websocket_conn *w, const struct frame_head *head, const char *data)
{
    char *scratch = message_scratch(w, (size_t)head->length);
    bool ascii;

    if (scratch == NULL) {
        conn_fail(w, FRAME_CODE_FAILED, GOEVD_WEBSOCKET_SELF);
        return 0;
    }
    ascii = mask_apply(scratch, data, (size_t)head->length, head->mask);
    w->opcode = head->opcode;
    w->utf8 = (struct utf8){0};
    if (!conn_text_valid(w, scratch, (size_t)head->length, ascii, true)) {
        conn_violated(w, FRAME_CODE_TEXT);
        return 0;
    }
    return conn_deliver(w, scratch, (size_t)head->length,
                        GOEVD_WEBSOCKET_FIRST | GOEVD_WEBSOCKET_LAST);
}

/* 0, or the code that refuses the frame: before any memory is taken for it. */
static unsigned
conn_refuses(const struct goevd_websocket_conn *w, const struct frame_head *head)
{
    const struct options *o = conn_instance(w)->options;
    uint64_t message_max = (uint64_t)o->message_max;
    bool begun = (w->flags & CONN_MESSAGE) != 0;
    bool compressed = begun ? (w->flags & CONN_COMPRESSED) != 0 : head->compressed;
    uint64_t left = compressed ? DEFLATED_MAX(message_max)
                               : message_max - (begun ? w->streamed + w->message_len : 0);

    if (begun != (head->opcode == FRAME_CONTINUATION))
        return FRAME_CODE_PROTOCOL;
    if (head->length > left || (o->frame_max != 0 && head->length > (uint64_t)o->frame_max) ||
        (begun && w->fragments >= (uint64_t)o->fragments_max))
        return FRAME_CODE_LARGE;
    return 0;
}

static void
conn_begin_frame(struct goevd_websocket_conn *w, const struct frame_head *head)
{
    if ((w->flags & CONN_MESSAGE) == 0) {
        w->opcode = head->opcode;
        w->utf8 = (struct utf8){0};
        w->fragments = 0;
        w->streamed = 0;
        w->flags &= (uint16_t) ~(CONN_COMPRESSED | CONN_STREAMED);
        w->flags |= head->compressed ? CONN_COMPRESSED : 0;
    }
    w->flags &= (uint16_t)~CONN_LAST;
    w->flags |= CONN_MESSAGE | CONN_FRAME | (head->fin ? CONN_LAST : 0);
    w->frame_left = head->length;
    w->mask = head->mask;
    w->fragments++;
}

/* Take the beginning of a data frame, or all of it; data is its payload as far as it is there.
 * Returns bytes of that, or -ENOBUFS: not now. */
static ptrdiff_t
conn_take_data(struct goevd_websocket_conn *w, const struct frame_head *head, const char *data,
               size_t len)
{
    unsigned code = conn_refuses(w, head);
    int r;

    if (code != 0) {
        conn_violated(w, code);
        return 0;
    }
    if (head->fin && len >= head->length && !head->compressed && (w->flags & CONN_MESSAGE) == 0) {
        r = conn_take_whole(w, head, data);
        return r < 0 ? r : (ptrdiff_t)head->length;
    }
    conn_begin_frame(w, head);
    return conn_take_part(w, data, len);
}

/* ---- In -------------------------------------------------------------------------------------- */

/* Take a frame, or of data its beginning. Returns bytes; 0 if more are needed; -ENOBUFS. */
static ptrdiff_t
conn_take_frame(struct goevd_websocket_conn *w, const char *data, size_t len)
{
    struct frame_head head;
    int head_len = frame_read(data, len, w->begin.terms.server_bits != 0, &head);
    ptrdiff_t r;

    if (head_len == -EBADMSG) {
        conn_violated(w, FRAME_CODE_PROTOCOL);
        return (ptrdiff_t)len;
    }
    if (head_len < 0)
        return 0;
    data += head_len;
    len -= (size_t)head_len;
    if (!frame_is_control(head.opcode)) {
        r = conn_take_data(w, &head, data, len);
        return r < 0 ? r : head_len + r;
    }
    if (len < head.length)
        return 0;
    r = conn_take_control(w, &head, data);
    return r < 0 ? r : head_len + (ptrdiff_t)head.length;
}

static ptrdiff_t
conn_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
          unsigned flags)
{
    struct goevd_websocket_conn *w = state;
    size_t at = 0;

    (void)c, (void)fresh, (void)flags;
    live_heard(w);
    while (at < len && (w->flags & (CONN_DONE | CONN_WAITS)) == 0) {
        ptrdiff_t n = (w->flags & CONN_FRAME) != 0 ? conn_take_part(w, data + at, len - at)
                                                   : conn_take_frame(w, data + at, len - at);

        if (n <= 0)
            break;
        at += (size_t)n;
    }
    return (ptrdiff_t)((w->flags & CONN_DONE) != 0 ? len : at);
}

/* ---- Life ------------------------------------------------------------------------------------ */

int
conn_begin_state(const struct websocket *ws, struct conn_begin *begin)
{
    if (ws->app.conn_size == 0 || begin->app_state != NULL)
        return 0;
    begin->app_state = calloc(1, ws->app.conn_size);
    return begin->app_state == NULL ? -ENOMEM : 0;
}

static int
conn_open(struct goevd_conn *c, void *state)
{
    struct goevd_websocket_conn *w = state;
    const struct websocket *ws = goevd_conn_instance(c);
    int r = conn_begin_state(ws, &w->begin);

    w->c = c;
    if (r < 0)
        return r;
    live_begin(w);
    rooms_add(w);
    w->flags |= CONN_OPEN;
    if (ws->app.on_open != NULL)
        r = ws->app.on_open(w, w->begin.app_state);
    if (r < 0)
        conn_fail(w, FRAME_CODE_FAILED, GOEVD_WEBSOCKET_SELF);
    return 0;
}

static int
conn_drained(struct goevd_conn *c, void *state)
{
    struct goevd_websocket_conn *w = state;
    const struct websocket *ws = goevd_conn_instance(c);

    if ((w->flags & CONN_WAITS) != 0)
        (void)conn_deliver_parts(w);
    if ((w->flags & CONN_DONE) == 0 && rooms_drained(w) && ws->app.on_drained != NULL)
        ws->app.on_drained(w, w->begin.app_state);
    return 0;
}

static void
conn_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct goevd_websocket_conn *w = state;
    const struct websocket *ws = goevd_conn_instance(c);
    struct goevd_str said = {NULL, 0};

    (void)reason;
    conn_note_close(w, FRAME_CODE_LOST, GOEVD_WEBSOCKET_LOST);
    w->flags |= CONN_DONE;
    if (w->who == GOEVD_WEBSOCKET_PEER)
        said = (struct goevd_str){w->message, w->message_len};
    if ((w->flags & CONN_OPEN) != 0 && ws->app.on_close != NULL)
        ws->app.on_close(w, w->begin.app_state, w->code, said, w->who);
    rooms_remove(w);
    message_give(w);
    compress_close(w);
    free(w->begin.app_state);
}

/* What an idle connection may cost beside the host's own part. */
static_assert(sizeof(struct goevd_websocket_conn) <= 128, "the state of a connection has grown");

const struct goevd_stream conn_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct goevd_websocket_conn),
    .on_open = conn_open,
    .on_read = conn_read,
    .on_drained = conn_drained,
    .on_timeout = live_timeout,
    .on_stop = live_stop,
    .on_close = conn_close,
};
