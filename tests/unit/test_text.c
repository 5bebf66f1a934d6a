#include "unit.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_puts_together),
        cmocka_unit_test(test_text_leaves_out_what_does_not_fit),
        cmocka_unit_test(test_text_time_is_that_of_gmtime),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
