/* Heads of frames, masking and UTF-8: the same verdict however the bytes are cut. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "websocket/message/frame.h"
#include "websocket/message/mask.h"
#include "websocket/message/utf8.h"

/* ---- Heads ----------------------------------------------------------------------------------- */

struct head_case {
    const char *bytes;
    size_t len;
    int result;
    uint64_t length;
};

#define HEAD(text, result, length)                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1, result, length                                                     \
    }

static const struct head_case heads[] = {
    HEAD("\x81\x80mask", 6, 0),
    HEAD("\x01\xfdmask", 6, 125),
    HEAD("\x00\x81mask", 6, 1),
    HEAD("\x82\xfe\x00\x7emask", 8, 126),
    HEAD("\x82\xfe\xff\xffmask", 8, 65535),
    HEAD("\x82\xff\0\0\0\0\0\1\0\0mask", 14, 65536),
    HEAD("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xffmask", 14, INT64_MAX),
    HEAD("\x89\xfdmask", 6, 125),
    HEAD("\x8a\x80mask", 6, 0),
    HEAD("\x88\x82mask", 6, 2),
    HEAD("\x82\xfe\x00\x7dmask", -EBADMSG, 0),             /* 125 in 16 bits */
    HEAD("\x82\xff\0\0\0\0\0\0\xff\xffmask", -EBADMSG, 0), /* 65535 in 64 bits */
    HEAD("\x82\xff\x80\0\0\0\0\1\0\0mask", -EBADMSG, 0),   /* the highest bit */
    HEAD("\x81\x01", -EBADMSG, 0),                         /* no mask */
    HEAD("\x09", -EBADMSG, 0),                             /* a control frame in parts */
    HEAD("\x08", -EBADMSG, 0),
    HEAD("\x89\xfe", -EBADMSG, 0), /* a control frame of more than 125 bytes */
    HEAD("\x88\xff", -EBADMSG, 0),
};

/* Of each prefix either more is needed or the verdict is known already. */
static void
test_frame_heads_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        const struct head_case *h = &heads[i];
        struct ws_frame_head head;
        int r = -EAGAIN;

        for (size_t len = 0; len <= h->len && r == -EAGAIN; len++) {
            char *exact = malloc(len + 1);

            memcpy(exact, h->bytes, len);
            r = ws_frame_read(exact, len, false, &head);
            assert_true(r == -EAGAIN || r == h->result);
            free(exact);
        }
        assert_int_equal(r, h->result);
        if (r < 0)
            continue;
        assert_int_equal(head.length, h->length);
        assert_int_equal(head.opcode, h->bytes[0] & 15);
        assert_int_equal(head.fin, (h->bytes[0] & 0x80) != 0);
        assert_memory_equal(&head.mask, "mask", 4);
    }
}

static void
test_frame_first_byte_decides_on_reserved_bits_and_opcodes(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        unsigned opcode = first & 15;
        char byte = (char)first;
        bool data = opcode <= 2, control = opcode >= 8 && opcode <= 10 && first >= 0x80;
        bool good = (first & 0x70) == 0 && (data || control);
        bool compressed = (first & 0x70) == 0x40 && (opcode == 1 || opcode == 2);
        struct ws_frame_head head;

        assert_int_equal(ws_frame_read(&byte, 1, false, &head), good ? -EAGAIN : -EBADMSG);
        assert_int_equal(ws_frame_read(&byte, 1, true, &head),
                         good || compressed ? -EAGAIN : -EBADMSG);
    }
}

static void
test_frame_says_whether_it_is_compressed(void **state)
{
    struct ws_frame_head head;

    (void)state;
    for (unsigned first = 0xc1; first <= 0xc2; first++) {
        char bytes[] = {(char)first, (char)0x81, 1, 2, 3, 4, 5};

        assert_int_equal(ws_frame_read(bytes, sizeof(bytes), true, &head), 6);
        assert_true(head.compressed && head.fin && head.opcode == (first & 15));
        bytes[0] = (char)(first & 0xbf);
        assert_int_equal(ws_frame_read(bytes, sizeof(bytes), true, &head), 6);
        assert_false(head.compressed);
    }
}

