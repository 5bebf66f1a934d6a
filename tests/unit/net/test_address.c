#include "unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/address.h"

static void
reads(const char *text, const char *formatted)
{
    char buf[ADDRESS_TEXT_MAX];
    struct err err = {0};
    struct address a, again;

    if (address_parse(text, &a, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    assert_string_equal(address_format(&a.sa, a.len, buf, sizeof(buf)), formatted);
    if (strchr(formatted, ':') && !a.any) {
        assert_int_equal(address_parse(formatted, &again, NULL), 0);
        assert_int_equal(again.len, a.len);
        assert_memory_equal(&again.storage, &a.storage, a.len);
    }
}

static void
refuses(const char *text, int code, const char *why)
{
    struct err err = {0};
    struct address a;

    assert_int_equal(address_parse(text, &a, &err), code);
    if (!strstr(err.text, why))
        fail_msg("%s: '%s' does not say '%s'", text, err.text, why);
}

static void
test_address_reads_what_people_write(void **state)
{
    reads("127.0.0.1:8080", "127.0.0.1:8080");
    reads("0.0.0.0:0", "0.0.0.0:0");
    reads("[::1]:65535", "[::1]:65535");
    reads("[::]:80", "[::]:80");
    reads("[2001:db8::7]:443", "[2001:db8::7]:443");
    reads(":80", "[::]:80");
    reads("*:80", "[::]:80");
    reads("unix:/run/goevd/socket", "unix:/run/goevd/socket");
    reads("unix:@name", "unix:@name");
    reads("unix:@with:colon", "unix:@with:colon");
}

static void
test_address_without_a_host_is_any(void **state)
{
    struct address a;

    assert_int_equal(address_parse(":80", &a, NULL), 0);
    assert_true(a.any);
    assert_int_equal(address_parse("*:80", &a, NULL), 0);
    assert_true(a.any);
    assert_int_equal(address_parse("[::]:80", &a, NULL), 0);
    assert_false(a.any);
}

static void
test_address_looks_a_name_up(void **state)
{
    struct address a;

    assert_int_equal(address_parse("localhost:81", &a, NULL), 0);
    assert_true(address_is_tcp(&a));
    assert_int_equal(address_port(&a), 81);
}

static void
test_address_refuses_with_the_reason(void **state)
{
    refuses("127.0.0.1:65536", -ERANGE, "port 65536 is above 65535");
    refuses("127.0.0.1:99999999999999999999", -ERANGE, "is above 65535");
    refuses("127.0.0.1:", -EINVAL, "the port is missing");
    refuses("127.0.0.1:http", -EINVAL, "port 'http' is not a number");
    refuses("127.0.0.1:-1", -EINVAL, "port '-1' is not a number");
    refuses("127.0.0.1", -EINVAL, "has no port");
    refuses("", -EINVAL, "has no port");
    refuses("fe80::1:80", -EINVAL, "stands in brackets");
    refuses("[::1:80", -EINVAL, "between '[' and ']:port'");
    refuses("[]:80", -EINVAL, "between '[' and ']:port'");
    refuses("[127.0.0.1]:80", -EADDRNOTAVAIL, "'127.0.0.1'");
    refuses("unix:", -EINVAL, "unix:/path or unix:@name");
    refuses("unix:relative", -EINVAL, "unix:/path or unix:@name");
    refuses("unix:@", -EINVAL, "unix:/path or unix:@name");
}

/* As proxy_protocol and everything else that goevd reads: no octal, no short forms. */
static void
test_address_refuses_what_only_inet_aton_reads(void **state)
{
    static const char *const hosts[] = {"010.0.0.1",  "1",          "0",          "127.1",
                                        "1.2.3",      "127.0.0.01", "0x7f.0.0.1", "127.0.0.0x1",
                                        "2130706433", "300.1.1.1",  "1.2.3.4.5",  "127.0.0.1.",
                                        "0x7f000001", "a.b.1"};
    char text[64];

    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct address_host host;
        struct address a;

        snprintf(text, sizeof(text), "%s:80", hosts[i]);
        refuses(text, -EINVAL, "is not an IPv4 address: expected four numbers");
        refuses(text, -EINVAL,
                strchr(hosts[i], '.') ? "as in 10.0.0.1" : "every address is *:port");
        assert_int_equal(address_parse_peer(text, &a, &host, NULL), -EINVAL);
        assert_int_equal(address_parse_source(text, &a), -EINVAL);
    }
    refuses("[*]:80", -EINVAL, "every address is *:port");
}

static int
peer(const char *text, struct err *reterr)
{
    struct address_host host;
    struct address a = {0};
    int r = address_parse_peer(text, &a, &host, reterr);

    if (r == 0)
        assert_true(a.len > 0);
    if (r == 1)
        assert_true(host.port > 0 && host.name[0]);
    return r;
}

static void
test_address_of_a_peer_is_whole_and_never_looked_up(void **state)
{
    struct err err = {0}, v6 = {0};

    assert_int_equal(peer("127.0.0.1:80", NULL), 0);
    assert_int_equal(peer("[::1]:80", NULL), 0);
    assert_int_equal(peer("unix:@name", NULL), 0);
    assert_int_equal(peer("localhost:80", NULL), 1);
    assert_int_equal(peer("no-such-host.invalid:65535", NULL), 1);
    assert_int_equal(peer(":80", &err), -EINVAL);
    assert_string_equal(err.text, "the host is missing before ':80'");
    assert_int_equal(peer("127.0.0.1:0", NULL), -ERANGE);
    assert_int_equal(peer("[localhost]:80", &v6), -EADDRNOTAVAIL);
    assert_true(strstr(v6.text, "localhost") != NULL);
}

static void
test_address_of_a_source_may_have_any_port_but_no_name(void **state)
{
    struct address a;

    assert_int_equal(address_parse_source("127.0.0.1:0", &a), 0);
    assert_int_equal(address_parse_source("[::1]:7", &a), 0);
    assert_int_equal(address_port(&a), 7);
    assert_int_equal(address_parse_source("localhost:0", &a), -EINVAL);
    assert_int_equal(address_parse_source("127.0.0.1", &a), -EINVAL);
}

static void
test_address_path_at_the_limit_and_one_past_it(void **state)
{
    char text[5 + 108 + 1] = "unix:/";
    struct address a;

    memset(text + 6, 'x', 106);
    text[5 + 107] = '\0'; /* unix(7): 107 bytes and a NUL */
    assert_int_equal(address_parse(text, &a, NULL), 0);
    text[5 + 107] = 'x';
    text[5 + 108] = '\0';
    refuses(text, -ENAMETOOLONG, "108 bytes, and 107 are the most");
}

static void
test_address_formats_one_without_a_name(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char buf[ADDRESS_TEXT_MAX];

    assert_string_equal(
        address_format((struct sockaddr *)&un, sizeof(un.sun_family), buf, sizeof(buf)), "unix:");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address_reads_what_people_write),
        cmocka_unit_test(test_address_without_a_host_is_any),
        cmocka_unit_test(test_address_looks_a_name_up),
        cmocka_unit_test(test_address_refuses_with_the_reason),
        cmocka_unit_test(test_address_refuses_what_only_inet_aton_reads),
        cmocka_unit_test(test_address_of_a_peer_is_whole_and_never_looked_up),
        cmocka_unit_test(test_address_of_a_source_may_have_any_port_but_no_name),
        cmocka_unit_test(test_address_path_at_the_limit_and_one_past_it),
        cmocka_unit_test(test_address_formats_one_without_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
