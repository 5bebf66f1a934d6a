#include "websocket/receive.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "websocket/compress.h"
#include "websocket/incoming.h"
#include "websocket/keepalive.h"
#include "websocket/limit.h"
#include "websocket/message/frame.h"
#include "websocket/metrics.h"
#include "websocket/rooms/backlog.h"
#include "websocket/rooms/rooms.h"

/* Close the connection after an error of the peer or of the application. code: the close code,
 * perhaps with a limit (limit.h). */
static void
ws_conn_fail(struct goevd_websocket_conn *w, unsigned verdict, enum goevd_websocket_who who)
{
    enum ws_limit limit = WS_LIMITED_BY(verdict);
    const char *reason = ws_limit_reason(limit);

    if (ws_conn_begin_close(w, WS_LIMITED_CODE(verdict), reason, strlen(reason), who) == 0)
        ws_limit_tell(w, limit);
    w->flags &= ~(uint32_t)WS_CONN_AWAITS; /* the peer's close frame is not awaited */
    ws_conn_end(w, GOEVD_CLOSE_FLUSH);
}

static void
ws_conn_violated(struct goevd_websocket_conn *w, unsigned code)
{
    ws_conn_fail(w, code, GOEVD_WEBSOCKET_VIOLATION);
}

/* ---- Control frames -------------------------------------------------------------------------- */

/* The code of the peer's close frame, or the code that refuses it, section 7.1.5. */
static unsigned
ws_conn_close_code(const char *data, size_t len, bool *ret_valid)
{
    struct ws_utf8 utf8 = {0};
    uint16_t n16;

    *ret_valid = len == 0;
    if (len == 0)
        return WS_FRAME_CODE_NONE;
    if (len == 1)
        return WS_FRAME_CODE_PROTOCOL;
    memcpy(&n16, data, sizeof(n16));
    if (!ws_frame_code_valid(be16toh(n16)))
        return WS_FRAME_CODE_PROTOCOL;
    if (ws_utf8_check(&utf8, data + 2, len - 2) < 0 || utf8.need != 0)
        return WS_FRAME_CODE_TEXT;
    *ret_valid = true;
    return be16toh(n16);
}

/* Save the reason of the peer's close frame for on_close, in the buffer of messages, because no
 * message follows. Without memory the reason is lost. */
static void
ws_conn_keep_reason(struct goevd_websocket_conn *w, const char *data, size_t len)
{
    size_t n = len <= sizeof(uint16_t) ? 0 : len - sizeof(uint16_t);
    char *to;

    ws_incoming_give(w);
    to = n == 0 ? NULL : ws_incoming_room(w, n);
    if (!to)
        return;
    memcpy(to, data + sizeof(uint16_t), n);
    w->message_len = n;
}

/* Section 7.1.1: the server closes the TCP connection, at once because the peer sends no more. */
static void
ws_conn_take_close(struct goevd_websocket_conn *w, const char *data, size_t len)
{
    bool valid;
    unsigned code = ws_conn_close_code(data, len, &valid);

    if (!valid) {
        ws_conn_violated(w, code);
        return;
    }
    w->flags &= ~(uint32_t)WS_CONN_AWAITS;
    if (w->code == 0)
        ws_conn_keep_reason(w, data, len);
    (void)ws_conn_begin_close(w, code, NULL, 0, GOEVD_WEBSOCKET_PEER);
    ws_conn_end(w, GOEVD_CLOSE_DONE);
}

/* Handle a control frame. Returns 0; -ENOBUFS: try again later. */
static int
ws_conn_take_control(struct goevd_websocket_conn *w, const struct ws_frame_head *head,
                     const char *data)
{
    char payload[WS_FRAME_CONTROL_MAX];
    size_t len = (size_t)head->length;
    int r = 0;

    (void)ws_mask_apply(payload, data, len, head->mask);
    if (head->opcode == WS_FRAME_CLOSE)
        ws_conn_take_close(w, payload, len);
    else if (head->opcode == WS_FRAME_PING && !(w->flags & WS_CONN_CLOSING))
        r = ws_conn_send(w, WS_FRAME_PONG, payload, len);
    if (r < 0 && r != -ENOBUFS)
        ws_conn_fail(w, WS_FRAME_CODE_FAILED, GOEVD_WEBSOCKET_SELF);
    return r == -ENOBUFS ? r : 0;
}

