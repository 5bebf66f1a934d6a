/* Compressors that the connections of a poller share: each message is compressed independently. */
#pragma once

#include <stddef.h>

#include "websocket/message/deflate.h"
#include "websocket/message/extensions.h"

#define WS_PACKER_KEEP_MAX 65536 /* largest buffer kept for the next message */

/* Zeroed at first, except for the level. Used by one thread. */
struct ws_packer {
    int level;                                           /* level of zlib, 1 to 9 */
    struct ws_deflater *shared[WS_DEFLATE_BITS_MAX + 1]; /* by window bits; created at first use */
    char *out;
    size_t room;
};

void ws_packer_fini(struct ws_packer *p);

/* Compress a message.
 *
 * own      Compressor that refers to earlier messages; NULL: a shared one with a window of `bits`.
 * ret      Valid until the next call.
 * Returns  Length of *ret; 0: not shorter, or out of memory, so send the message uncompressed.
 */
size_t ws_packer_pack(struct ws_packer *p, struct ws_deflater *own, unsigned bits, const char *data,
                      size_t len, const char **ret);

/* Borrow the shared compressor for a message in parts; no other message may use it until it is
 * returned. NULL: out of memory. */
struct ws_deflater *ws_packer_borrow(struct ws_packer *p, unsigned bits);
void ws_packer_give_back(struct ws_packer *p, unsigned bits, struct ws_deflater *d);

/* ws_deflater_part() into a buffer of the packer. Returns the length of *ret, valid until the next
 * call; -ENOMEM. */
ptrdiff_t ws_packer_part(struct ws_packer *p, struct ws_deflater *d, const char *data, size_t len,
                         bool last, const char **ret);