static void
test_frame_write_takes_the_shortest_form(void **state)
{
    static const struct {
        uint64_t length;
        size_t size;
        const char *bytes;
    } cases[] = {
        {0, 2, "\x81\x00"},
        {125, 2, "\x81\x7d"},
        {126, 4, "\x81\x7e\0\x7e"},
        {65535, 4, "\x81\x7e\xff\xff"},
        {65536, 10, "\x81\x7f\0\0\0\0\0\1\0\0"},
    };
    char to[WS_FRAME_HEAD_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ws_frame_write(to, WS_FRAME_TEXT, cases[i].length), cases[i].size);
        assert_memory_equal(to, cases[i].bytes, cases[i].size);
    }
    ws_frame_write(to, WS_FRAME_TEXT | WS_FRAME_COMPRESSED | WS_FRAME_MORE, 0);
    assert_memory_equal(to, "\x41\x00", 2);
    ws_frame_write(to, WS_FRAME_CONTINUATION | WS_FRAME_MORE, 0);
    assert_memory_equal(to, "\x00\x00", 2);
    ws_frame_write(to, WS_FRAME_CONTINUATION, 0);
    assert_memory_equal(to, "\x80\x00", 2);
}

static void
test_frame_codes(void **state)
{
    (void)state;
    for (unsigned code = 0; code <= 65535; code++) {
        bool good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                    (code >= 3000 && code <= 4999);

        assert_int_equal(ws_frame_code_valid(code), good);
    }
}

/* ---- Masking --------------------------------------------------------------------------------- */

static void
test_mask_tells_ascii_at_every_place(void **state)
{
    const uint32_t mask = 0x92345678;
    char from[200], to[200];

    (void)state;
    for (size_t len = 0; len < sizeof(from); len++) {
        memset(from, 'x', len);
        ws_mask_apply(from, from, len, mask);
        assert_true(ws_mask_apply(to, from, len, mask));
        for (size_t at = 0; at < len; at++) {
            from[at] = (char)(from[at] ^ 0x80);
            assert_false(ws_mask_apply(to, from, len, mask));
            from[at] = (char)(from[at] ^ 0x80);
        }
    }
}

static void
test_mask_is_that_of_the_bytes_one_by_one(void **state)
{
    char from[200], to[200];
    uint32_t mask;

    (void)state;
    for (size_t i = 0; i < sizeof(from); i++)
        from[i] = (char)(i * 37);
    memcpy(&mask, "\x01\x82\x33\xf4", 4);
    for (size_t len = 0; len <= sizeof(from); len++)
        for (size_t cut = 0; cut <= len; cut += 7) {
            ws_mask_apply(to, from, cut, mask);
            ws_mask_apply(to + cut, from + cut, len - cut, ws_mask_after(mask, cut));
            for (size_t i = 0; i < len; i++)
                assert_int_equal(to[i], (char)(from[i] ^ "\x01\x82\x33\xf4"[i & 3]));
        }
    ws_mask_apply(to, to, sizeof(to), mask);
    assert_memory_equal(to, from, sizeof(from));
}

/* ---- UTF-8 ----------------------------------------------------------------------------------- */

static size_t
encode(uint32_t c, char *to)
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (size_t i = n; i-- > 1; c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3f));
    to[0] = (char)(n == 1 ? c : (0xf00U >> n & 0xf0) | c);
    return n;
}

static bool
whole(const char *text, size_t len)
{
    struct ws_utf8 u = {0};

    return ws_utf8_check(&u, text, len) == 0 && u.need == 0;
}

static void
test_utf8_takes_every_character_and_no_surrogate(void **state)
{
    char text[4];

    (void)state;
    for (uint32_t c = 0; c <= 0x110000; c++)
        assert_int_equal(whole(text, encode(c, text)), c < 0x110000 && (c < 0xd800 || c > 0xdfff));
}

