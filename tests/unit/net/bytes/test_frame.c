#include "unit/unit.h"

#include <errno.h>
#include <string.h>

#include "net/bytes/frame.h"

#define MAX_LEN 1000

static const struct goevd_framing framings[] = {
    {.type = GOEVD_FRAMING_LINES},
    {.type = GOEVD_FRAMING_LINES, .flags = GOEVD_FRAMING_CRLF},
    {.type = GOEVD_FRAMING_DELIMITER, .delimiter = {"\0", 1}},
    {.type = GOEVD_FRAMING_DELIMITER, .delimiter = {"\r\n", 2}},
    {.type = GOEVD_FRAMING_DELIMITER, .delimiter = {"aa", 2}},
    {.type = GOEVD_FRAMING_DELIMITER, .delimiter = {"abab", 4}},
    {.type = GOEVD_FRAMING_DELIMITER, .delimiter = {"aaaaaaaaaaaaaaab", 16}},
    {.type = GOEVD_FRAMING_LENGTH, .length_bytes = 1},
    {.type = GOEVD_FRAMING_LENGTH, .length_bytes = 2},
    {.type = GOEVD_FRAMING_LENGTH, .length_bytes = 4, .flags = GOEVD_FRAMING_LITTLE},
    {.type = GOEVD_FRAMING_LENGTH, .length_bytes = 4, .flags = GOEVD_FRAMING_INCLUSIVE},
    {.type = GOEVD_FRAMING_LENGTH,
     .length_bytes = 8,
     .flags = GOEVD_FRAMING_LITTLE | GOEVD_FRAMING_INCLUSIVE},
};

/* The frame as it is sent; negative as frame_ends(). */
static int
compose(const struct goevd_framing *f, const char *data, size_t len, char *ret, size_t *ret_len)
{
    struct frame_ends ends;
    int r = frame_ends(f, data, len, &ends);

    if (r < 0)
        return r;
    memcpy(ret, ends.head, ends.head_len);
    memcpy(ret + ends.head_len, data, len);
    if (ends.tail_len > 0)
        memcpy(ret + ends.head_len + len, ends.tail, ends.tail_len);
    *ret_len = ends.head_len + len + ends.tail_len;
    return 0;
}

/* Whole, and growing by pieces: never found before its last byte, and then as it was sent. */
static void
check_found(const struct goevd_framing *f, const char *wire, size_t wire_len, const char *data,
            size_t len, size_t piece)
{
    struct frame frame;
    size_t searched = 0, have;

    for (have = 0; have < wire_len; have += piece) {
        assert_int_equal(frame_find(f, MAX_LEN, wire, have, searched, &frame), -EAGAIN);
        assert_true(frame.bytes == 0 || (frame.bytes > have && frame.bytes <= wire_len));
        searched = have;
    }
    assert_int_equal(frame_find(f, MAX_LEN, wire, wire_len, searched, &frame), 0);
    assert_int_equal(frame.len, len);
    assert_int_equal(frame.bytes, wire_len);
    assert_memory_equal(wire + frame.head, data, len);
}

static void
test_frame_is_found_as_it_was_sent(void **state)
{
    static const char letters[] = "aaaabb\r\n";
    char data[40], wire[80];
    struct dice dice = DICE;
    unsigned sent = 0, refused = 0;

    for (unsigned i = 0; i < 40000; i++) {
        const struct goevd_framing *f = &framings[i % ARRAY_LEN(framings)];
        size_t wire_len, len = dice_below(&dice, sizeof(data));
        int r;

        for (size_t n = 0; n < len; n++)
            data[n] = letters[dice_below(&dice, sizeof(letters))]; /* the NUL too */
        r = compose(f, data, len, wire, &wire_len);
        assert_true(r == 0 || (r == -EINVAL && f->type != GOEVD_FRAMING_LENGTH));
        if (r == 0)
            check_found(f, wire, wire_len, data, len, 1 + dice_below(&dice, 5));
        sent += r == 0;
        refused += r < 0;
    }
    assert_true(sent > 10000 && refused > 1000);
}

/* Refused frames would otherwise be misread: no valid frame is refused. */
static void
test_frame_that_is_refused_would_be_another(void **state)
{
    char data[6], wire[6 + GOEVD_DELIMITER_MAX];
    struct frame frame;

    for (unsigned k = 0; k < 7; k++) {
        const struct goevd_framing *f = &framings[k];
        const char *end = f->type == GOEVD_FRAMING_DELIMITER ? f->delimiter.data
                          : f->flags & GOEVD_FRAMING_CRLF    ? "\r\n"
                                                             : "\n";
        size_t end_len = f->type == GOEVD_FRAMING_DELIMITER ? f->delimiter.len : strlen(end);

        for (unsigned code = 0; code < 4096; code++) { /* each data of six letters */
            struct frame_ends ends;
            bool same;

            for (unsigned n = 0; n < 6; n++)
                data[n] = "ab\r\n"[code >> (2 * n) & 3];
            memcpy(wire, data, 6);
            memcpy(wire + 6, end, end_len);
            same = frame_find(f, MAX_LEN, wire, 6 + end_len, 0, &frame) == 0 && frame.len == 6;
            assert_int_equal(frame_ends(f, data, 6, &ends), same ? 0 : -EINVAL);
        }
    }
}

