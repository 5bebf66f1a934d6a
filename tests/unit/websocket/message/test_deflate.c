/* Compressed messages: the examples of RFC 7692, malformed ones, and round trips. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "websocket/message/deflate.h"
#include "websocket/message/pack.h"

#define ROOM 4096

/* Inflate one message, fed in pieces and taken in pieces. Its length, or -1 if it is bad. */
static ptrdiff_t
inflated(struct ws_inflater *i, const char *data, size_t len, size_t piece, char *to, size_t room)
{
    size_t at = 0, got = 0;
    bool ended = false;
    ptrdiff_t n;

    while (!ended) {
        size_t part = len - at < piece ? len - at : piece;

        if (part != 0)
            ws_inflater_feed(i, data + at, part);
        else
            ws_inflater_feed_end(i);
        ended = part == 0;
        at += part;
        while ((n = ws_inflater_take(i, to + got, piece < room - got ? piece : room - got)) > 0) {
            got += (size_t)n;
            assert_true(got < room);
        }
        if (n < 0)
            return -1;
    }
    return ws_inflater_end(i) ? (ptrdiff_t)got : -1;
}

#define MESSAGE(bytes)                                                                             \
    {                                                                                              \
        bytes, sizeof(bytes) - 1                                                                   \
    }

struct message {
    const char *bytes;
    size_t len;
};

static const struct message hellos[] = {
    MESSAGE("\xf2\x48\xcd\xc9\xc9\x07\x00"),                         /* section 7.2.3.1 */
    MESSAGE("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"),         /* 7.2.3.3 */
    MESSAGE("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"),                     /* 7.2.3.4 */
    MESSAGE("\xf3\x48\xcd\xc9\xc9\x07\x00"),                         /* ends with that block */
    MESSAGE("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), /* 7.2.3.5 */
    MESSAGE("\xf2\x00\x11\x00\x00"),                                 /* 7.2.3.2, refers to it */
};

static void
test_inflater_takes_the_examples_one_after_the_other(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 20; piece++) {
        struct ws_inflater *i = ws_inflater_new(15);
        char to[ROOM];

        for (size_t h = 0; h < sizeof(hellos) / sizeof(hellos[0]); h++) {
            assert_int_equal(inflated(i, hellos[h].bytes, hellos[h].len, piece, to, ROOM), 5);
            assert_memory_equal(to, "Hello", 5);
            assert_int_equal(inflated(i, "\0", 1, piece, to, ROOM), 0); /* 7.2.3.6 */
            assert_int_equal(inflated(i, "", 0, piece, to, ROOM), 0);
        }
        ws_inflater_reset(i, 15);
        assert_int_equal(inflated(i, hellos[5].bytes, hellos[5].len, piece, to, ROOM), -1);
        ws_inflater_free(i);
    }
}

static void
test_inflater_refuses_what_is_malformed_or_cut(void **state)
{
    static const struct message bad[] = {
        MESSAGE("\xff\xff\xff\xff"),
        MESSAGE("\x07"),
        MESSAGE("\xf2\x48\xcd"),
        MESSAGE("\x00\x05\x00\xfa\xfe"),
        MESSAGE("\x00\x05\x00\xfa\xff\x48"),
        MESSAGE("\x00\x09\x00\xf6\xff\x48"),
    };

    (void)state;
    for (size_t b = 0; b < sizeof(bad) / sizeof(bad[0]); b++) {
        struct ws_inflater *i = ws_inflater_new(15);
        char to[ROOM];

        assert_int_equal(inflated(i, bad[b].bytes, bad[b].len, 1, to, ROOM), -1);
        ws_inflater_reset(i, 9);
        assert_int_equal(inflated(i, hellos[0].bytes, hellos[0].len, 1, to, ROOM), 5);
        ws_inflater_free(i);
    }
}

/* Some text that repeats itself at many distances. */
static void
text_fill(char *text, size_t len, unsigned seed)
{
    for (size_t at = 0; at < len; at++) {
        seed = seed * 1103515245 + 12345;
        text[at] = seed >> 30 == 0 || at < 700 ? (char)('a' + (seed >> 16) % 26) : text[at - 700];
    }
}

#define TEXT_LEN 20000

