/* Messages of RFC 7692, section 7.2, with zlib: in and out of compressed bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes that one takes at most, for a window of so many bits; the rest is zlib's own state. */
#define WS_INFLATER_MEMORY(bits) ((1 << (bits)) + 8192)
#define WS_DEFLATER_MEMORY(bits) ((1 << ((bits) + 3)) + 8192)

/* Bytes that a message may get: some cannot be made shorter, and get longer. */
#define WS_DEFLATED_MAX(len) ((len) + (len) / 4 + 64)

struct ws_inflater;

/* NULL without memory. */
struct ws_inflater *ws_inflater_new(unsigned bits);
void ws_inflater_free(struct ws_inflater *i);

/* Forget the messages of before, and have a window of so many bits. */
void ws_inflater_reset(struct ws_inflater *i, unsigned bits);

/* The next piece of a message; it must stay until ws_inflater_take() has returned 0. */
void ws_inflater_feed(struct ws_inflater *i, const char *data, size_t len);

/* The message ends behind what was fed. */
void ws_inflater_feed_end(struct ws_inflater *i);

/* Make bytes of what was fed. Returns how many, at most room, which is not 0; 0 if that needs more
 * to be fed; -EBADMSG if nothing can become of it; -ENOMEM. Whether it takes what refers further
 * back than the window depends on the pieces. */
ptrdiff_t ws_inflater_take(struct ws_inflater *i, char *to, size_t room);

/* Whether the message was whole, when all of it is taken; the next one may begin. */
bool ws_inflater_end(struct ws_inflater *i);

struct ws_deflater;

struct ws_deflater *ws_deflater_new(unsigned bits, int level);
void ws_deflater_free(struct ws_deflater *d);

/* Compress the next message without those before. */
void ws_deflater_reset(struct ws_deflater *d);

/* Compress one into as many bytes as it has itself. Returns how many it took; 0 if that does not
 * make it shorter: then it is as after a reset. */
size_t ws_deflater_message(struct ws_deflater *d, const char *data, size_t len, char *to);

/* Compress a part of one, `last` if it ends with it, into as many bytes as WS_DEFLATED_MAX() says.
 * Returns how many it took. The peer can inflate each when it comes; after a reset the next still
 * goes on with the message. */
size_t ws_deflater_part(struct ws_deflater *d, const char *data, size_t len, bool last, char *to);
