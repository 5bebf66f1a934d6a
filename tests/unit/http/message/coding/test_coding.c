/* Codings that clients take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/message/coding/coding.h"

#define FIELDS 3

/* The weights in thousandths, with each value in a header of its own; the values are copies whose
 * ends asan guards. */
static void
check_all(const char *const *values, size_t count, unsigned br, unsigned zstd, unsigned gzip,
          unsigned identity)
{
    struct http_request *req = calloc(1, sizeof(*req) + (FIELDS + 1) * sizeof(struct http_field));
    const char *all[FIELDS] = {NULL};

    assert_non_null(req);
    req->fields[0] =
        (struct http_field){.name = "Accept", .value = "br", .value_len = 2, .name_len = 6};
    req->field_count = 1;
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(values[i]);
        char *copy = malloc(len + (len == 0));

        assert_non_null(copy);
        memcpy(copy, values[i], len);
        all[i] = copy;
        req->fields[req->field_count++] = (struct http_field){
            .name = "Accept-Encoding", .value = copy, .value_len = (uint32_t)len, .name_len = 15};
    }
    if (http_coding_weight(req, "br") != br || http_coding_weight(req, "zstd") != zstd ||
        http_coding_weight(req, "gzip") != gzip || http_coding_weight(req, "identity") != identity)
        fail_msg("\"%s\" gave %u %u %u %u", count == 0 ? "" : values[0],
                 http_coding_weight(req, "br"), http_coding_weight(req, "zstd"),
                 http_coding_weight(req, "gzip"), http_coding_weight(req, "identity"));
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)all[i]);
    free(req);
}

static void
check(const char *value, unsigned br, unsigned zstd, unsigned gzip, unsigned identity)
{
    check_all(&value, 1, br, zstd, gzip, identity);
}

static void
test_http_coding_names(void **state)
{
    (void)state;
    check("gzip", 0, 0, 1000, 1);
    check("x-gzip", 0, 0, 1000, 1);
    check("GZip , BR,zstd", 1000, 1000, 1000, 1);
    check("deflate, gzi, gzipp", 0, 0, 0, 1);
    check("", 0, 0, 0, 1);
    check(", ,br,", 1000, 0, 0, 1);
    check_all(NULL, 0, 0, 0, 0, 1);
}

static void
test_http_coding_weights(void **state)
{
    (void)state;
    check("br;q=0.5, gzip;q=0.25 ,zstd ; q=1", 500, 1000, 250, 1);
    check("br;q=0, gzip;Q=0.001, zstd;q=0.0", 0, 0, 1, 1);
    check("br;q=1.000, gzip;q=1.", 1000, 0, 1000, 1);
    check("identity;q=0.7, br;q=0.3", 300, 0, 0, 700);
}

static void
test_http_coding_others(void **state)
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
test_http_coding_several_headers_are_one_list(void **state)
{
    static const char *const two[] = {"br;q=0.5", "gzip, *;q=0.1"};

    (void)state;
    check_all(two, 2, 500, 100, 1000, 1);
}

static void
test_http_coding_malformed_weights_are_not_wanted(void **state)
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
        cmocka_unit_test(test_http_coding_names),
        cmocka_unit_test(test_http_coding_weights),
        cmocka_unit_test(test_http_coding_others),
        cmocka_unit_test(test_http_coding_several_headers_are_one_list),
        cmocka_unit_test(test_http_coding_malformed_weights_are_not_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
