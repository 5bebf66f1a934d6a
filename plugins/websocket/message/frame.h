/* Frames of RFC 6455, section 5.2: heads to and from bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_FRAME_CONTROL_MAX 125 /* bytes of a control frame's payload */
#define WS_FRAME_HEAD_MAX 14     /* of a client's; a server's has no mask */

enum ws_frame_opcode {
    WS_FRAME_CONTINUATION = 0,
    WS_FRAME_TEXT = 1,
    WS_FRAME_BINARY = 2,
    WS_FRAME_CLOSE = 8,
    WS_FRAME_PING = 9,
    WS_FRAME_PONG = 10
};

/* Beside the opcode of a frame that is sent. */
#define WS_FRAME_COMPRESSED 0x40 /* its message is, RFC 7692 section 6 */
#define WS_FRAME_MORE 0x80       /* others of its message follow */

/* Status codes of a close frame, section 7.4.1. */
enum ws_frame_code {
    WS_FRAME_CODE_NORMAL = 1000,
    WS_FRAME_CODE_AWAY = 1001,
    WS_FRAME_CODE_PROTOCOL = 1002,
    WS_FRAME_CODE_NONE = 1005, /* never in a frame: the peer has given none */
    WS_FRAME_CODE_LOST = 1006, /* never in a frame: there was no close frame */
    WS_FRAME_CODE_TEXT = 1007,
    WS_FRAME_CODE_POLICY = 1008,
    WS_FRAME_CODE_LARGE = 1009,
    WS_FRAME_CODE_FAILED = 1011,
    WS_FRAME_CODE_LATER = 1013
};

struct ws_frame_head {
    uint64_t length;
    uint32_t mask; /* as its bytes lie in memory */
    uint8_t opcode;
    bool fin;
    bool compressed;
};

/* Read the head of a client's frame.
 *
 * deflate  messages may be compressed.
 * Returns  its bytes, 6 to WS_FRAME_HEAD_MAX; -EAGAIN if more are needed; -EBADMSG at the first
 * byte from which no head can become of it.
 */
int ws_frame_read(const char *data, size_t len, bool deflate, struct ws_frame_head *ret);

/* Write the head of a server's frame; the opcode may have WS_FRAME_COMPRESSED and WS_FRAME_MORE.
 * Returns its bytes, 2 to 10. */
size_t ws_frame_write(char *to, uint8_t opcode, uint64_t length);

/* Whether a close frame may carry the code. */
bool ws_frame_code_valid(unsigned code);

static inline bool
ws_frame_is_control(uint8_t opcode)
{
    return (opcode & 8) != 0;
}
