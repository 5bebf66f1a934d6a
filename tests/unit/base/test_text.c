#include "unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

static char memory[64];

static struct text
empty(size_t size)
{
    memset(memory, '#', sizeof(memory));
    return (struct text){.data = memory, .size = size};
}

static void
assert_text(const struct text *t, const char *expected)
{
    assert_int_equal(t->len, strlen(expected));
    assert_memory_equal(t->data, expected, t->len);
    assert_int_equal(t->data[t->len], '#');
}

static void
test_text_puts_together(void **state)
{
    struct text t = empty(sizeof(memory));

    text_add(&t, "a ");
    text_add_number(&t, 0, 1);
    text_add(&t, " ");
    text_add_number(&t, UINT64_MAX, 1);
    text_add(&t, " ");
    text_add_number(&t, 7, 3);
    text_add(&t, " ");
    text_add_hex(&t, 0);
    text_add(&t, " ");
    text_add_hex(&t, UINT64_MAX);
    assert_text(&t, "a 0 18446744073709551615 007 0x0 0xffffffffffffffff");
}

static void
test_text_leaves_out_what_does_not_fit(void **state)
{
    struct text t = empty(8);

    text_add(&t, "12345678");
    assert_text(&t, "12345678");
    t = empty(8);
    text_add(&t, "1234567");
    text_add(&t, "89");
    text_add_hex(&t, 1);
    assert_text(&t, "12345678");
}

/* Every day from 1970 to 2106, and a few seconds of each. */
static void
test_text_time_is_that_of_gmtime(void **state)
{
    struct dice dice = DICE;

    for (time_t day = 0; day < (time_t)UINT32_MAX / 86400; day++) {
        struct timespec ts = {.tv_sec = day * 86400 + dice_below(&dice, 86400),
                              .tv_nsec = (long)dice_below(&dice, 1000000000)};
        struct text t = empty(sizeof(memory));
        char expected[64];
        struct tm tm;
        size_t n;

        gmtime_r(&ts.tv_sec, &tm);
        n = strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(expected + n, sizeof(expected) - n, ".%03ldZ", ts.tv_nsec / 1000000);
        text_add_time(&t, &ts);
        assert_text(&t, expected);
    }
}

static const struct {
    const char *from, *plain, *json;
} characters[] = {
    {"", "", "\"\""},
    {"abc", "abc", "\"abc\""},
    {"a\nb\tc\x7f", "a b c ", "\"a\\nb\\u0009c\\u007f\""},
    {"say \"\\\"", "say \"\\\"", "\"say \\\"\\\\\\\"\""},
    {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
     "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
    {"\xc2\x9b", " ", "\"\\u009b\""},                                         /* a terminal's CSI */
    {"\xff|", "\xef\xbf\xbd|", "\"\xef\xbf\xbd|\""},                          /* no UTF-8 */
    {"\xc3", "\xef\xbf\xbd", "\"\xef\xbf\xbd\""},                             /* half */
    {"\xc3(", "\xef\xbf\xbd(", "\"\xef\xbf\xbd(\""},                          /* half, then more */
    {"\xc0\xae", "\xef\xbf\xbd\xef\xbf\xbd", "\"\xef\xbf\xbd\xef\xbf\xbd\""}, /* too long */
    {"\xe0\x80", "\xef\xbf\xbd\xef\xbf\xbd", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xf5", "\xef\xbf\xbd", "\"\xef\xbf\xbd\""},
};

static void
test_text_characters_hold_nothing_apart(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(characters); i++) {
        struct text t = empty(sizeof(memory) - 1);

        text_add_plain(&t, characters[i].from, strlen(characters[i].from));
        assert_text(&t, characters[i].plain);
        t = empty(sizeof(memory) - 1);
        text_add_json(&t, characters[i].from, strlen(characters[i].from));
        assert_text(&t, characters[i].json);
    }
}

static void
test_text_json_characters_one_by_one(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(characters); i++) {
        const char *from = characters[i].from;
        struct text t = empty(sizeof(memory) - 1);

        text_add(&t, "\"");
        for (size_t len = strlen(from); len > 0;) {
            char piece[TEXT_JSON_CHAR_MAX];
            struct text one = {.data = piece, .size = sizeof(piece)};
            size_t n = text_add_json_char(&one, from, len);

            assert_in_range(n, 1, len);
            assert_in_range(one.len, 1, sizeof(piece));
            memcpy(t.data + t.len, piece, one.len);
            t.len += one.len;
            from += n;
            len -= n;
        }
        text_add(&t, "\"");
        assert_text(&t, characters[i].json);
    }
}

/* Surrogates, and code points beyond the last one: each byte is invalid. */
static void
test_text_characters_are_those_that_exist(void **state)
{
    static const char *const wrong[] = {"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe0\x9f\xbf",
                                        "\xf0\x8f\xbf\xbf"};
    static const char *const right[] = {"\xed\x9f\xbf", "\xf4\x8f\xbf\xbf", "\xe0\xa0\x80",
                                        "\xf0\x90\x80\x80"};

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct text t = empty(sizeof(memory));

        text_add_plain(&t, wrong[i], strlen(wrong[i]));
        assert_int_equal(t.len, 3 * strlen(wrong[i]));
        t = empty(sizeof(memory));
        text_add_plain(&t, right[i], strlen(right[i]));
        assert_text(&t, right[i]);
    }
}

/* At every size: whole characters and escapes, and a quote at the end. */
static void
test_text_characters_fit_or_are_left_out(void **state)
{
    static const char from[] = "a\xe2\x82\xac\"\x01z";
    static const char all[] = "\"a\xe2\x82\xac\\\"\\u0001z\"";
    static const size_t ends[] = {1, 2, 5, 7, 13, 14}; /* of the text before the last quote */

    for (size_t size = 0; size < sizeof(all) + 2; size++) {
        struct text t = empty(size);
        size_t end = 0;

        text_add_json(&t, from, sizeof(from) - 1);
        for (size_t i = 0; i < ARRAY_LEN(ends) && ends[i] + 1 <= size; i++)
            end = ends[i];
        assert_int_equal(t.len, size < 2 ? 0 : end + 1);
        assert_int_equal(t.size, size);
        assert_memory_equal(t.data, all, size < 2 ? 0 : end);
        assert_true(size < 2 || t.data[end] == '"');
    }
}

static void
test_text_values_have_quotes_where_they_need_them(void **state)
{
    static const char *const bare[] = {"a", "[::1]:80", "0x2a", "a/b-c_d.e"};
    static const char *const quoted[] = {"", "a b", "a=b", "a\"", "\\", "\x01", "\xc3\xa4", "\x7f"};

    for (size_t i = 0; i < ARRAY_LEN(bare); i++) {
        struct text t = empty(sizeof(memory) - 1);

        text_add_value(&t, bare[i], strlen(bare[i]));
        assert_text(&t, bare[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(quoted); i++) {
        struct text t = empty(sizeof(memory));

        text_add_value(&t, quoted[i], strlen(quoted[i]));
        assert_true(t.len >= 2 && t.data[0] == '"' && t.data[t.len - 1] == '"');
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_puts_together),
        cmocka_unit_test(test_text_leaves_out_what_does_not_fit),
        cmocka_unit_test(test_text_time_is_that_of_gmtime),
        cmocka_unit_test(test_text_characters_hold_nothing_apart),
        cmocka_unit_test(test_text_json_characters_one_by_one),
        cmocka_unit_test(test_text_characters_are_those_that_exist),
        cmocka_unit_test(test_text_characters_fit_or_are_left_out),
        cmocka_unit_test(test_text_values_have_quotes_where_they_need_them),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