static void
test_frame_at_the_limit_and_one_past_it(void **state)
{
    char data[101], wire[150];
    struct frame frame;
    size_t len;

    memset(data, 'x', sizeof(data));
    for (unsigned k = 0; k < ARRAY_LEN(framings); k++) {
        assert_int_equal(compose(&framings[k], data, 100, wire, &len), 0);
        assert_int_equal(frame_find(&framings[k], 100, wire, len, 0, &frame), 0);
        for (size_t cut = 0; cut < len; cut++)
            assert_int_equal(frame_find(&framings[k], 100, wire, cut, 0, &frame), -EAGAIN);
        assert_int_equal(compose(&framings[k], data, 101, wire, &len), 0);
        assert_int_equal(frame_find(&framings[k], 100, wire, len, 0, &frame), -EMSGSIZE);
        assert_int_equal(frame.len, 100);
        /* An error is reported as soon as it is certain: before the frame outgrows the buffer. */
        assert_int_equal(frame_find(&framings[k], 100, wire, len - 1, 0, &frame), -EMSGSIZE);
    }
}

/* A CR that ends a line counts for nothing, however its bytes come. */
static void
test_frame_line_at_the_limit_with_crlf(void **state)
{
    struct frame frame;

    assert_int_equal(frame_find(&framings[0], 3, "abc\r\n", 5, 4, &frame), 0);
    assert_int_equal(frame.len, 3);
    assert_int_equal(frame.bytes, 5);
    assert_int_equal(frame_find(&framings[0], 3, "abc\r", 4, 0, &frame), -EAGAIN);
    assert_int_equal(frame_find(&framings[0], 3, "abc\r\r", 5, 4, &frame), -EMSGSIZE);
    assert_int_equal(frame_find(&framings[0], 3, "abcd\n", 5, 0, &frame), -EMSGSIZE);
    assert_int_equal(frame_find(&framings[0], 3, "\r\n", 2, 0, &frame), 0);
    assert_int_equal(frame.len, 0);
    assert_int_equal(frame_find(&framings[0], 3, "a\r\r\n", 4, 0, &frame), 0);
    assert_int_equal(frame.len, 2); /* one CR alone is dropped */
}

static void
check_length(unsigned bytes, unsigned flags, uint64_t length, int expected)
{
    struct goevd_framing f = {.type = GOEVD_FRAMING_LENGTH, .length_bytes = bytes, .flags = flags};
    char wire[8];
    struct frame frame;

    for (unsigned i = 0; i < bytes; i++)
        wire[flags & GOEVD_FRAMING_LITTLE ? i : bytes - 1 - i] = (char)(length >> (8 * i));
    assert_int_equal(frame_find(&f, MAX_LEN, wire, bytes, 0, &frame), expected);
    if (expected == -EAGAIN)
        assert_int_equal(frame.bytes, length + (flags & GOEVD_FRAMING_INCLUSIVE ? 0 : bytes));
    else
        assert_int_equal(frame.len, 0);
}

static void
test_frame_lengths_that_cannot_be(void **state)
{
    static const unsigned orders[] = {0, GOEVD_FRAMING_LITTLE};

    for (unsigned i = 0; i < 2; i++) {
        for (unsigned bits = 10; bits < 64; bits++) {
            check_length(8, orders[i], UINT64_C(1) << bits, -EMSGSIZE);
            check_length(8, orders[i], (UINT64_C(2) << bits) - 1, -EMSGSIZE);
        }
        check_length(8, orders[i] | GOEVD_FRAMING_INCLUSIVE, UINT64_MAX, -EMSGSIZE);
        check_length(4, orders[i], UINT32_MAX, -EMSGSIZE);
        check_length(2, orders[i], UINT16_MAX, -EMSGSIZE);
        check_length(2, orders[i], 0x0102, -EAGAIN);
        check_length(4, orders[i], MAX_LEN, -EAGAIN);
        check_length(4, orders[i], MAX_LEN + 1, -EMSGSIZE);
    }
}

static void
test_frame_length_less_than_its_own(void **state)
{
    static const unsigned sizes[] = {1, 2, 4, 8};

    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        for (unsigned length = 0; length < sizes[i]; length++)
            check_length(sizes[i], GOEVD_FRAMING_INCLUSIVE, length, -EBADMSG);
        check_length(sizes[i], GOEVD_FRAMING_INCLUSIVE, sizes[i], 0);
    }
}

static void
test_frame_prefix_says_no_more_than_it_can(void **state)
{
    static const char data[0x10001];
    struct goevd_framing f = {.type = GOEVD_FRAMING_LENGTH, .length_bytes = 1};
    struct frame_ends ends;

    assert_int_equal(frame_ends(&f, data, 0xff, &ends), 0);
    assert_memory_equal(ends.head, "\xff", 1);
    assert_int_equal(frame_ends(&f, data, 0x100, &ends), -EMSGSIZE);
    f.flags = GOEVD_FRAMING_INCLUSIVE;
    assert_int_equal(frame_ends(&f, data, 0xfe, &ends), 0);
    assert_memory_equal(ends.head, "\xff", 1);
    assert_int_equal(frame_ends(&f, data, 0xff, &ends), -EMSGSIZE);
    f.length_bytes = 2;
    assert_int_equal(frame_ends(&f, data, 0xffff - 2, &ends), 0);
    assert_int_equal(frame_ends(&f, data, 0xffff - 1, &ends), -EMSGSIZE);
    f.length_bytes = 4;
    f.flags = GOEVD_FRAMING_LITTLE;
    assert_int_equal(frame_ends(&f, data, 0x10001, &ends), 0);
    assert_int_equal(ends.head_len, 4);
    assert_memory_equal(ends.head, "\x01\x00\x01\x00", 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_is_found_as_it_was_sent),
        cmocka_unit_test(test_frame_that_is_refused_would_be_another),
        cmocka_unit_test(test_frame_at_the_limit_and_one_past_it),
        cmocka_unit_test(test_frame_line_at_the_limit_with_crlf),
        cmocka_unit_test(test_frame_lengths_that_cannot_be),
        cmocka_unit_test(test_frame_length_less_than_its_own),
        cmocka_unit_test(test_frame_prefix_says_no_more_than_it_can),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
