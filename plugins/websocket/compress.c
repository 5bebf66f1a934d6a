#include "websocket/compress.h"

#include <errno.h>

#include "websocket/incoming.h"
#include "websocket/message/frame.h"
#include "websocket/metrics.h"

/* ---- The bound ------------------------------------------------------------------------------- */

static bool
bound_take(struct websocket *ws, int64_t bytes)
{
    int64_t max = ws->options->compress_memory;

    if (atomic_fetch_add_explicit(&ws->compress_used, bytes, memory_order_relaxed) + bytes <= max)
        return true;
    atomic_fetch_sub_explicit(&ws->compress_used, bytes, memory_order_relaxed);
    return false;
}

static void
bound_give(struct websocket *ws, int64_t bytes)
{
    atomic_fetch_sub_explicit(&ws->compress_used, bytes, memory_order_relaxed);
}

/* Whether the inflater is the connection's own for as long as it lives. */
static bool
terms_keep_inflater(const struct deflate_terms *terms)
{
    return terms->server_bits != 0 && (terms->named & DEFLATE_CLIENT_ALONE) == 0;
}

static int64_t
terms_memory(const struct deflate_terms *terms)
{
    int64_t in = terms_keep_inflater(terms) ? INFLATER_MEMORY(terms->client_bits) : 0;
    int64_t out =
        terms->server_bits != 0 && !terms->server_alone ? DEFLATER_MEMORY(terms->server_bits) : 0;

    return in + out;
}

void
compress_reserve(struct websocket *ws, struct deflate_terms *terms)
{
    if (bound_take(ws, terms_memory(terms)))
        return;
    terms->server_alone = true;
    if (!bound_take(ws, terms_memory(terms)))
        *terms = (struct deflate_terms){0};
}

void
compress_release(struct websocket *ws, const struct deflate_terms *terms)
{
    bound_give(ws, terms_memory(terms));
}

/* ---- In -------------------------------------------------------------------------------------- */

/* For one message, or for all of them. */
static struct inflater *
compress_inflater(struct goevd_websocket_conn *w)
{
    struct websocket_local *l = goevd_conn_local(w->c);
    unsigned bits = w->begin.terms.client_bits;

    if (w->inflater != NULL)
        return w->inflater;
    if (terms_keep_inflater(&w->begin.terms))
        return w->inflater = inflater_new(bits);
    w->inflater = l->inflater == NULL ? inflater_new(bits) : l->inflater;
    l->inflater = NULL;
    if (w->inflater != NULL)
        inflater_reset(w->inflater, bits);
    return w->inflater;
}

/* More of the message comes later: what it has borrowed stays with it, and others need another. */
static unsigned
compress_hold(struct goevd_websocket_conn *w)
{
    if (terms_keep_inflater(&w->begin.terms) || (w->flags & CONN_COUNTED) != 0)
        return 0;
    if (!bound_take(conn_instance(w), INFLATER_MEMORY(w->begin.terms.client_bits)))
        return FRAME_CODE_FAILED;
    w->flags |= CONN_COUNTED;
    return 0;
}

static void
compress_give_back(struct goevd_websocket_conn *w)
{
    struct websocket_local *l = goevd_conn_local(w->c);

    if (w->inflater != NULL && l != NULL && l->inflater == NULL)
        l->inflater = w->inflater;
    else
        inflater_free(w->inflater);
    if ((w->flags & CONN_COUNTED) != 0)
        bound_give(conn_instance(w), INFLATER_MEMORY(w->begin.terms.client_bits));
    w->flags &= (uint16_t)~CONN_COUNTED;
    w->inflater = NULL;
}

static unsigned
compress_malformed(const struct goevd_websocket_conn *w)
{
    figures_add(w, conn_instance(w)->figures.malformed, 1);
    return FRAME_CODE_TEXT;
}

/* All that can become of what was fed. No byte is made that the limit does not allow, but one. */
static unsigned
compress_inflate(struct goevd_websocket_conn *w)
{
    size_t max = (size_t)conn_instance(w)->options->message_max - (size_t)w->streamed;

    for (;;) {
        bool full = w->message_len == max;
        char beyond, *to = full ? &beyond : message_room(w, 1);
        size_t room = full ? 1 : w->message_room - w->message_len;
        ptrdiff_t n;

        if (to == NULL)
            return FRAME_CODE_FAILED;
        room = !full && room > max - w->message_len ? max - w->message_len : room;
        n = inflater_take(w->inflater, to, room);
        if (n <= 0)
            return n == 0 ? 0 : n == -ENOMEM ? FRAME_CODE_FAILED : compress_malformed(w);
        if (full)
            return FRAME_CODE_LARGE;
        if (w->opcode == FRAME_TEXT && utf8_check(&w->utf8, to, (size_t)n) < 0)
            return FRAME_CODE_TEXT;
        w->message_len += (size_t)n;
    }
}

static unsigned
compress_end(struct goevd_websocket_conn *w)
{
    unsigned code;

    inflater_feed_end(w->inflater);
    code = compress_inflate(w);
    if (code == 0 && !inflater_end(w->inflater))
        code = compress_malformed(w);
    if (code == 0 && w->utf8.need != 0)
        code = FRAME_CODE_TEXT;
    if (!terms_keep_inflater(&w->begin.terms))
        compress_give_back(w);
    return code;
}

