/* Directories for people: order and sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "download/bytes/listing_entry.h"

static struct dl_entry *
entry(const char *name)
{
    size_t len = strlen(name);
    bool directory = len > 0 && name[len - 1] == '/';
    struct dl_entry *e = calloc(1, sizeof(*e) + len + 1);

    assert_non_null(e);
    e->kind = directory ? DL_ENTRY_DIRECTORY : DL_ENTRY_FILE;
    memcpy(e->name, name, len - directory);
    return e;
}

static void
check_before(const char *first, const char *second)
{
    struct dl_entry *x = entry(first), *y = entry(second);
    int forth = dl_entry_compare(x, y), back = dl_entry_compare(y, x);

    if (forth >= 0 || back <= 0 || dl_entry_compare(x, x) != 0)
        fail_msg("%s is not before %s", first, second);
    free(x);
    free(y);
}

static void
test_listing_order(void **state)
{
    (void)state;
    check_before("z/", "a");
    check_before("a/", "b/");
    check_before("a", "B");
    check_before("B", "c");
    check_before("a2", "a10");
    check_before("A2", "a10");
    check_before("a2b", "a2c");
    check_before("a", "a1");
    check_before("1.9.2", "1.10.0");
    check_before("99999999999999999998", "99999999999999999999");
    check_before("99999999999999999999", "100000000000000000000");
    check_before("A", "a");    /* equal but for case: by bytes */
    check_before("a01", "a1"); /* equal as numbers */
    check_before("a", "\xc3\xbc");
    check_before("", "a");
}

static void
check_size(int64_t size, const char *wanted)
{
    char text[DL_SIZE_TEXT_MAX];

    assert_string_equal(dl_entry_size_text(size, text), wanted);
}

static void
test_listing_sizes(void **state)
{
    (void)state;
    check_size(0, "0 B");
    check_size(1, "1 B");
    check_size(1023, "1023 B");
    check_size(1024, "1.0 KiB");
    check_size(1536, "1.5 KiB");
    check_size((1 << 20) - 1, "1023.9 KiB");
    check_size(1 << 20, "1.0 MiB");
    check_size(INT64_C(5) << 30, "5.0 GiB");
    check_size(INT64_C(3) << 40, "3.0 TiB");
    check_size(INT64_C(1) << 50, "1.0 PiB");
    check_size(INT64_MAX, "7.9 EiB");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listing_order),
        cmocka_unit_test(test_listing_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
