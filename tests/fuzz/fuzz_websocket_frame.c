/* Heads of frames and the text in them: whole and byte by byte the same, and as a plain reading of
 * RFC 3629 has it. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "websocket/message/frame.h"
#include "websocket/message/mask.h"
#include "websocket/message/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Code points, decoded by another algorithm than the checker's. */
static bool
plain_text(const uint8_t *p, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    for (size_t at = 0; at < len;) {
        size_t n = p[at] < 0x80 ? 1 : p[at] >> 5 == 6 ? 2 : p[at] >> 4 == 14 ? 3 : 4;
        uint32_t c = n == 1 ? p[at] : p[at] & (0x7fU >> n);

        if (n > len - at || (n == 4 && p[at] >> 3 != 30))
            return false;
        for (size_t i = 1; i < n; i++) {
            if (p[at + i] >> 6 != 2)
                return false;
            c = c << 6 | (p[at + i] & 0x3fU);
        }
        if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return false;
        at += n;
    }
    return true;
}

static void
check_text(const char *text, size_t len)
{
    struct ws_utf8 whole = {0}, pieces = {0};
    int r = ws_utf8_check(&whole, text, len), one = 0;

    for (size_t at = 0; at < len && one == 0; at++)
        one = ws_utf8_check(&pieces, text + at, 1);
    assert(one == r && (r != 0 || whole.need == pieces.need));
    assert((r == 0 && whole.need == 0) == plain_text((const uint8_t *)text, len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    bool deflate = len % 2 == 1;
    struct ws_frame_head head = {0}, cut;
    char *text = malloc(len + 1);
    int r = ws_frame_read((const char *)data, len, deflate, &head), one = -EAGAIN;

    assert(text != NULL);
    for (size_t n = 0; n <= len && one == -EAGAIN; n++)
        one = ws_frame_read((const char *)data, n, deflate, &cut);
    assert(one == r);
    assert(r <= WS_FRAME_HEAD_MAX && r <= (int)len);
    if (r > 0) {
        assert(head.length <= INT64_MAX && cut.length == head.length && cut.mask == head.mask);
        assert(cut.compressed == head.compressed && (deflate || !head.compressed));
        assert(!head.compressed || head.opcode == WS_FRAME_TEXT || head.opcode == WS_FRAME_BINARY);
        assert(!ws_frame_is_control(head.opcode) ||
               (head.fin && head.length <= WS_FRAME_CONTROL_MAX));
        ws_mask_apply(text, (const char *)data + r, len - (size_t)r, head.mask);
        check_text(text, len - (size_t)r);
    }
    check_text((const char *)data, len);
    free(text);
    return 0;
}
