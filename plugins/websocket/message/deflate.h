/* Messages of RFC 7692, section 7.2, with zlib: in and out of compressed bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes that one takes at most, for a window of so many bits; the rest is zlib's own state. */
#define INFLATER_MEMORY(bits) ((1 << (bits)) + 8192)
#define DEFLATER_MEMORY(bits) ((1 << ((bits) + 3)) + 8192)

/* Bytes that a message may get: some cannot be made shorter, and get longer. */
#define DEFLATED_MAX(len) ((len) + (len) / 4 + 64)

struct inflater;

/* NULL without memory. */
struct inflater *inflater_new(unsigned bits);
void inflater_free(struct inflater *i);

/* Forget the messages of before, and have a window of so many bits. */
void inflater_reset(struct inflater *i, unsigned bits);

/* The next piece of a message; it must stay until inflater_take() has returned 0. */
void inflater_feed(struct inflater *i, const char *data, size_t len);

/* The message ends behind what was fed. */
void inflater_feed_end(struct inflater *i);

/* Make bytes of what was fed. Returns how many, at most room, which is not 0; 0 if that needs more
 * to be fed; -EBADMSG if nothing can become of it; -ENOMEM. Whether it takes what refers further
 * back than the window depends on the pieces. */
ptrdiff_t inflater_take(struct inflater *i, char *to, size_t room);

/* Whether the message was whole, when all of it is taken; the next one may begin. */
bool inflater_end(struct inflater *i);

struct deflater;

struct deflater *deflater_new(unsigned bits, int level);
void deflater_free(struct deflater *d);

/* Compress the next message without those before. */
void deflater_reset(struct deflater *d);

/* Compress one into as many bytes as it has itself. Returns how many it took; 0 if that does not
 * make it shorter: then it is as after a reset. */
size_t deflater_message(struct deflater *d, const char *data, size_t len, char *to);

/* Compress a part of one, `last` if it ends with it, into as many bytes as DEFLATED_MAX() says.
 * Returns how many it took. The peer can inflate each when it comes; after a reset the next still
 * goes on with the message. */
size_t deflater_part(struct deflater *d, const char *data, size_t len, bool last, char *to);
