/* Framings: the same frames and the same verdict whole and in pieces, and each frame that is found
 * is sent as it came. The input: which framing, the limit, the delimiter, then the bytes of a peer.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "net/bytes/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct found {
    size_t at, len;
};

/* A frame that was found is one that may be sent; lines may have another end. */
static void
check_sent(const struct goevd_framing *f, const char *wire, const struct frame *frame)
{
    struct frame_ends ends;
    int r = frame_ends(f, wire + frame->head, frame->len, &ends);

    if (f->type == GOEVD_FRAMING_LINES) {
        assert(r == 0 || (r == -EINVAL && wire[frame->head + frame->len - 1] == '\r'));
        return;
    }
    assert(r == 0 && ends.head_len == frame->head);
    assert(ends.head_len + frame->len + ends.tail_len == frame->bytes);
    assert(memcmp(ends.head, wire, ends.head_len) == 0);
    if (ends.tail_len > 0)
        assert(memcmp(ends.tail, wire + ends.head_len + frame->len, ends.tail_len) == 0);
}

/* Returns the verdict on the bytes behind the last whole frame. */
static int
cut(const struct goevd_framing *f, size_t max, const char *wire, size_t len, size_t piece,
    struct found *frames, size_t *ret_count)
{
    size_t at = 0, have = 0, searched = 0;
    struct frame frame;
    int r;

    *ret_count = 0;
    for (;;) {
        r = frame_find(f, max, wire + at, have - at, searched, &frame);
        assert(frame.len <= max && frame.head + frame.len <= have - at);
        if (r == 0) {
            assert(frame.bytes > 0 && frame.bytes <= have - at);
            check_sent(f, wire + at, &frame);
            frames[(*ret_count)++] = (struct found){at + frame.head, frame.len};
            at += frame.bytes;
            searched = 0;
        } else if (r != -EAGAIN || have == len) {
            return r;
        } else {
            assert(frame.bytes == 0 || frame.bytes > have - at);
            searched = have - at;
            have += MIN(piece, len - have);
        }
    }
}

/* How the first bytes of the input choose; returns those that are left. */
static size_t
choose(const uint8_t **data, size_t len, struct goevd_framing *ret, size_t *ret_max)
{
    static char delimiter[GOEVD_DELIMITER_MAX];
    uint8_t how = (*data)[0];
    size_t n = 2;

    *ret = (struct goevd_framing){.type = GOEVD_FRAMING_LINES + how % 3};
    *ret_max = (*data)[1];
    if (ret->type == GOEVD_FRAMING_LINES) {
        ret->flags = how & 0x80 ? GOEVD_FRAMING_CRLF : 0;
    } else if (ret->type == GOEVD_FRAMING_LENGTH) {
        ret->length_bytes = 1u << (how >> 4 & 3);
        ret->flags = how & 0xc0 ? (how >> 6) * GOEVD_FRAMING_LITTLE : 0;
    } else {
        ret->delimiter = (struct goevd_str){delimiter, MIN(1u + (how >> 4), len - n)};
        memcpy(delimiter, *data + n, ret->delimiter.len);
        n += ret->delimiter.len;
    }
    *data += n;
    return len - n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct goevd_framing framing;
    struct found *whole, *pieces;
    size_t max, whole_count, pieces_count;
    int r;

    if (len < 4)
        return 0;
    len = choose(&data, len, &framing, &max);
    whole = calloc(len + 1, sizeof(*whole));
    pieces = calloc(len + 1, sizeof(*pieces));
    assert(whole && pieces);
    r = cut(&framing, max, (const char *)data, len, len, whole, &whole_count);
    for (size_t piece = 1; piece <= 3; piece++) {
        assert(cut(&framing, max, (const char *)data, len, piece, pieces, &pieces_count) == r);
        assert(pieces_count == whole_count);
        assert(memcmp(whole, pieces, whole_count * sizeof(*whole)) == 0);
    }
    free(whole);
    free(pieces);
    return 0;
}
