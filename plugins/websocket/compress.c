#include "websocket/compress.h"

#include <errno.h>

#include "websocket/incoming.h"
#include "websocket/limit.h"
#include "websocket/message/frame.h"
#include "websocket/metrics.h"

/* ---- The memory bound ------------------------------------------------------------------------ */

static bool
ws_bound_take(struct ws_instance *ws, int64_t bytes)
{
    int64_t max = ws->options->compress_memory_max;

    if (atomic_fetch_add_explicit(&ws->compress_used, bytes, memory_order_relaxed) + bytes <= max)
        return true;
    atomic_fetch_sub_explicit(&ws->compress_used, bytes, memory_order_relaxed);
    return false;
}

static void
ws_bound_give(struct ws_instance *ws, int64_t bytes)
{
    atomic_fetch_sub_explicit(&ws->compress_used, bytes, memory_order_relaxed);
}

/* Whether the connection keeps its inflater for its whole life. */
static bool
ws_terms_keep_inflater(const struct ws_deflate_terms *terms)
{
    return terms->server_bits != 0 && !(terms->named & WS_DEFLATE_CLIENT_ALONE);
}

static int64_t
ws_terms_memory(const struct ws_deflate_terms *terms)
{
    int64_t in = ws_terms_keep_inflater(terms) ? WS_INFLATER_MEMORY(terms->client_bits) : 0;
    int64_t out = terms->server_bits != 0 && !terms->server_alone
                      ? WS_DEFLATER_MEMORY(terms->server_bits)
                      : 0;

    return in + out;
}

void
ws_compress_reserve(struct ws_instance *ws, struct ws_deflate_terms *terms)
{
    if (ws_bound_take(ws, ws_terms_memory(terms)))
        return;
    terms->server_alone = true;
    if (!ws_bound_take(ws, ws_terms_memory(terms)))
        *terms = (struct ws_deflate_terms){0};
}

void
ws_compress_release(struct ws_instance *ws, const struct ws_deflate_terms *terms)
{
    ws_bound_give(ws, ws_terms_memory(terms));
}

/* ---- Received messages ----------------------------------------------------------------------- */

/* The inflater for one message, or for the whole connection. */
static struct ws_inflater *
ws_compress_inflater(struct goevd_websocket_conn *w)
{
    struct ws_local *l = goevd_conn_local(w->c);
    unsigned bits = w->begin.terms.client_bits;

    if (w->inflater)
        return w->inflater;
    if (ws_terms_keep_inflater(&w->begin.terms))
        return w->inflater = ws_inflater_new(bits);
    w->inflater = l->inflater ? l->inflater : ws_inflater_new(bits);
    l->inflater = NULL;
    if (w->inflater)
        ws_inflater_reset(w->inflater, bits);
    return w->inflater;
}

/* The rest of the message arrives later: its connection keeps the borrowed inflater, and the
 * poller's next message gets another. */
static unsigned
ws_compress_hold(struct goevd_websocket_conn *w)
{
    if (ws_terms_keep_inflater(&w->begin.terms) || (w->flags & WS_CONN_COUNTED))
        return 0;
    if (!ws_bound_take(ws_conn_instance(w), WS_INFLATER_MEMORY(w->begin.terms.client_bits)))
        return WS_LIMITED(WS_FRAME_CODE_FAILED, WS_LIMIT_MEMORY);
    w->flags |= WS_CONN_COUNTED;
    return 0;
}

static void
ws_compress_give_back(struct goevd_websocket_conn *w)
{
    struct ws_local *l = goevd_conn_local(w->c);

    if (w->inflater && l && !l->inflater)
        l->inflater = w->inflater;
    else
        ws_inflater_free(w->inflater);
    if (w->flags & WS_CONN_COUNTED)
        ws_bound_give(ws_conn_instance(w), WS_INFLATER_MEMORY(w->begin.terms.client_bits));
    w->flags &= ~(uint32_t)WS_CONN_COUNTED;
    w->inflater = NULL;
}

