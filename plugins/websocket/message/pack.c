#include "websocket/message/pack.h"

#include <errno.h>
#include <stdlib.h>

void
packer_fini(struct packer *p)
{
    for (unsigned bits = 0; bits <= DEFLATE_BITS_MAX; bits++)
        deflater_free(p->shared[bits]);
    free(p->out);
}

static struct deflater *
packer_shared(struct packer *p, unsigned bits)
{
    if (p->shared[bits] == NULL)
        p->shared[bits] = deflater_new(bits, p->level);
    return p->shared[bits];
}

/* Room for a message. What a large one has taken goes with the next that is not. */
static char *
packer_room(struct packer *p, size_t len)
{
    size_t room = len > PACKER_KEEP_MAX ? len : PACKER_KEEP_MAX;

    if (len > p->room || (p->room > PACKER_KEEP_MAX && len <= PACKER_KEEP_MAX)) {
        free(p->out);
        p->out = malloc(room);
        p->room = p->out == NULL ? 0 : room;
    }
    return p->out;
}

size_t
packer_pack(struct packer *p, struct deflater *own, unsigned bits, const char *data, size_t len,
            const char **ret)
{
    struct deflater *d = own != NULL ? own : packer_shared(p, bits);
    char *to = packer_room(p, len);
    size_t n;

    if (d == NULL || to == NULL)
        return 0;
    n = deflater_message(d, data, len, to);
    if (own == NULL && n != 0)
        deflater_reset(d);
    *ret = to;
    return n;
}

struct deflater *
packer_borrow(struct packer *p, unsigned bits)
{
    struct deflater *d = packer_shared(p, bits);

    p->shared[bits] = NULL;
    return d;
}

void
packer_give_back(struct packer *p, unsigned bits, struct deflater *d)
{
    deflater_reset(d);
    if (p->shared[bits] == NULL)
        p->shared[bits] = d;
    else
        deflater_free(d);
}

ptrdiff_t
packer_part(struct packer *p, struct deflater *d, const char *data, size_t len, bool last,
            const char **ret)
{
    char *to = packer_room(p, DEFLATED_MAX(len));

    *ret = to;
    return to == NULL ? -ENOMEM : (ptrdiff_t)deflater_part(d, data, len, last, to);
}