/* Functions on the path of each message are inline: calls would cost 15 instructions more per
 * message. */

/* ---- Data frames ----------------------------------------------------------------------------- */

/* Handle a result of the application for a message that is neither 0 nor 1. Returns 0; -ENOBUFS:
 * try again later. */
__attribute__((cold, noinline)) static int
ws_conn_answered(struct goevd_websocket_conn *w, int r)
{
    if (r > 1)
        goevd_wrong_result(r, "0, 1 or a negative errno");
    if (r == -ENOBUFS && !(w->flags & WS_CONN_DRAINS)) {
        goevd_wrong_result(r, "-ENOBUFS only if a function has returned that for this connection");
        r = -EINVAL;
    }
    if (r == -ENOBUFS)
        return r;
    ws_conn_fail(
        w, r == -EMSGSIZE ? WS_LIMITED(WS_FRAME_CODE_LARGE, WS_LIMIT_REPLY) : WS_FRAME_CODE_FAILED,
        GOEVD_WEBSOCKET_SELF);
    return 0;
}

/* Pass a message, or its received part, to the application; the last part has LAST. Returns 0;
 * -ENOBUFS: try again later. */
static inline int
ws_conn_deliver(struct goevd_websocket_conn *w, const struct ws_instance *ws,
                struct goevd_place *place, const char *data, size_t len, unsigned flags)
{
    const struct goevd_websocket_app *app = &ws->app;
    int r;

    if (w->flags & WS_CONN_CLOSING)
        return 0;
    if (app->on_message) {
        (void)goevd_hosted_begin(place, &ws->hosted[WS_ON_MESSAGE]);
        r = app->on_message(w, w->begin.app_state, w->opcode, data, len);
    } else {
        (void)goevd_hosted_begin(place, &ws->hosted[WS_ON_FRAGMENT]);
        r = app->on_fragment(w, w->begin.app_state, w->opcode, data, len, flags);
    }
    if (__builtin_expect((unsigned)r > 1, 0))
        r = ws_conn_answered(w, r);
    goevd_hosted_end(place, NULL);
    return r == -ENOBUFS ? r : 0;
}

/* Pass a message in parts on, when it is complete or the application takes parts. */
static int
ws_conn_deliver_parts(struct goevd_websocket_conn *w)
{
    bool last = w->frame_left == 0 && (w->flags & WS_CONN_LAST);
    const struct ws_local *l = goevd_conn_local(w->c);
    bool waited = (w->flags & WS_CONN_WAITS) != 0; /* the time until now was the application's, not
                                                    * the peer's */
    unsigned flags = (w->flags & WS_CONN_STREAMED) != 0 ? 0 : GOEVD_WEBSOCKET_FIRST;
    int r;

    w->flags |= WS_CONN_WAITS;
    flags |= last ? GOEVD_WEBSOCKET_LAST : 0;
    r = ws_conn_deliver(w, ws_conn_instance(w), l->place, w->message, w->message_len, flags);
    if (r < 0)
        return r;
    w->flags &= ~(uint32_t)WS_CONN_WAITS;
    if (!last && waited)
        ws_keepalive_message(w);
    if (last) {
        goevd_metric_count(l->received, 1);
        w->flags &= ~(uint32_t)WS_CONN_MESSAGE;
        ws_incoming_give(w);
    } else {
        w->flags |= WS_CONN_STREAMED;
        w->streamed += (uint32_t)w->message_len;
        w->message_len = 0;
    }
    return 0;
}

/* Check the UTF-8 of a piece of text that ends here or continues in a later frame; `ascii`: it is
 * all ASCII. Returns whether it is valid. */
