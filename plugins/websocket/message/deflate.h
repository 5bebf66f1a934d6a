/* Compression of messages with zlib, RFC 7692 section 7.2. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Upper bound of an inflater's memory for a window of that many bits; 8 KiB are zlib's own
 * state. */
#define WS_INFLATER_MEMORY(bits) ((1 << (bits)) + 8192)
#define WS_DEFLATER_MEMORY(bits) ((1 << ((bits) + 3)) + 8192)

/* Upper bound of a compressed message: incompressible ones become longer. */
#define WS_DEFLATED_MAX(len) ((len) + (len) / 4 + 64)

struct ws_inflater;

/* NULL: out of memory. */
struct ws_inflater *ws_inflater_new(unsigned bits);
void ws_inflater_free(struct ws_inflater *i);

/* Forget earlier messages, and use a window of that many bits. */
void ws_inflater_reset(struct ws_inflater *i, unsigned bits);

/* Pass the next piece of a message. It must stay valid until ws_inflater_take() has returned 0. */
void ws_inflater_feed(struct ws_inflater *i, const char *data, size_t len);

/* The message ends behind the last piece. */
void ws_inflater_feed_end(struct ws_inflater *i);

/* Inflate into at most `room` bytes; room is not 0. Returns the bytes written; 0: more input is
 * needed; -EBADMSG: malformed; -ENOMEM. Whether a reference beyond the window is detected depends
 * on how the message is split. */
ptrdiff_t ws_inflater_take(struct ws_inflater *i, char *to, size_t room);

/* Call when the message is inflated. Returns whether it was complete; the next message may
 * begin. */
bool ws_inflater_end(struct ws_inflater *i);

struct ws_deflater;

struct ws_deflater *ws_deflater_new(unsigned bits, int level);
void ws_deflater_free(struct ws_deflater *d);

/* Compress the next message independently of earlier ones. */
void ws_deflater_reset(struct ws_deflater *d);

/* Compress a message into a buffer of its own length. Returns the bytes written; 0: the result is
 * not shorter, and the compressor is reset. */
size_t ws_deflater_message(struct ws_deflater *d, const char *data, size_t len, char *to);

/* Compress a part of a message, `last` if the message ends with it, into WS_DEFLATED_MAX() bytes.
 * Returns the bytes written. The peer can inflate each part when it arrives. A reset between two
 * parts is permitted. */
size_t ws_deflater_part(struct ws_deflater *d, const char *data, size_t len, bool last, char *to);
