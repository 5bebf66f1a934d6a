/* Errors of the loader for a handler whose framing is wrong. */
#include "unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <goevd/framing.h>

#include "plug/loader/framing.h"

#define FRAMING(...)                                                                               \
    {                                                                                              \
        .version = GOEVD_VERSION_OF(struct goevd_framing), __VA_ARGS__                             \
    }

static int
on_frame(struct goevd_conn *c, void *state, const char *data, size_t len, unsigned flags)
{
    return 0;
}

static ptrdiff_t
on_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
        unsigned flags)
{
    return 0;
}

static void
refused(const struct goevd_stream *stream, const char *words)
{
    struct err err = {0};

    assert_int_equal(framing_check(stream, "x.so", &err), -ELIBBAD);
    assert_string_equal(err.text, words);
}

static void
test_framing_needs_one_of_two_callbacks(void **state)
{
    static const struct goevd_framing lines = FRAMING(.type = GOEVD_FRAMING_LINES);
    struct goevd_stream stream = {0};

    refused(&stream, "x.so: goevd_stream.on_read is NULL; set it");
    stream.on_read = on_read;
    assert_int_equal(framing_check(&stream, "x.so", NULL), 0);
    stream.on_frame = on_frame;
    refused(&stream, "x.so: goevd_stream.on_frame is set and framing is NULL; set it too");
    stream.framing = &lines;
    refused(&stream, "x.so: goevd_stream.framing is set, so that on_read would never be called; "
                     "leave one of them NULL");
    stream.on_read = NULL;
    assert_int_equal(framing_check(&stream, "x.so", NULL), 0);
    stream.on_frame = NULL;
    refused(&stream, "x.so: goevd_stream.framing is set and on_frame is NULL; set it too");
}

static void
check(const struct goevd_framing *framing, const char *words)
{
    struct goevd_stream stream = {.framing = framing, .on_frame = on_frame};

    if (words)
        refused(&stream, words);
    else
        assert_int_equal(framing_check(&stream, "x.so", NULL), 0);
}

static void
test_framing_of_another_time(void **state)
{
    struct goevd_framing f = FRAMING(.type = GOEVD_FRAMING_LINES);

    f.version.size++; /* a newer one may have more at its end */
    check(&f, NULL);
    f.version.size = sizeof(f) - 1;
    check(&f, "x.so: its goevd_framing has 39 bytes, too few for ABI 1.0; fill its version with "
              "GOEVD_VERSION_OF()");
}

static void
test_framing_types(void **state)
{
    struct goevd_framing f = FRAMING(.type = 0);

    check(&f, "x.so: goevd_framing.type is 0, which this goevd does not have; see enum "
              "goevd_framing_type");
    f.type = GOEVD_FRAMING_LENGTH + 1;
    check(&f, "x.so: goevd_framing.type is 4, which this goevd does not have; see enum "
              "goevd_framing_type");
}

static void
test_framing_flags_of_another_type(void **state)
{
    struct goevd_framing f = FRAMING(.type = GOEVD_FRAMING_LINES, .flags = GOEVD_FRAMING_CRLF,
                                     .delimiter = {"\n", 1}, .length_bytes = 1);
    const char *words = "x.so: goevd_framing.flags has bits (0x1) that mean nothing for this type; "
                        "see enum goevd_framing_flags";

    check(&f, NULL);
    f.type = GOEVD_FRAMING_LENGTH;
    check(&f, words);
    f.flags = GOEVD_FRAMING_LITTLE | GOEVD_FRAMING_INCLUSIVE;
    check(&f, NULL);
    f.type = GOEVD_FRAMING_DELIMITER;
    f.flags = GOEVD_FRAMING_CRLF;
    check(&f, words);
}

static void
test_framing_delimiter_at_its_limits_and_past_them(void **state)
{
    struct goevd_framing f = FRAMING(.type = GOEVD_FRAMING_DELIMITER);

    f.delimiter = (struct goevd_str){NULL, 1};
    check(&f, "x.so: goevd_framing.delimiter has 0 bytes; give it 1 to 16");
    f.delimiter = (struct goevd_str){"0123456789abcdefg", 0};
    check(&f, "x.so: goevd_framing.delimiter has 0 bytes; give it 1 to 16");
    f.delimiter.len = 1;
    check(&f, NULL);
    f.delimiter.len = 16;
    check(&f, NULL);
    f.delimiter.len = 17;
    check(&f, "x.so: goevd_framing.delimiter has 17 bytes; give it 1 to 16");
}

static void
test_framing_sizes_of_a_length(void **state)
{
    struct goevd_framing f = FRAMING(.type = GOEVD_FRAMING_LENGTH);
    char words[100];

    for (f.length_bytes = 0; f.length_bytes < 20; f.length_bytes++) {
        snprintf(words, sizeof(words),
                 "x.so: goevd_framing.length_bytes is %u; make it 1, 2, 4 or 8", f.length_bytes);
        check(&f, memchr("\1\2\4\10", (int)f.length_bytes, 4) ? NULL : words);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_framing_needs_one_of_two_callbacks),
        cmocka_unit_test(test_framing_of_another_time),
        cmocka_unit_test(test_framing_types),
        cmocka_unit_test(test_framing_flags_of_another_type),
        cmocka_unit_test(test_framing_delimiter_at_its_limits_and_past_them),
        cmocka_unit_test(test_framing_sizes_of_a_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