static inline bool
ws_conn_text_valid(struct goevd_websocket_conn *w, const char *data, size_t len, bool ascii,
                   bool last)
{
    if (w->opcode != WS_FRAME_TEXT || (w->flags & WS_CONN_CLOSING) || (ascii && w->utf8.need == 0))
        return true;
    return ws_utf8_check(&w->utf8, data, len) == 0 && (!last || w->utf8.need == 0);
}

/* Append a piece to the message. Returns 0, or the close code that refuses it. */
static unsigned
ws_conn_gather(struct goevd_websocket_conn *w, const char *data, size_t len, bool last)
{
    char *to = ws_incoming_room(w, len);
    bool ascii;

    if (!to)
        return WS_FRAME_CODE_FAILED;
    ascii = ws_mask_apply(to, data, len, w->mask);
    if (!ws_conn_text_valid(w, to, len, ascii, last))
        return WS_FRAME_CODE_TEXT;
    w->message_len += len;
    return 0;
}

/* Take the received part of the current frame. Returns its length, also if it closes the
 * connection. -ENOBUFS: nothing can be taken now, which never happens for a whole message. */
static ptrdiff_t
ws_conn_take_part(struct goevd_websocket_conn *w, const char *data, size_t len)
{
    size_t n = len < w->frame_left ? len : w->frame_left;
    bool last = n == w->frame_left && (w->flags & WS_CONN_LAST);
    unsigned code = (w->flags & WS_CONN_COMPRESSED) != 0 ? ws_compress_take(w, data, n, last)
                                                         : ws_conn_gather(w, data, n, last);

    if (code != 0) {
        ws_conn_fail(w, code,
                     WS_LIMITED_CODE(code) == WS_FRAME_CODE_FAILED ? GOEVD_WEBSOCKET_SELF
                                                                   : GOEVD_WEBSOCKET_VIOLATION);
        return (ptrdiff_t)n;
    }
    w->mask = ws_mask_after(w->mask, n);
    w->frame_left -= (uint32_t)n;
    if (w->frame_left == 0)
        w->flags &= ~(uint32_t)WS_CONN_FRAME;
    if (last || (w->message_len != 0 && ws_conn_instance(w)->app.on_fragment != NULL))
        (void)ws_conn_deliver_parts(w);
    return (ptrdiff_t)n;
}

/* Take a whole message in one frame, by far the most common case. Returns 0; -ENOBUFS: try again
 * later. */
static inline int
ws_conn_take_whole(struct goevd_websocket_conn *w, const struct ws_instance *ws,
                   const struct ws_frame_head *head, const char *data)
{
    struct ws_local *l = goevd_conn_local(w->c);
    char *scratch = ws_incoming_scratch(l, (size_t)head->length);
    bool ascii;
    int r;

    if (!scratch) {
        ws_conn_fail(w, WS_FRAME_CODE_FAILED, GOEVD_WEBSOCKET_SELF);
        return 0;
    }
    ascii = ws_mask_apply(scratch, data, (size_t)head->length, head->mask);
    w->opcode = head->opcode;
    w->utf8 = (struct ws_utf8){0};
    if (!ws_conn_text_valid(w, scratch, (size_t)head->length, ascii, true)) {
        ws_conn_violated(w, WS_FRAME_CODE_TEXT);
        return 0;
    }
    r = ws_conn_deliver(w, ws, l->place, scratch, (size_t)head->length,
                        GOEVD_WEBSOCKET_FIRST | GOEVD_WEBSOCKET_LAST);
    if (r == 0)
        goevd_metric_count(l->received, 1);
    return r;
}

/* Check the limits before memory is allocated for the frame. Returns 0, or the close code that
 * refuses it. */
