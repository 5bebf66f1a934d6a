/* The client's address as passed on by proxies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>

#include "http/log/forwarded.h"

#define FIELDS_MAX 32

/* A request with these header lines, each "name: value". */
static struct http_request *
with(const char *const *lines)
{
    struct http_request *req = calloc(1, sizeof(*req) + FIELDS_MAX * sizeof(req->fields[0]));

    assert_non_null(req);
    for (; *lines != NULL; lines++) {
        const char *colon = strstr(*lines, ": ");
        struct http_field *f = &req->fields[req->field_count++];

        f->name = *lines;
        f->name_len = (uint32_t)(colon - *lines) & 0xffffff;
        f->value = colon + 2;
        f->value_len = (uint32_t)strlen(colon + 2);
    }
    return req;
}

/* The nodes of these lines, the last one first, with a blank between them. */
static void
check(enum http_forwarded_header header, const char *wanted, const char *const *lines)
{
    struct http_request *req = with(lines);
    struct http_forwarded_hops hops;
    char text[1024] = "";
    size_t len = 0;

    http_forwarded_read(req, header, &hops);
    for (size_t n = hops.count, i = 0; n-- > 0 && i < HTTP_FORWARDED_HOPS_MAX; i++) {
        struct http_span node = hops.nodes[n % HTTP_FORWARDED_HOPS_MAX];

        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s", len == 0 ? "" : " ",
                                node.len == 0 ? 1 : (int)node.len, node.len == 0 ? "-" : node.data);
    }
    assert_string_equal(text, wanted);
    free(req);
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void
test_http_forwarded_reads_x_forwarded_for(void **state)
{
    (void)state;
    check(HTTP_FORWARDED_X_FORWARDED_FOR, "", LINES("Host: a"));
    check(HTTP_FORWARDED_X_FORWARDED_FOR, "1.2.3.4", LINES("X-Forwarded-For: 1.2.3.4"));
    check(HTTP_FORWARDED_X_FORWARDED_FOR, "c b a", LINES("x-forwarded-for: a ,\tb,c"));
    check(HTTP_FORWARDED_X_FORWARDED_FOR, "c b a",
          LINES("X-Forwarded-For: a", "Forwarded: for=z", "X-FORWARDED-FOR: b,, c, "));
    check(HTTP_FORWARDED_X_FORWARDED_FOR, "", LINES("X-Forwarded-For: "));
    check(HTTP_FORWARDED_X_FORWARDED_FOR, "b\" \"a", LINES("X-Forwarded-For: \"a, b\""));
    check(HTTP_FORWARDED_X_FORWARDED_FOR, "", LINES("X-Forwarded: a", "X-Forwarded-Fo: a"));
}

static void
test_http_forwarded_reads_forwarded(void **state)
{
    (void)state;
    check(HTTP_FORWARDED_STANDARD, "192.0.2.60",
          LINES("Forwarded: for=192.0.2.60; proto=http; by=203.0.113.43"));
    check(HTTP_FORWARDED_STANDARD, "198.51.100.17 192.0.2.43",
          LINES("Forwarded: for=192.0.2.43, FOR=198.51.100.17"));
    check(HTTP_FORWARDED_STANDARD, "[2001:db8::1]:47 _gazonk",
          LINES("Forwarded: For=\"_gazonk\"", "Forwarded: by=x;for=\"[2001:db8::1]:47\""));
    check(HTTP_FORWARDED_STANDARD, "b - a", LINES("Forwarded: for=a, by=x, for=b"));
    /* quoted text neither separates elements nor names a parameter */
    check(HTTP_FORWARDED_STANDARD, "a",
          LINES("Forwarded: host=\"x, for=evil; for=evil\\\", for=evil\";for=a"));
    check(HTTP_FORWARDED_STANDARD, "-", LINES("Forwarded: for=\"a\\b\""));
    check(HTTP_FORWARDED_STANDARD, "- a", LINES("Forwarded: for=a, for="));
    /* one that is left open hides nothing */
    check(HTTP_FORWARDED_STANDARD, "b \"a", LINES("Forwarded: for=\"a, for=b"));
    check(HTTP_FORWARDED_STANDARD, "[::1] -", LINES("Forwarded: for=\"a\\, for=\"[::1]\""));
}

static void
test_http_forwarded_keeps_the_last_hops(void **state)
{
    char at_limit[256] = "X-Forwarded-For: ", above[512];
    char wanted[256] = "";

    (void)state;
    for (int i = 0; i < HTTP_FORWARDED_HOPS_MAX; i++) {
        sprintf(at_limit + strlen(at_limit), "%s%d", i == 0 ? "" : ",", i);
        sprintf(wanted + strlen(wanted), "%s%d", i == 0 ? "" : " ",
                HTTP_FORWARDED_HOPS_MAX - 1 - i);
    }
    check(HTTP_FORWARDED_X_FORWARDED_FOR, wanted, LINES(at_limit));
    snprintf(above, sizeof(above), "X-Forwarded-For: lost,%s", at_limit + 17);
    check(HTTP_FORWARDED_X_FORWARDED_FOR, wanted, LINES(above));
}

static void
node(const char *text, const char *wanted)
{
    union http_forwarded_address address;
    char found[INET6_ADDRSTRLEN];

    if (!http_forwarded_node((struct http_span){text, strlen(text)}, &address)) {
        if (wanted != NULL)
            fail_msg("%s is none", text);
        return;
    }
    if (address.sa.sa_family == AF_INET)
        inet_ntop(AF_INET, &address.in.sin_addr, found, sizeof(found));
    else
        inet_ntop(AF_INET6, &address.in6.sin6_addr, found, sizeof(found));
    if (wanted == NULL)
        fail_msg("%s gave %s", text, found);
    else
        assert_string_equal(found, wanted);
}

static void
test_http_forwarded_nodes(void **state)
{
    static const char *const none[] = {
        "",          "unknown",   "_hidden",
        "1.2.3",     "1.2.3.4.5", "1.2.3.256",
        "1.2.3.4:",  "1.2.3.4:x", "1.2.3.4:123456",
        "1.2.3.4 ",  "[",         "[]",
        "[::1",      "[::1]x",    "[::1]:",
        "[1.2.3.4]", "::1::2",    "[::ffff:1.2.3.4.5]",
        "1.2.3.4:_", "0x7f.1",    "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};

    (void)state;
    node("1.2.3.4", "1.2.3.4");
    node("1.2.3.4:80", "1.2.3.4");
    node("1.2.3.4:_x", "1.2.3.4");
    node("2001:db8::1", "2001:db8::1");
    node("[2001:db8::1]", "2001:db8::1");
    node("[2001:db8::1]:65535", "2001:db8::1");
    node("::ffff:1.2.3.4", "::ffff:1.2.3.4");
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        node(none[i], NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_forwarded_reads_x_forwarded_for),
        cmocka_unit_test(test_http_forwarded_reads_forwarded),
        cmocka_unit_test(test_http_forwarded_keeps_the_last_hops),
        cmocka_unit_test(test_http_forwarded_nodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