/* Messages of one compressor come back, for every window, alone and with those before. */
static void
test_deflater_there_and_back(void **state)
{
    char *text = malloc(TEXT_LEN), *packed = malloc(TEXT_LEN), *back = malloc(TEXT_LEN + 1);

    (void)state;
    for (unsigned bits = WS_DEFLATE_BITS_MIN; bits <= WS_DEFLATE_BITS_MAX; bits++) {
        for (int alone = 0; alone < 2; alone++) {
            struct ws_deflater *d = ws_deflater_new(bits, 6);
            struct ws_inflater *i = ws_inflater_new(bits);
            size_t first = 0, n = 0;

            text_fill(text, TEXT_LEN, bits);
            for (int turn = 0; turn < 3; turn++) {
                n = ws_deflater_message(d, text, 600, packed);
                first = turn == 0 ? n : first;
                assert_in_range(n, 1, 599);
                assert_int_equal(inflated(i, packed, n, 64, back, TEXT_LEN + 1), 600);
                assert_memory_equal(back, text, 600);
                if (alone == 1) {
                    ws_deflater_reset(d);
                    ws_inflater_reset(i, bits);
                }
            }
            assert_int_equal(n < first, alone == 0 && bits > WS_DEFLATE_BITS_MIN);
            n = ws_deflater_message(d, text, TEXT_LEN, packed);
            assert_in_range(n, 1, TEXT_LEN - 1);
            assert_int_equal(inflated(i, packed, n, 999, back, TEXT_LEN + 1), TEXT_LEN);
            assert_memory_equal(back, text, TEXT_LEN);
            ws_deflater_free(d);
            ws_inflater_free(i);
        }
    }
    free(text);
    free(packed);
    free(back);
}

/* A result that is not shorter is not sent, so the next message must not refer to it. */
static void
test_deflater_forgets_what_it_could_not_make_shorter(void **state)
{
    struct ws_deflater *d = ws_deflater_new(15, 6);
    struct ws_inflater *i = ws_inflater_new(15);
    char random[500], twice[1000], packed[1000], back[1001];
    unsigned seed = 1;
    size_t n;

    (void)state;
    for (size_t at = 0; at < sizeof(random); at++)
        random[at] = (char)((seed = seed * 1103515245 + 12345) >> 23);
    memcpy(twice, random, sizeof(random));
    memcpy(twice + sizeof(random), random, sizeof(random));
    assert_int_equal(ws_deflater_message(d, random, sizeof(random), packed), 0);
    assert_int_equal(ws_deflater_message(d, "", 0, packed), 0);
    n = ws_deflater_message(d, twice, sizeof(twice), packed);
    assert_in_range(n, 1, sizeof(twice) - 1);
    assert_int_equal(inflated(i, packed, n, 100, back, sizeof(back)), sizeof(twice));
    assert_memory_equal(back, twice, sizeof(twice));
    ws_deflater_free(d);
    ws_inflater_free(i);
}

/* Parts of one message, of which some do not get shorter, and one is not sent. */
static void
test_deflater_parts_make_one_message(void **state)
{
    static const size_t lens[] = {3000, 0, 1, 3000, 700, 0};
    char text[6701], packed[3 * ROOM], part[WS_DEFLATED_MAX(3000)], back[sizeof(text) + 1];

    (void)state;
    for (size_t at = 0; at < sizeof(text); at++)
        text[at] = (char)(at * at * 2654435761u >> 13);
    for (unsigned bits = WS_DEFLATE_BITS_MIN; bits <= WS_DEFLATE_BITS_MAX; bits++) {
        struct ws_deflater *d = ws_deflater_new(bits, 1);
        struct ws_inflater *i = ws_inflater_new(bits);

        for (size_t count = 1; count <= sizeof(lens) / sizeof(lens[0]); count++) {
            size_t at = 0, n = 0;

            for (size_t p = 0; p < count; p++) {
                size_t one = ws_deflater_part(d, text + at, lens[p], p + 1 == count, part);

                memcpy(packed + n, part, one);
                n += one;
                at += lens[p];
                (void)ws_deflater_part(d, text, p * 500, false, part);
                ws_deflater_reset(d);
            }
            assert_int_equal(inflated(i, packed, n, 999, back, sizeof(back)), at);
            assert_memory_equal(back, text, at);
        }
        ws_deflater_free(d);
        ws_inflater_free(i);
    }
}

