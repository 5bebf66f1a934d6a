#include "websocket/message/pack.h"

#include <errno.h>
#include <stdlib.h>

void
ws_packer_fini(struct ws_packer *p)
{
    for (unsigned bits = 0; bits <= WS_DEFLATE_BITS_MAX; bits++)
        ws_deflater_free(p->shared[bits]);
    free(p->out);
}

static struct ws_deflater *
ws_packer_shared(struct ws_packer *p, unsigned bits)
{
    if (!p->shared[bits])
        p->shared[bits] = ws_deflater_new(bits, p->level);
    return p->shared[bits];
}

/* Room for a compressed message. A large buffer is freed at the next smaller message. */
static char *
ws_packer_room(struct ws_packer *p, size_t len)
{
    size_t room = len > WS_PACKER_KEEP_MAX ? len : WS_PACKER_KEEP_MAX;

    if (len > p->room || (p->room > WS_PACKER_KEEP_MAX && len <= WS_PACKER_KEEP_MAX)) {
        free(p->out);
        p->out = malloc(room);
        p->room = p->out ? room : 0;
    }
    return p->out;
}

size_t
ws_packer_pack(struct ws_packer *p, struct ws_deflater *own, unsigned bits, const char *data,
               size_t len, const char **ret)
{
    struct ws_deflater *d = own ? own : ws_packer_shared(p, bits);
    char *to = ws_packer_room(p, len);
    size_t n;

    if (!d || !to)
        return 0;
    n = ws_deflater_message(d, data, len, to);
    if (!own && n != 0)
        ws_deflater_reset(d);
    *ret = to;
    return n;
}

struct ws_deflater *
ws_packer_borrow(struct ws_packer *p, unsigned bits)
{
    struct ws_deflater *d = ws_packer_shared(p, bits);

    p->shared[bits] = NULL;
    return d;
}

void
ws_packer_give_back(struct ws_packer *p, unsigned bits, struct ws_deflater *d)
{
    ws_deflater_reset(d);
    if (!p->shared[bits])
        p->shared[bits] = d;
    else
        ws_deflater_free(d);
}

ptrdiff_t
ws_packer_part(struct ws_packer *p, struct ws_deflater *d, const char *data, size_t len, bool last,
               const char **ret)
{
    char *to = ws_packer_room(p, WS_DEFLATED_MAX(len));

    *ret = to;
    return to ? (ptrdiff_t)ws_deflater_part(d, data, len, last, to) : -ENOMEM;
}