static inline unsigned
ws_conn_refuses(const struct goevd_websocket_conn *w, const struct ws_options *o,
                const struct ws_frame_head *head)
{
    uint64_t message_max = (uint64_t)o->message_max;
    bool begun = (w->flags & WS_CONN_MESSAGE) != 0;
    bool compressed = begun ? (w->flags & WS_CONN_COMPRESSED) != 0 : head->compressed;
    uint64_t left = compressed ? WS_DEFLATED_MAX(message_max)
                               : message_max - (begun ? w->streamed + w->message_len : 0);

    if (begun != (head->opcode == WS_FRAME_CONTINUATION))
        return WS_FRAME_CODE_PROTOCOL;
    if (head->length > left)
        return WS_LIMITED(WS_FRAME_CODE_LARGE, WS_LIMIT_MESSAGE);
    if (o->frame_max != 0 && head->length > (uint64_t)o->frame_max)
        return WS_LIMITED(WS_FRAME_CODE_LARGE, WS_LIMIT_FRAME);
    if (begun && w->fragments >= (uint64_t)o->fragments_max)
        return WS_LIMITED(WS_FRAME_CODE_LARGE, WS_LIMIT_FRAGMENTS);
    return 0;
}

static void
ws_conn_begin_frame(struct goevd_websocket_conn *w, const struct ws_frame_head *head)
{
    bool first = !(w->flags & WS_CONN_MESSAGE);

    if (first) {
        w->opcode = head->opcode;
        w->utf8 = (struct ws_utf8){0};
        w->fragments = 0;
        w->streamed = 0;
        w->flags &= ~(uint32_t)(WS_CONN_COMPRESSED | WS_CONN_STREAMED);
        w->flags |= head->compressed ? WS_CONN_COMPRESSED : 0;
    }
    w->flags &= ~(uint32_t)WS_CONN_LAST;
    w->flags |= WS_CONN_MESSAGE | WS_CONN_FRAME | (head->fin ? WS_CONN_LAST : 0);
    w->frame_left = (uint32_t)head->length;
    w->mask = head->mask;
    w->fragments++;
    if (first)
        ws_keepalive_message(w);
}

/* Take the head and the received part of a data frame; data is its payload. Returns the bytes of
 * payload taken; -ENOBUFS: try again later. */
static inline ptrdiff_t
ws_conn_take_data(struct goevd_websocket_conn *w, const struct ws_frame_head *head,
                  const char *data, size_t len)
{
    const struct ws_instance *ws = ws_conn_instance(w);
    unsigned code = ws_conn_refuses(w, ws->options, head);
    int r;

    if (code != 0) {
        ws_conn_violated(w, code);
        return 0;
    }
    if (head->fin && len >= head->length && !head->compressed &&
        (w->flags & WS_CONN_MESSAGE) == 0) {
        r = ws_conn_take_whole(w, ws, head, data);
        return r < 0 ? r : (ptrdiff_t)head->length;
    }
    ws_conn_begin_frame(w, head);
    return ws_conn_take_part(w, data, len);
}

/* ---- Input ----------------------------------------------------------------------------------- */

/* Take a control frame, or the received part of a data frame. Returns the bytes taken; 0: more are
 * needed; -ENOBUFS. */
static inline ptrdiff_t
ws_conn_take_frame(struct goevd_websocket_conn *w, const char *data, size_t len)
{
    struct ws_frame_head head;
    int head_len = ws_frame_read(data, len, w->begin.terms.server_bits != 0, &head);
    ptrdiff_t r;

    if (head_len == -EBADMSG) {
        ws_conn_violated(w, WS_FRAME_CODE_PROTOCOL);
        return (ptrdiff_t)len;
    }
    if (head_len < 0)
        return 0;
    data += head_len;
    len -= (size_t)head_len;
    if (!ws_frame_is_control(head.opcode)) {
        r = ws_conn_take_data(w, &head, data, len);
        return r < 0 ? r : head_len + r;
    }
    if (len < head.length)
        return 0;
    r = ws_conn_take_control(w, &head, data);
    return r < 0 ? r : head_len + (ptrdiff_t)head.length;
}

static ptrdiff_t
ws_conn_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
             unsigned flags)
{
    struct goevd_websocket_conn *w = state;
    size_t at = 0;

    (void)c, (void)fresh, (void)flags;
    ws_keepalive_heard(w);
    while (at < len && (w->flags & (WS_CONN_DONE | WS_CONN_WAITS)) == 0) {
        ptrdiff_t n = (w->flags & WS_CONN_FRAME) != 0 ? ws_conn_take_part(w, data + at, len - at)
                                                      : ws_conn_take_frame(w, data + at, len - at);

        if (n <= 0)
            break;
        at += (size_t)n;
    }
    return (ptrdiff_t)((w->flags & WS_CONN_DONE) != 0 ? len : at);
}