static unsigned
ws_compress_malformed(const struct goevd_websocket_conn *w)
{
    ws_metrics_add(w, ws_conn_instance(w)->metrics.malformed, 1);
    return WS_FRAME_CODE_TEXT;
}

/* Inflate all input. Decompresses at most one byte beyond the message limit. */
static unsigned
ws_compress_inflate(struct goevd_websocket_conn *w)
{
    size_t max = (size_t)ws_conn_instance(w)->options->message_max - (size_t)w->streamed;

    for (;;) {
        bool full = w->message_len == max;
        char beyond, *to = full ? &beyond : ws_incoming_room(w, 1);
        size_t room = full ? 1 : w->message_room - w->message_len;
        ptrdiff_t n;

        if (!to)
            return WS_FRAME_CODE_FAILED;
        room = !full && room > max - w->message_len ? max - w->message_len : room;
        n = ws_inflater_take(w->inflater, to, room);
        if (n <= 0)
            return n == 0 ? 0 : n == -ENOMEM ? WS_FRAME_CODE_FAILED : ws_compress_malformed(w);
        if (full)
            return WS_LIMITED(WS_FRAME_CODE_LARGE, WS_LIMIT_MESSAGE);
        if (w->opcode == WS_FRAME_TEXT && ws_utf8_check(&w->utf8, to, (size_t)n) < 0)
            return WS_FRAME_CODE_TEXT;
        w->message_len += (size_t)n;
    }
}

static unsigned
ws_compress_end(struct goevd_websocket_conn *w)
{
    unsigned code;

    ws_inflater_feed_end(w->inflater);
    code = ws_compress_inflate(w);
    if (code == 0 && !ws_inflater_end(w->inflater))
        code = ws_compress_malformed(w);
    if (code == 0 && w->utf8.need != 0)
        code = WS_FRAME_CODE_TEXT;
    if (!ws_terms_keep_inflater(&w->begin.terms))
        ws_compress_give_back(w);
    return code;
}

unsigned
ws_compress_take(struct goevd_websocket_conn *w, const char *data, size_t len, bool last)
{
    char *scratch = ws_incoming_scratch(goevd_conn_local(w->c), len);
    unsigned code;

    if (w->flags & WS_CONN_CLOSING)
        return 0;
    if (!scratch || ws_compress_inflater(w) == NULL)
        return WS_FRAME_CODE_FAILED;
    (void)ws_mask_apply(scratch, data, len, w->mask);
    ws_inflater_feed(w->inflater, scratch, len);
    code = ws_compress_inflate(w);
    if (code != 0)
        return code;
    return last ? ws_compress_end(w) : ws_compress_hold(w);
}

/* ---- Sent messages --------------------------------------------------------------------------- */

/* NULL: messages are compressed independently, by agreement or for lack of memory. */
static struct ws_deflater *
ws_compress_own(struct goevd_websocket_conn *w)
{
    if (!w->deflater && !w->begin.terms.server_alone)
        w->deflater = ws_deflater_new(w->begin.terms.server_bits,
                                      (int)ws_conn_instance(w)->options->compress_level);
    return w->deflater;
}

void
ws_compress_count(const struct goevd_websocket_conn *w, int messages, size_t from, size_t to)
{
    const struct ws_instance *ws = ws_conn_instance(w);

    ws_metrics_add(w, ws->metrics.packed, messages);
    ws_metrics_add(w, ws->metrics.packed_from, (int64_t)from);
    ws_metrics_add(w, ws->metrics.packed_to, (int64_t)to);
}

/* Returns the length of *ret; 0: send the message uncompressed. */
static size_t
ws_compress_pack(struct goevd_websocket_conn *w, const void *data, size_t len, const char **ret)
{
    struct ws_local *l = goevd_conn_local(w->c);
    size_t n;

    if (len < (size_t)ws_conn_instance(w)->options->compress_min ||
        (w->flags & (WS_CONN_CLOSING | WS_CONN_DONE)) != 0)
        return 0;
    n = ws_packer_pack(&l->packer, ws_compress_own(w), w->begin.terms.server_bits, data, len, ret);
    if (n != 0)
        ws_compress_count(w, 1, len, n);
    return n;
}

