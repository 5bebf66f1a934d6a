#include "websocket/message/frame.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define FIN 0x80
#define RESERVED 0x70
#define MASKED 0x80
#define LENGTH_16 126
#define LENGTH_64 127

static bool
ws_frame_first_valid(uint8_t first, bool deflate)
{
    uint8_t opcode = first & 15, reserved = first & RESERVED;
    bool begins = opcode == WS_FRAME_TEXT || opcode == WS_FRAME_BINARY;

    if (reserved != 0 && !(deflate && begins && reserved == WS_FRAME_COMPRESSED))
        return false;
    if (ws_frame_is_control(opcode))
        return opcode <= WS_FRAME_PONG && (first & FIN);
    return opcode <= WS_FRAME_BINARY;
}

static bool
ws_frame_second_valid(uint8_t first, uint8_t second)
{
    return (second & MASKED) &&
           (!ws_frame_is_control(first) || (second & 127) <= WS_FRAME_CONTROL_MAX);
}

/* Read the length. Returns the offset behind it; 0: more bytes are needed; -EBADMSG: not the
 * shortest form. */
static int
ws_frame_length(const char *data, size_t len, uint64_t *ret)
{
    uint8_t second = (uint8_t)data[1] & 127;
    uint16_t n16;
    uint64_t n64;

    if (second < LENGTH_16) {
        *ret = second;
        return 2;
    }
    if (second == LENGTH_16) {
        if (len < 4)
            return 0;
        memcpy(&n16, data + 2, sizeof(n16));
        *ret = be16toh(n16);
        return *ret < LENGTH_16 ? -EBADMSG : 4;
    }
    if (len > 2 && (data[2] & 0x80) != 0)
        return -EBADMSG;
    if (len < 10)
        return 0;
    memcpy(&n64, data + 2, sizeof(n64));
    *ret = be64toh(n64);
    return *ret <= UINT16_MAX ? -EBADMSG : 10;
}

int
ws_frame_read(const char *data, size_t len, bool deflate, struct ws_frame_head *ret)
{
    uint64_t length = 0;
    int at;

    if (len == 0)
        return -EAGAIN;
    if (!ws_frame_first_valid((uint8_t)data[0], deflate))
        return -EBADMSG;
    if (len < 2)
        return -EAGAIN;
    if (!ws_frame_second_valid((uint8_t)data[0], (uint8_t)data[1]))
        return -EBADMSG;
    at = ws_frame_length(data, len, &length);
    if (at <= 0 || len < (size_t)at + 4)
        return at < 0 ? at : -EAGAIN;
    memcpy(&ret->mask, data + at, 4);
    ret->length = length;
    ret->opcode = (uint8_t)data[0] & 15;
    ret->fin = ((uint8_t)data[0] & FIN) != 0;
    ret->compressed = (data[0] & WS_FRAME_COMPRESSED) != 0;
    return at + 4;
}

size_t
ws_frame_write(char *to, uint8_t opcode, uint64_t length)
{
    uint16_t n16 = htobe16((uint16_t)length);
    uint64_t n64 = htobe64(length);

    to[0] = (char)(opcode ^ FIN);
    if (length < LENGTH_16) {
        to[1] = (char)length;
        return 2;
    }
    if (length <= UINT16_MAX) {
        to[1] = LENGTH_16;
        memcpy(to + 2, &n16, sizeof(n16));
        return 4;
    }
    to[1] = LENGTH_64;
    memcpy(to + 2, &n64, sizeof(n64));
    return 10;
}

bool
ws_frame_code_valid(unsigned code)
{
    if (code >= 3000)
        return code <= 4999;
    return code >= 1000 && code <= 1014 && code != 1004 && code != WS_FRAME_CODE_NONE &&
           code != WS_FRAME_CODE_LOST;
}
