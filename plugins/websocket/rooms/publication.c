#include "websocket/rooms/publication.h"

#include <stdlib.h>
#include <string.h>

#include <goevd/conn.h>

#include "websocket/compress.h"
#include "websocket/message/frame.h"

#define COPY_MAX 1024 /* larger messages are queued by reference */

struct ws_publication *
ws_publication_new(struct ws_instance *ws, struct goevd_str room, uint8_t type, const void *data,
                   size_t len)
{
    char head[WS_FRAME_HEAD_MAX];
    size_t head_len = ws_frame_write(head, type, len);
    struct ws_publication *p = calloc(1, sizeof(*p) + room.len + head_len + len);

    if (!p)
        return NULL;
    p->ws = ws;
    p->type = type;
    p->head_len = (uint8_t)head_len;
    p->room_len = (uint16_t)room.len;
    p->len = len;
    atomic_init(&p->holders, 1);
    if (room.len != 0)
        memcpy(p->bytes, room.data, room.len);
    memcpy(p->bytes + room.len, head, head_len);
    if (len != 0)
        memcpy(p->bytes + room.len + head_len, data, len);
    return p;
}

void
ws_publication_hold(struct ws_publication *p)
{
    atomic_fetch_add_explicit(&p->holders, 1, memory_order_relaxed);
}

void
ws_publication_drop(struct ws_publication *p)
{
    if (atomic_fetch_sub_explicit(&p->holders, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < sizeof(p->packed) / sizeof(p->packed[0]); i++)
        free(atomic_load_explicit(&p->packed[i], memory_order_relaxed));
    free(p);
}

/* ---- Compression ----------------------------------------------------------------------------- */

static struct ws_packed *
ws_packed_new(struct ws_publication *p, const struct goevd_websocket_conn *w, unsigned bits)
{
    struct ws_local *l = goevd_conn_local(w->c);
    const char *data = p->bytes + p->room_len + p->head_len, *packed = NULL;
    size_t len = ws_packer_pack(&l->packer, NULL, bits, data, p->len, &packed), head_len;
    struct ws_packed *it = malloc(sizeof(*it) + WS_FRAME_HEAD_MAX + len);

    if (!it)
        return NULL;
    it->len = 0;
    if (len == 0)
        return it;
    ws_compress_count(w, 1, p->len, len);
    head_len = ws_frame_write(it->bytes, (uint8_t)(p->type | WS_FRAME_COMPRESSED), len);
    memcpy(it->bytes + head_len, packed, len);
    it->len = head_len + len;
    return it;
}

/* The compressed message, created at first use. If two pollers create it at the same time, both use
 * the first one. NULL: send it uncompressed. */
static const struct ws_packed *
ws_publication_packed(struct ws_publication *p, const struct goevd_websocket_conn *w, unsigned bits)
{
    _Atomic(struct ws_packed *) *at = &p->packed[bits - WS_DEFLATE_BITS_MIN];
    struct ws_packed *it = atomic_load_explicit(at, memory_order_acquire), *made;

    if (!it) {
        made = ws_packed_new(p, w, bits);
        if (!made)
            return NULL;
        if (atomic_compare_exchange_strong_explicit(at, &it, made, memory_order_acq_rel,
                                                    memory_order_acquire))
            it = made;
        else
            free(made);
    }
    return it->len == 0 ? NULL : it;
}

/* ---- Sending --------------------------------------------------------------------------------- */

static void
ws_publication_released(void *arg, int result)
{
    (void)result;
    ws_publication_drop(arg);
}

static int
ws_publication_queue(struct ws_publication *p, struct goevd_websocket_conn *w, const char *data,
                     size_t len)
{
    int r;

    if (len <= COPY_MAX)
        return ws_conn_wrote(w, goevd_conn_write(w->c, data, len));
    ws_publication_hold(p);
    r = goevd_conn_write_shared(w->c, data, len, ws_publication_released, p);
    if (r < 0)
        ws_publication_drop(p);
    return ws_conn_wrote(w, r);
}

int
ws_publication_send(struct ws_publication *p, struct goevd_websocket_conn *w)
{
    unsigned bits = w->begin.terms.server_bits;
    const struct ws_packed *packed = NULL;
    int r;

    if (bits != 0 && p->len >= (size_t)p->ws->options->compress_min)
        packed = ws_publication_packed(p, w, bits);
    if (!packed)
        return ws_publication_queue(p, w, p->bytes + p->room_len, p->head_len + p->len);
    r = ws_publication_queue(p, w, packed->bytes, packed->len);
    if (r >= 0)
        ws_compress_forget(w);
    return r;
}