static void
test_utf8_refuses_at_the_earliest_byte(void **state)
{
    static const struct {
        const char *text;
        size_t good; /* bytes before the first that cannot stand there */
    } cases[] = {
        {"\x80", 0},
        {"\xbf", 0},
        {"\xc0\x80", 0},
        {"\xc1\xbf", 0},
        {"\xf5\x80", 0},
        {"\xff", 0},
        {"\xc2\x41", 1},
        {"\xe0\x9f\xbf", 1},
        {"\xed\xa0\x80", 1},
        {"\xf0\x8f\xbf", 1},
        {"\xf4\x90", 1},
        {"\xe2\x82\x41", 2},
        {"\xf0\x9f\x98\x41", 3},
    };
    char text[80];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t before = 0; before < 70; before++) {
            struct ws_utf8 u = {0};
            size_t good = before + cases[i].good;

            memset(text, 'a', before);
            memcpy(text + before, cases[i].text, strlen(cases[i].text) + 1);
            for (size_t at = 0; at < good; at++)
                assert_int_equal(ws_utf8_check(&u, text + at, 1), 0);
            assert_int_equal(ws_utf8_check(&u, text + good, 1), -EILSEQ);
            u = (struct ws_utf8){0};
            assert_int_equal(ws_utf8_check(&u, text, good), 0);
            assert_int_equal(ws_utf8_check(&u, text + good, strlen(text) - good), -EILSEQ);
            assert_false(whole(text, strlen(text)));
        }
}

/* Text, padded so that words can be read, and byte by byte. */
static void
check_words(const char *text, size_t len)
{
    struct ws_utf8 whole = {0}, bytes = {0};
    int r = ws_utf8_check(&whole, text, len), one = 0;

    for (size_t at = 0; at < len && one == 0; at++)
        one = ws_utf8_check(&bytes, text + at, 1);
    assert_int_equal(r, one);
    assert_true(r != 0 || whole.need == bytes.need);
}

static void
test_utf8_of_words_is_that_of_their_bytes(void **state)
{
    static const char edges[] = {0x00, 0x7f, (char)0x80, (char)0xbf, (char)0xc0};

    (void)state;
    for (unsigned two = 0x8000; two < 0x10000; two++)
        for (size_t i = 0; i < sizeof(edges) * sizeof(edges); i++) {
            char text[] = {(char)(two >> 8),
                           (char)two,
                           edges[i % sizeof(edges)],
                           edges[i / sizeof(edges)],
                           'x',
                           'y',
                           'z',
                           '.'};

            check_words(text, sizeof(text));
        }
}

static void
test_utf8_goes_on_where_it_was_cut(void **state)
{
    static const char text[] = "plain text that is longer than one block of them, \xc3\xa9, "
                               "\xe2\x82\xac, \xf0\x9f\x98\x80\xf0\x9f\x98\x80 and plain again";
    size_t len = sizeof(text) - 1;

    (void)state;
    for (size_t cut = 0; cut <= len; cut++) {
        struct ws_utf8 u = {0};

        assert_int_equal(ws_utf8_check(&u, text, cut), 0);
        assert_int_equal(whole(text, cut), u.need == 0);
        assert_int_equal(ws_utf8_check(&u, text + cut, len - cut), 0);
        assert_int_equal(u.need, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_heads_cut_at_every_byte),
        cmocka_unit_test(test_frame_first_byte_decides_on_reserved_bits_and_opcodes),
        cmocka_unit_test(test_frame_says_whether_it_is_compressed),
        cmocka_unit_test(test_frame_write_takes_the_shortest_form),
        cmocka_unit_test(test_frame_codes),
        cmocka_unit_test(test_mask_tells_ascii_at_every_place),
        cmocka_unit_test(test_mask_is_that_of_the_bytes_one_by_one),
        cmocka_unit_test(test_utf8_takes_every_character_and_no_surrogate),
        cmocka_unit_test(test_utf8_refuses_at_the_earliest_byte),
        cmocka_unit_test(test_utf8_of_words_is_that_of_their_bytes),
        cmocka_unit_test(test_utf8_goes_on_where_it_was_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
