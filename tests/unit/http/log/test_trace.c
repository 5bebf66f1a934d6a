/* Which values of traceparent are continued, and the resulting values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/log/trace.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

/* wanted NULL: it is malformed. */
static void
check(const char *value, const char *wanted)
{
    struct http_trace trace = {.len = 0};
    char *copy = malloc(strlen(value) + 1);
    bool good;

    assert_non_null(copy);
    memcpy(copy, value, strlen(value)); /* without the final zero byte, for valgrind and ASan */
    good = http_trace_parse((struct http_span){copy, strlen(value)}, &trace);
    free(copy);
    if (good != (wanted != NULL))
        fail_msg("%s", value);
    if (!wanted)
        return;
    assert_int_equal(trace.len, HTTP_TRACE_LEN);
    assert_true(trace.continued);
    assert_memory_equal(trace.text, wanted, HTTP_TRACE_LEN);
    assert_memory_equal(trace.caller, SPAN, HTTP_TRACE_SPAN_LEN);
    assert_memory_equal(http_trace_id(&trace).data, ID, HTTP_TRACE_ID_LEN);
}

static void
test_http_trace_reads_version_00(void **state)
{
    (void)state;
    check("00-" ID "-" SPAN "-00", "00-" ID "-" SPAN "-00");
    check("00-" ID "-" SPAN "-01", "00-" ID "-" SPAN "-01");
    check("00-" ID "-" SPAN "-03", "00-" ID "-" SPAN "-03");
    check("00-" ID "-" SPAN "-fe", "00-" ID "-" SPAN "-02"); /* unknown flags */
    check("00-" ID "-" SPAN "-01-", NULL);
    check("00-" ID "-" SPAN "-01-more", NULL);
    check("00-" ID "-" SPAN "-1", NULL);
    check("00-" ID "-" SPAN "-0G", NULL);
}

static void
test_http_trace_reads_of_later_versions_what_it_knows(void **state)
{
    (void)state;
    check("01-" ID "-" SPAN "-01", "00-" ID "-" SPAN "-01");
    check("fe-" ID "-" SPAN "-01-more", "00-" ID "-" SPAN "-01");
    check("01-" ID "-" SPAN "-01.more", NULL);
    check("ff-" ID "-" SPAN "-01", NULL);
    check("0g-" ID "-" SPAN "-01", NULL);
}

static void
test_http_trace_refuses_what_is_malformed(void **state)
{
    const char *good = "00-" ID "-" SPAN "-01";
    char cut[HTTP_TRACE_LEN + 1];

    (void)state;
    for (size_t len = 0; len < HTTP_TRACE_LEN; len++) {
        memcpy(cut, good, len);
        cut[len] = '\0';
        check(cut, NULL);
    }
    for (size_t i = 0; i < HTTP_TRACE_LEN; i++) {
        memcpy(cut, good, HTTP_TRACE_LEN + 1);
        cut[i] = 'A';
        check(cut, NULL);
    }
    check("00-00000000000000000000000000000000-" SPAN "-01", NULL);
    check("00-" ID "-0000000000000000-01", NULL);
}

static void
test_http_trace_begins_a_new_one_each_time(void **state)
{
    struct http_trace_random random = {{1, 2}};
    struct http_trace a, b, read = {.len = 0};

    (void)state;
    http_trace_begin(&random, false, &a);
    http_trace_begin(&random, true, &b);
    assert_false(a.continued);
    assert_true(http_trace_parse((struct http_span){a.text, a.len}, &read));
    assert_memory_equal(read.text, a.text, HTTP_TRACE_LEN);
    assert_memory_equal(a.text + 53, "02", 2);
    assert_memory_equal(b.text + 53, "03", 2);
    assert_memory_not_equal(http_trace_id(&a).data, http_trace_id(&b).data, HTTP_TRACE_ID_LEN);
    assert_memory_not_equal(http_trace_span(&a).data, http_trace_span(&b).data,
                            HTTP_TRACE_SPAN_LEN);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_trace_reads_version_00),
        cmocka_unit_test(test_http_trace_reads_of_later_versions_what_it_knows),
        cmocka_unit_test(test_http_trace_refuses_what_is_malformed),
        cmocka_unit_test(test_http_trace_begins_a_new_one_each_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