int
ws_compress_send(struct goevd_websocket_conn *w, uint8_t type, const void *data, size_t len)
{
    const char *packed;
    size_t n = ws_compress_pack(w, data, len, &packed);
    int r;

    if (n == 0)
        return ws_conn_send(w, type, data, len);
    r = ws_conn_send(w, (uint8_t)(type | WS_FRAME_COMPRESSED), packed, n);
    if (r < 0)
        ws_compress_forget(w);
    return r;
}

void
ws_compress_forget(struct goevd_websocket_conn *w)
{
    if (w->deflater)
        ws_deflater_reset(w->deflater);
}

/* ---- Sent parts of messages ------------------------------------------------------------------ */

/* Borrow the poller's compressor. NULL: not available. */
static struct ws_deflater *
ws_compress_borrow(struct goevd_websocket_conn *w)
{
    struct ws_local *l = goevd_conn_local(w->c);
    unsigned bits = w->begin.terms.server_bits;
    struct ws_deflater *d;

    if (!ws_bound_take(ws_conn_instance(w), WS_DEFLATER_MEMORY(bits)))
        return NULL;
    d = ws_packer_borrow(&l->packer, bits);
    if (!d)
        ws_bound_give(ws_conn_instance(w), WS_DEFLATER_MEMORY(bits));
    return d;
}

void
ws_compress_begin_parts(struct goevd_websocket_conn *w)
{
    if (w->begin.terms.server_bits == 0 || (w->flags & (WS_CONN_CLOSING | WS_CONN_DONE)) != 0)
        return;
    if (w->begin.terms.server_alone)
        w->deflater = ws_compress_borrow(w);
    else
        (void)ws_compress_own(w);
    if (w->deflater)
        w->flags |= WS_CONN_SENDS_PACKED;
}

int
ws_compress_send_part(struct goevd_websocket_conn *w, uint8_t opcode, const void *data, size_t len)
{
    struct ws_local *l = goevd_conn_local(w->c);
    bool first = (opcode & ~WS_FRAME_MORE) != WS_FRAME_CONTINUATION;
    const char *packed;
    ptrdiff_t n;
    int r;

    n = ws_packer_part(&l->packer, w->deflater, data, len, (opcode & WS_FRAME_MORE) == 0, &packed);
    if (n < 0)
        return (int)n;
    ws_compress_count(w, first, len, (size_t)n);
    r = ws_conn_send(w, first ? opcode | WS_FRAME_COMPRESSED : opcode, packed, (size_t)n);
    if (r < 0)
        ws_compress_forget(w);
    return r;
}

void
ws_compress_end_parts(struct goevd_websocket_conn *w)
{
    struct ws_local *l = goevd_conn_local(w->c);
    unsigned bits = w->begin.terms.server_bits;

    if (!(w->flags & WS_CONN_SENDS_PACKED))
        return;
    w->flags &= ~(uint32_t)WS_CONN_SENDS_PACKED;
    if (!w->begin.terms.server_alone)
        return;
    if (l)
        ws_packer_give_back(&l->packer, bits, w->deflater);
    else
        ws_deflater_free(w->deflater);
    w->deflater = NULL;
    ws_bound_give(ws_conn_instance(w), WS_DEFLATER_MEMORY(bits));
}

/* ---- The end of a connection ----------------------------------------------------------------- */

void
ws_compress_close(struct goevd_websocket_conn *w)
{
    if (ws_terms_keep_inflater(&w->begin.terms))
        ws_inflater_free(w->inflater);
    else
        ws_compress_give_back(w);
    ws_compress_end_parts(w);
    ws_deflater_free(w->deflater);
    ws_compress_release(ws_conn_instance(w), &w->begin.terms);
}
