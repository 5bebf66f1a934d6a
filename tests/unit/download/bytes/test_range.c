/* Ranges of files. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "download/bytes/range.h"

#define MAX 4

/* The ranges as "at+len at+len", "ignored" or "none". The value is a copy whose end asan guards. */
static void
check(const char *value, uint64_t size, const char *wanted)
{
    size_t len = strlen(value);
    char *copy = malloc(len + (len == 0));
    struct dl_range ranges[MAX];
    char text[256];
    int count;
    int n = 0;

    assert_non_null(copy);
    memcpy(copy, value, len);
    count = dl_range_parse((struct goevd_str){copy, len}, size, ranges, MAX);
    free(copy);
    text[0] = '\0';
    for (int i = 0; i < count; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%llu+%llu", i == 0 ? "" : " ",
                      (unsigned long long)ranges[i].at, (unsigned long long)ranges[i].len);
    if (count <= 0)
        strcpy(text, count == 0 ? "ignored" : count == -ERANGE ? "none" : "?");
    if (strcmp(text, wanted) != 0)
        fail_msg("%s of %llu gave %s, not %s", value, (unsigned long long)size, text, wanted);
}

static void
test_range_one(void **state)
{
    (void)state;
    check("bytes=0-8", 1000, "0+9");
    check("bytes=0-0", 1000, "0+1");
    check("bytes=999-", 1000, "999+1");
    check("bytes=999-5000", 1000, "999+1");
    check("bytes=-1", 1000, "999+1");
    check("bytes=-1000", 1000, "0+1000");
    check("bytes=-1001", 1000, "0+1000");
    check("bytes=00-08", 1000, "0+9");
    check("BYTES=0-8", 1000, "0+9");
    check("bytes= 0-8\t", 1000, "0+9");
    check("bytes=,0-8 , ,", 1000, "0+9");
}

static void
test_range_large_numbers(void **state)
{
    (void)state;
    check("bytes=0-99999999999999999999999", 1000, "0+1000");
    check("bytes=18446744073709551615-", 1000, "none");
    check("bytes=18446744073709551616-", 1000, "none");
    check("bytes=18446744073709551615-18446744073709551616", 1000, "none");
    check("bytes=-99999999999999999999999", 1000, "0+1000");
    check("bytes=4294967296-", UINT64_C(5) << 30, "4294967296+1073741824");
    check("bytes=-1", INT64_MAX, "9223372036854775806+1");
}

static void
test_range_several(void **state)
{
    (void)state;
    check("bytes=0-9,20-29", 1000, "0+10 20+10");
    check("bytes=0-9, -10 ,10-19", 1000, "0+10 990+10 10+10");
    check("bytes=5000-6000,0-9", 1000, "0+10");
    check("bytes=5000-,6000-", 1000, "none");
}

static void
test_range_bounds_what_is_sent(void **state)
{
    (void)state;
    check("bytes=0-0,1-1,2-2,3-3", 1000, "0+1 1+1 2+1 3+1");
    check("bytes=0-0,1-1,2-2,3-3,4-4", 1000, "ignored"); /* more than MAX */
    check("bytes=0-499,500-999", 1000, "0+500 500+500");
    check("bytes=0-500,500-999", 1000, "ignored"); /* a byte more than there are */
    check("bytes=0-,0-", 1000, "ignored");
}

static void
test_range_ends_of_the_file(void **state)
{
    (void)state;
    check("bytes=1000-", 1000, "none");
    check("bytes=-0", 1000, "none");
    check("bytes=0-", 0, "ignored");
    check("bytes=0-0", 0, "ignored");
    check("bytes=1-", 0, "none");
    check("bytes=-0", 0, "none");
    check("bytes=-5", 0, "ignored");
}

static void
test_range_malformed(void **state)
{
    static const char *const rows[] = {"",           "bytes",       "bytes=",         "bytes=-",
                                       "bytes=,",    "bytes=abc",   "bytes=8-0",      "bytes=0-8-",
                                       "bytes=0x0-", "bytes=+0-8",  "bytes=0--",      "bytes 0-8",
                                       "bytes:0-8",  "items=0-8",   "=0-8",           "bytes=0-8;",
                                       "bytes=1e1-", "bytes=10",    "bytes=0-8 9-10", "bytes=0 -8",
                                       "bytes=0- 8", "bytes=0-8,x", "bytes=0-8,9"};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(rows[i], 1000, "ignored");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range_one),
        cmocka_unit_test(test_range_large_numbers),
        cmocka_unit_test(test_range_several),
        cmocka_unit_test(test_range_bounds_what_is_sent),
        cmocka_unit_test(test_range_ends_of_the_file),
        cmocka_unit_test(test_range_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