unsigned
compress_take(struct goevd_websocket_conn *w, const char *data, size_t len, bool last)
{
    char *scratch = message_scratch(w, len);
    unsigned code;

    if ((w->flags & CONN_CLOSING) != 0)
        return 0;
    if (scratch == NULL || compress_inflater(w) == NULL)
        return FRAME_CODE_FAILED;
    (void)mask_apply(scratch, data, len, w->mask);
    inflater_feed(w->inflater, scratch, len);
    code = compress_inflate(w);
    if (code != 0)
        return code;
    return last ? compress_end(w) : compress_hold(w);
}

/* ---- Out ------------------------------------------------------------------------------------- */

/* NULL: messages are compressed alone, as wanted or as memory is missing. */
static struct deflater *
compress_own(struct goevd_websocket_conn *w)
{
    if (w->deflater == NULL && !w->begin.terms.server_alone)
        w->deflater = deflater_new(w->begin.terms.server_bits,
                                   (int)conn_instance(w)->options->compress_level);
    return w->deflater;
}

void
compress_count(const struct goevd_websocket_conn *w, int messages, size_t from, size_t to)
{
    const struct websocket *ws = conn_instance(w);

    figures_add(w, ws->figures.packed, messages);
    figures_add(w, ws->figures.packed_from, (int64_t)from);
    figures_add(w, ws->figures.packed_to, (int64_t)to);
}

/* Returns bytes of *ret; 0: it is sent as it is. */
static size_t
compress_pack(struct goevd_websocket_conn *w, const void *data, size_t len, const char **ret)
{
    struct websocket_local *l = goevd_conn_local(w->c);
    size_t n;

    if (len < (size_t)conn_instance(w)->options->compress_min ||
        (w->flags & (CONN_CLOSING | CONN_DONE)) != 0)
        return 0;
    n = packer_pack(&l->packer, compress_own(w), w->begin.terms.server_bits, data, len, ret);
    if (n != 0)
        compress_count(w, 1, len, n);
    return n;
}

int
compress_send(struct goevd_websocket_conn *w, uint8_t type, const void *data, size_t len)
{
    const char *packed;
    size_t n = 0;
    int r;

    if ((w->flags & (CONN_SENDING | CONN_CLOSING | CONN_DONE)) == CONN_SENDING)
        return -EBUSY;
    if (w->begin.terms.server_bits != 0)
        n = compress_pack(w, data, len, &packed);
    if (n == 0)
        return conn_send(w, type, data, len);
    r = conn_send(w, (uint8_t)(type | FRAME_COMPRESSED), packed, n);
    if (r < 0)
        compress_forget(w);
    return r;
}

void
compress_forget(struct goevd_websocket_conn *w)
{
    if (w->deflater != NULL)
        deflater_reset(w->deflater);
}

/* ---- Out, part by part ----------------------------------------------------------------------- */

/* The poller's; NULL: it is not to be had. */
static struct deflater *
compress_borrow(struct goevd_websocket_conn *w)
{
    struct websocket_local *l = goevd_conn_local(w->c);
    unsigned bits = w->begin.terms.server_bits;
    struct deflater *d;

    if (!bound_take(conn_instance(w), DEFLATER_MEMORY(bits)))
        return NULL;
    d = packer_borrow(&l->packer, bits);
    if (d == NULL)
        bound_give(conn_instance(w), DEFLATER_MEMORY(bits));
    return d;
}

void
compress_begin_parts(struct goevd_websocket_conn *w)
{
    if (w->begin.terms.server_bits == 0 || (w->flags & (CONN_CLOSING | CONN_DONE)) != 0)
        return;
    if (w->begin.terms.server_alone)
        w->deflater = compress_borrow(w);
    else
        (void)compress_own(w);
    if (w->deflater != NULL)
        w->flags |= CONN_SENDS_PACKED;
}

int
compress_send_part(struct goevd_websocket_conn *w, uint8_t opcode, const void *data, size_t len)
{
    struct websocket_local *l = goevd_conn_local(w->c);
    bool first = (opcode & ~FRAME_MORE) != FRAME_CONTINUATION;
    const char *packed;
    ptrdiff_t n;
    int r;

    n = packer_part(&l->packer, w->deflater, data, len, (opcode & FRAME_MORE) == 0, &packed);
    if (n < 0)
        return (int)n;
    compress_count(w, first, len, (size_t)n);
    r = conn_send(w, first ? opcode | FRAME_COMPRESSED : opcode, packed, (size_t)n);
    if (r < 0)
        compress_forget(w);
    return r;
}

void
compress_end_parts(struct goevd_websocket_conn *w)
{
    struct websocket_local *l = goevd_conn_local(w->c);
    unsigned bits = w->begin.terms.server_bits;

    if ((w->flags & CONN_SENDS_PACKED) == 0)
        return;
    w->flags &= (uint16_t)~CONN_SENDS_PACKED;
    if (!w->begin.terms.server_alone)
        return;
    if (l != NULL)
        packer_give_back(&l->packer, bits, w->deflater);
    else
        deflater_free(w->deflater);
    w->deflater = NULL;
    bound_give(conn_instance(w), DEFLATER_MEMORY(bits));
}

/* ---- The end --------------------------------------------------------------------------------- */

void
compress_close(struct goevd_websocket_conn *w)
{
    if (terms_keep_inflater(&w->begin.terms))
        inflater_free(w->inflater);
    else
        compress_give_back(w);
    compress_end_parts(w);
    deflater_free(w->deflater);
    compress_release(conn_instance(w), &w->begin.terms);
}
