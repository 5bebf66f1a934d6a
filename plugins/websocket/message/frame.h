/* Parses and formats the heads of frames, RFC 6455 section 5.2. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_FRAME_CONTROL_MAX 125 /* longest payload of a control frame */
#define WS_FRAME_HEAD_MAX 14     /* longest head of a client's frame */

enum ws_frame_opcode {
    WS_FRAME_CONTINUATION = 0,
    WS_FRAME_TEXT = 1,
    WS_FRAME_BINARY = 2,
    WS_FRAME_CLOSE = 8,
    WS_FRAME_PING = 9,
    WS_FRAME_PONG = 10
};

/* Flags added to the opcode of a sent frame. */
#define WS_FRAME_COMPRESSED 0x40 /* the message is compressed, RFC 7692 section 6 */
#define WS_FRAME_MORE 0x80       /* more frames of the message follow */

/* Status codes of close frames, section 7.4.1. */
enum ws_frame_code {
    WS_FRAME_CODE_NORMAL = 1000,
    WS_FRAME_CODE_AWAY = 1001,
    WS_FRAME_CODE_PROTOCOL = 1002,
    WS_FRAME_CODE_NONE = 1005, /* never sent: the close frame has no code */
    WS_FRAME_CODE_LOST = 1006, /* never sent: there was no close frame */
    WS_FRAME_CODE_TEXT = 1007,
    WS_FRAME_CODE_POLICY = 1008,
    WS_FRAME_CODE_LARGE = 1009,
    WS_FRAME_CODE_FAILED = 1011,
    WS_FRAME_CODE_LATER = 1013
};

struct ws_frame_head {
    uint64_t length;
    uint32_t mask; /* in memory order */
    uint8_t opcode;
    bool fin;
    bool compressed;
};

/* Parse the head of a client's frame.
 *
 * deflate  Compressed messages are permitted.
 * Returns  Bytes of the head, 6 to WS_FRAME_HEAD_MAX; -EAGAIN: more are needed;
 *          -EBADMSG: malformed, reported at the first wrong byte.
 */
int ws_frame_read(const char *data, size_t len, bool deflate, struct ws_frame_head *ret);

/* Format the head of a server's frame; the opcode may have WS_FRAME_COMPRESSED and WS_FRAME_MORE.
 * Returns its length, 2 to 10. */
size_t ws_frame_write(char *to, uint8_t opcode, uint64_t length);

/* Whether a close frame may carry this code. */
bool ws_frame_code_valid(unsigned code);

static inline bool
ws_frame_is_control(uint8_t opcode)
{
    return (opcode & 8) != 0;
}
