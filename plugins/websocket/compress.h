/* Compression of a connection: the agreed terms and their memory. */
#pragma once

#include "websocket/conn.h"

/* Reserve memory within compress_memory_max for a connection with these terms. If there is too
 * little, reduce the window or agree to no compression. */
void ws_compress_reserve(struct ws_instance *ws, struct ws_deflate_terms *terms);

/* Return the reserved memory. */
void ws_compress_release(struct ws_instance *ws, const struct ws_deflate_terms *terms);

/* Inflate a piece of a compressed message, `last` if the message ends with it, into w->message.
 * Returns 0, or the close code that refuses the message, perhaps with a limit. */
unsigned ws_compress_take(struct goevd_websocket_conn *w, const char *data, size_t len, bool last);

/* Send a message on a connection with compression, compressed if it becomes shorter. Returns as
 * goevd_websocket_send(). */
int ws_compress_send(struct goevd_websocket_conn *w, uint8_t type, const void *data, size_t len);

/* Begin a message that is sent in parts: w->flags show whether it is compressed. It uses the
 * connection's own compressor, or borrows the poller's until its end; a borrowed one counts as
 * memory. */
void ws_compress_begin_parts(struct goevd_websocket_conn *w);

/* Send a part of a compressed message; the opcode has WS_FRAME_MORE unless it is the last part.
 * Returns as goevd_websocket_send_fragment(). */
int ws_compress_send_part(struct goevd_websocket_conn *w, uint8_t opcode, const void *data,
                          size_t len);

/* The message in parts has ended, or could not begin. */
void ws_compress_end_parts(struct goevd_websocket_conn *w);

/* Add to the metrics: bytes before and after compression, and the number of messages that they
 * complete. */
void ws_compress_count(const struct goevd_websocket_conn *w, int messages, size_t from, size_t to);

/* Reset the connection's own compressor, because the peer has received a message that bypassed it,
 * or has missed one: the next message must not refer to earlier ones. */
void ws_compress_forget(struct goevd_websocket_conn *w);

/* Free everything when the connection ends. */
void ws_compress_close(struct goevd_websocket_conn *w);
