/* Compressed messages: as two of them, which an inflater takes whole and in pieces with the same
 * result; and as text, which comes back when it was compressed. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "websocket/message/deflate.h"
#include "websocket/message/extensions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ROOM 65536
#define BAD (-1)
#define LARGE (-2)

/* Inflate all input. Returns the length so far; BAD; LARGE. */
static ptrdiff_t
take(struct ws_inflater *i, size_t piece, char *to, size_t got)
{
    ptrdiff_t n;

    do {
        size_t room = piece < ROOM - got ? piece : ROOM - got;

        if (room == 0)
            return LARGE;
        n = ws_inflater_take(i, to + got, room);
        assert(n <= (ptrdiff_t)room);
        got += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    return n < 0 ? BAD : (ptrdiff_t)got;
}

/* Inflate a message. Returns its length; BAD; LARGE. */
static ptrdiff_t
message(struct ws_inflater *i, const char *data, size_t len, size_t piece, char *to)
{
    ptrdiff_t got = 0;

    for (size_t at = 0; at < len && got >= 0; at += piece) {
        ws_inflater_feed(i, data + at, piece < len - at ? piece : len - at);
        got = take(i, piece, to, (size_t)got);
    }
    if (got < 0)
        return got;
    ws_inflater_feed_end(i);
    got = take(i, piece, to, (size_t)got);
    return got < 0 || ws_inflater_end(i) ? got : BAD;
}

static void
check_message(const char *data, size_t len, unsigned bits, size_t piece)
{
    struct ws_inflater *whole = ws_inflater_new(bits), *pieces = ws_inflater_new(bits);
    char *a = malloc(ROOM), *b = malloc(ROOM);
    size_t first = len / 2;
    ptrdiff_t r, one;

    assert(whole != NULL && pieces != NULL && a != NULL && b != NULL);
    r = message(whole, data, first, ROOM, a);
    one = message(pieces, data, first, piece, b);
    if (r >= 0 && r == one) { /* the next may refer to it */
        assert(memcmp(a, b, (size_t)r) == 0);
        r = message(whole, data + first, len - first, ROOM, a);
        one = message(pieces, data + first, len - first, piece, b);
    }
    /* a reference beyond the window resolves as long as its target is in the same buffer */
    assert(bits < WS_DEFLATE_BITS_MAX || (r >= 0) == (one >= 0));
    assert(r < 0 || one < 0 || (r == one && memcmp(a, b, (size_t)r) == 0));
    ws_inflater_free(whole);
    ws_inflater_free(pieces);
    free(a);
    free(b);
}

/* Twice, so that the second time it may refer to the first. */
static void
check_text(const char *text, size_t len, unsigned bits, int level)
{
    struct ws_deflater *d = ws_deflater_new(bits, level);
    struct ws_inflater *i = ws_inflater_new(bits);
    char *packed = malloc(len + 1), *back = malloc(ROOM);

    assert(d != NULL && i != NULL && packed != NULL && back != NULL);
    for (int turn = 0; turn < 2; turn++) {
        size_t n = ws_deflater_message(d, text, len, packed);

        assert(n < len || n == 0);
        assert(n == 0 || (message(i, packed, n, ROOM, back) == (ptrdiff_t)len &&
                          memcmp(back, text, len) == 0));
    }
    ws_deflater_free(d);
    ws_inflater_free(i);
    free(packed);
    free(back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    unsigned bits;

    if (len == 0 || len > ROOM / 2)
        return 0;
    bits = WS_DEFLATE_BITS_MIN + data[0] % 7;
    check_message((const char *)data + 1, len - 1, bits, 1 + data[0] / 7 % 5);
    check_text((const char *)data + 1, len - 1, bits, 1 + data[0] % 9);
    return 0;
}
