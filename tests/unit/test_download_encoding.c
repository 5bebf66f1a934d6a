/* Codings that clients take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "download/encoding.h"

/* The weights in thousandths; the value is a copy whose end asan guards. */
static void
check(const char *value, int br, int zst, int gz, int identity)
{
    size_t len = strlen(value);
    char *copy = malloc(len + (len == 0));
    struct encoding_weights w;

    assert_non_null(copy);
    memcpy(copy, value, len);
    encoding_read((struct goevd_str){copy, len}, &w);
    free(copy);
    if (w.of[ENCODING_BR] != br || w.of[ENCODING_ZST] != zst || w.of[ENCODING_GZ] != gz ||
        w.identity != identity)
        fail_msg("\"%s\" gave %d %d %d %d", value, w.of[ENCODING_BR], w.of[ENCODING_ZST],
                 w.of[ENCODING_GZ], w.identity);
}

static void
test_encoding_names(void **state)
{
    struct encoding_weights w;

    (void)state;
    check("gzip", 0, 0, 1000, 1);
    check("x-gzip", 0, 0, 1000, 1);
    check("GZip , BR,zstd", 1000, 1000, 1000, 1);
    check("deflate, gzi, gzipp", 0, 0, 0, 1);
    check("", 0, 0, 0, 1);
    check(", ,br,", 1000, 0, 0, 1);
    encoding_read((struct goevd_str){0}, &w);
    assert_int_equal(w.of[ENCODING_BR] + w.of[ENCODING_ZST] + w.of[ENCODING_GZ], 0);
    assert_int_equal(w.identity, 1);
}

static void
test_encoding_weights(void **state)
{
    (void)state;
    check("br;q=0.5, gzip;q=0.25 ,zstd ; q=1", 500, 1000, 250, 1);
    check("br;q=0, gzip;Q=0.001, zstd;q=0.0", 0, 0, 1, 1);
    check("br;q=1.000, gzip;q=1.", 1000, 0, 1000, 1);
    check("identity;q=0.7, br;q=0.3", 300, 0, 0, 700);
}

static void
test_encoding_others(void **state)
{
    (void)state;
    check("*", 1000, 1000, 1000, 1);
    check("br, *;q=0.2", 1000, 200, 200, 1);
    check("*;q=0", 0, 0, 0, 0);
    check("gzip, *;q=0", 0, 0, 1000, 0);
    check("identity;q=0, gzip", 0, 0, 1000, 0);
    check("br;q=0, *", 0, 1000, 1000, 1);
}

static void
test_encoding_malformed_weights_are_not_wanted(void **state)
{
    static const char *const rows[] = {
        "br;q=2", "br;q=1.001", "br;q=0.1234", "br;q=.5",   "br;q=-1",      "br;q=",   "br;",
        "br;q",   "br;x=1",     "br;q=0,5",    "br;q=1.0x", "br;q=0.5;q=1", "br;q=0x1"};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(rows[i], 0, 0, 0, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encoding_names),
        cmocka_unit_test(test_encoding_weights),
        cmocka_unit_test(test_encoding_others),
        cmocka_unit_test(test_encoding_malformed_weights_are_not_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
