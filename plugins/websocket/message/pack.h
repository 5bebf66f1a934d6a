/* Compressors that a poller's connections share: each message is compressed alone. */
#pragma once

#include <stddef.h>

#include "websocket/message/deflate.h"
#include "websocket/message/extensions.h"

#define WS_PACKER_KEEP_MAX 65536 /* bytes that are kept for the next message */

/* Begin with the level and zeroes. Of one thread. */
struct ws_packer {
    int level; /* of zlib, 1 to 9 */
    struct ws_deflater
        *shared[WS_DEFLATE_BITS_MAX + 1]; /* by the bits of their windows, once used */
    char *out;
    size_t room;
};

void ws_packer_fini(struct ws_packer *p);

/* Compress a message.
 *
 * own      goes on with what it has compressed; NULL: one with a window of so many bits, alone.
 * ret      valid until the next call.
 * Returns  bytes; 0 if it would not be shorter, or without memory: send it as it is. */
size_t ws_packer_pack(struct ws_packer *p, struct ws_deflater *own, unsigned bits, const char *data,
                      size_t len, const char **ret);

/* The shared one for a message that goes out part by part: nobody else's until it is given back.
 * NULL without memory. */
struct ws_deflater *ws_packer_borrow(struct ws_packer *p, unsigned bits);
void ws_packer_give_back(struct ws_packer *p, unsigned bits, struct ws_deflater *d);

/* As ws_deflater_part(). Returns bytes of *ret, valid until the next call; -ENOMEM. */
ptrdiff_t ws_packer_part(struct ws_packer *p, struct ws_deflater *d, const char *data, size_t len,
                         bool last, const char **ret);