/* ---- The life of a connection ---------------------------------------------------------------- */

static int
ws_conn_tell_open(struct goevd_websocket_conn *w, const struct ws_instance *ws)
{
    const struct goevd_hosted *outer = ws_conn_enter_app(w, WS_ON_OPEN);
    int r = ws->app.on_open(w, w->begin.app_state);

    if (r > 1) {
        goevd_wrong_result(r, "0, 1 or a negative errno");
        r = -EINVAL;
    }
    ws_conn_leave_app(w, outer);
    return r;
}

static int
ws_conn_open(struct goevd_conn *c, void *state)
{
    struct goevd_websocket_conn *w = state;
    const struct ws_instance *ws = goevd_conn_instance(c);
    int r = ws_conn_begin_state(ws, &w->begin);

    w->c = c;
    if (r < 0)
        return r;
    w->begin.magic = WS_CONN_MAGIC;
    ws_keepalive_begin(w);
    ws_rooms_add(w);
    w->flags |= WS_CONN_OPEN;
    ws_metrics_add(w, ws->metrics.open, 1);
    if (ws->app.on_open)
        r = ws_conn_tell_open(w, ws);
    if (r < 0)
        ws_conn_fail(w, WS_FRAME_CODE_FAILED, GOEVD_WEBSOCKET_SELF);
    return 0;
}

static int
ws_conn_drained(struct goevd_conn *c, void *state)
{
    struct goevd_websocket_conn *w = state;
    const struct ws_instance *ws = goevd_conn_instance(c);

    w->flags &= ~(uint32_t)WS_CONN_DRAINS;
    if (w->flags & WS_CONN_WAITS)
        (void)ws_conn_deliver_parts(w);
    if (!(w->flags & WS_CONN_DONE) && ws_backlog_drained(w) && ws->app.on_drained) {
        const struct goevd_hosted *outer = ws_conn_enter_app(w, WS_ON_DRAINED);

        ws->app.on_drained(w, w->begin.app_state);
        ws_conn_leave_app(w, outer);
    }
    return 0;
}

static void
ws_conn_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct goevd_websocket_conn *w = state;
    const struct ws_instance *ws = goevd_conn_instance(c);
    struct goevd_str said = {NULL, 0};

    (void)reason;
    ws_conn_note_close(w, WS_FRAME_CODE_LOST, GOEVD_WEBSOCKET_LOST);
    w->flags |= WS_CONN_DONE;
    if (w->flags & WS_CONN_AWAITS)
        w->who = GOEVD_WEBSOCKET_CUT;
    if (w->who == GOEVD_WEBSOCKET_PEER)
        said = (struct goevd_str){w->message, w->message_len};
    if (w->flags & WS_CONN_OPEN) {
        ws_metrics_add(w, ws->metrics.open, -1);
        ws_metrics_count_closed(w);
    }
    if ((w->flags & WS_CONN_OPEN) && ws->app.on_close) {
        const struct goevd_hosted *outer = ws_conn_enter_app(w, WS_ON_CLOSE);

        ws->app.on_close(w, w->begin.app_state, w->code, said, w->who);
        ws_conn_leave_app(w, outer);
    }
    ws_rooms_remove(w);
    ws_incoming_give(w);
    ws_compress_close(w);
    free(w->begin.app_state);
    *(volatile uint32_t *)&w->begin.magic = 0; /* a pointer kept by the application is detected by
                                                * its magic */
}

/* limits the memory of an idle connection */
static_assert(sizeof(struct goevd_websocket_conn) <= 128, "the state of a connection has grown");

const struct goevd_stream ws_conn_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct goevd_websocket_conn),
    .on_open = ws_conn_open,
    .on_read = ws_conn_read,
    .on_drained = ws_conn_drained,
    .on_timeout = ws_keepalive_timeout,
    .on_stop = ws_keepalive_stop,
    .on_close = ws_conn_close,
};
