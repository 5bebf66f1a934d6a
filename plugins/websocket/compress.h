/* The compression of a connection: what was agreed upon, and the memory for it. */
#pragma once

#include "websocket/conn.h"

/* Take memory from the bound for a connection with these terms. Where it is not there they get
 * narrower, or none. */
void ws_compress_reserve(struct ws_instance *ws, struct ws_deflate_terms *terms);

/* The reserved memory is not needed any more. */
void ws_compress_release(struct ws_instance *ws, const struct ws_deflate_terms *terms);

/* Take a piece of a compressed message, `last` if it ends there: what it inflates to goes behind
 * w->message. Returns 0, or the code that refuses it, perhaps with a limit. */
unsigned ws_compress_take(struct goevd_websocket_conn *w, const char *data, size_t len, bool last);

/* Send a message where compression was agreed upon, compressed if that pays. Returns as
 * goevd_websocket_send(). */
int ws_compress_send(struct goevd_websocket_conn *w, uint8_t type, const void *data, size_t len);

/* A message goes out part by part from now on: w->flags tell whether it is compressed. It has the
 * connection's own compressor, or borrows the poller's until its end, and then counts as memory. */
void ws_compress_begin_parts(struct goevd_websocket_conn *w);

/* Send a part of one that is; the opcode has WS_FRAME_MORE unless it is the last. Returns as
 * goevd_websocket_send_fragment(). */
int ws_compress_send_part(struct goevd_websocket_conn *w, uint8_t opcode, const void *data,
                          size_t len);

/* It has ended, or has not begun. */
void ws_compress_end_parts(struct goevd_websocket_conn *w);

/* Count bytes that were compressed, as one more message or as a part of one. */
void ws_compress_count(const struct goevd_websocket_conn *w, int messages, size_t from, size_t to);

/* The peer has got a message that the connection's own compressor has not seen, or has not got one
 * that it has: the next does not refer to any. */
void ws_compress_forget(struct goevd_websocket_conn *w);

/* The connection ends. */
void ws_compress_close(struct goevd_websocket_conn *w);