static void
test_packer_lends_its_compressor(void **state)
{
    struct ws_packer p = {.level = 1};
    struct ws_deflater *one = ws_packer_borrow(&p, 12), *two = ws_packer_borrow(&p, 12);
    const char *packed;

    (void)state;
    assert_ptr_not_equal(one, two);
    assert_true(ws_packer_part(&p, one, "abcabcabc", 9, true, &packed) > 0);
    ws_packer_give_back(&p, 12, one);
    ws_packer_give_back(&p, 12, two);
    assert_ptr_equal(ws_packer_borrow(&p, 12), one);
    ws_packer_give_back(&p, 12, one);
    ws_packer_fini(&p);
}

static void
test_packer_compresses_each_message_alone(void **state)
{
    struct ws_packer p = {.level = 1};
    struct ws_deflater *own = ws_deflater_new(12, 1);
    struct ws_inflater *i = ws_inflater_new(15);
    const size_t large = WS_PACKER_KEEP_MAX + 1;
    char *text = malloc(large), *back = malloc(large + 1);
    const char *packed;
    size_t n;

    (void)state;
    text_fill(text, large, 7);
    for (int turn = 0; turn < 4; turn++) {
        size_t len = turn % 2 == 0 ? 1000 : large;

        n = ws_packer_pack(&p, NULL, 12, text, len, &packed);
        assert_in_range(n, 1, len - 1);
        ws_inflater_reset(i, 12);
        assert_int_equal(inflated(i, packed, n, ROOM, back, large + 1), len);
        assert_memory_equal(back, text, len);
    }
    ws_inflater_reset(i, 12);
    for (int turn = 0; turn < 2; turn++) { /* and with those before */
        n = ws_packer_pack(&p, own, 12, text, 1000, &packed);
        assert_int_equal(inflated(i, packed, n, ROOM, back, large + 1), 1000);
        assert_memory_equal(back, text, 1000);
    }
    assert_true(n < 100);
    ws_deflater_free(own);
    ws_inflater_free(i);
    ws_packer_fini(&p);
    free(text);
    free(back);
}

/* ---- Memory bounds --------------------------------------------------------------------------- */

static size_t allocated;

static void *
counted(void *opaque, unsigned items, unsigned size)
{
    (void)opaque;
    allocated += (size_t)items * size;
    return calloc(items, size);
}

static void
freed(void *opaque, void *memory)
{
    (void)opaque;
    free(memory);
}

static void
test_deflate_memory_is_what_zlib_takes_at_most(void **state)
{
    static const char dictionary[] = "any";

    (void)state;
    for (int bits = WS_DEFLATE_BITS_MIN; bits <= WS_DEFLATE_BITS_MAX; bits++) {
        z_stream z = {.zalloc = counted, .zfree = freed};

        allocated = sizeof(z);
        assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, -bits, bits - 7, Z_DEFAULT_STRATEGY), 0);
        assert_in_range(allocated, WS_DEFLATER_MEMORY(bits) / 2, WS_DEFLATER_MEMORY(bits));
        deflateEnd(&z);
        allocated = sizeof(z);
        assert_int_equal(inflateInit2(&z, -bits), 0);
        assert_int_equal(inflateSetDictionary(&z, (const Bytef *)dictionary, 3), 0);
        assert_in_range(allocated, WS_INFLATER_MEMORY(bits) / 2, WS_INFLATER_MEMORY(bits));
        inflateEnd(&z);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inflater_takes_the_examples_one_after_the_other),
        cmocka_unit_test(test_inflater_refuses_what_is_malformed_or_cut),
        cmocka_unit_test(test_deflater_there_and_back),
        cmocka_unit_test(test_deflater_forgets_what_it_could_not_make_shorter),
        cmocka_unit_test(test_deflater_parts_make_one_message),
        cmocka_unit_test(test_packer_lends_its_compressor),
        cmocka_unit_test(test_packer_compresses_each_message_alone),
        cmocka_unit_test(test_deflate_memory_is_what_zlib_takes_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
