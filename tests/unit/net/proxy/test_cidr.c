#include "unit/unit.h"

#include <errno.h>
#include <string.h>

#include "net/address.h"
#include "net/proxy/cidr.h"

static bool
has(const char *cidr, const char *address)
{
    struct cidr n;
    struct address a;
    struct err err = {0};

    if (cidr_parse(cidr, &n, &err) < 0)
        fail_msg("%s: %s", cidr, err.text);
    assert_int_equal(address_parse(address, &a, NULL), 0);
    return cidr_any(&n, 1, &a.sa);
}

static void
refuses(const char *text, int code, const char *why)
{
    struct err err = {0};
    struct cidr n;

    assert_int_equal(cidr_parse(text, &n, &err), code);
    if (!strstr(err.text, why))
        fail_msg("%s: '%s' does not say '%s'", text, err.text, why);
}

static void
test_cidr_of_ipv4(void **state)
{
    assert_true(has("10.0.0.0/8", "10.0.0.0:1"));
    assert_true(has("10.0.0.0/8", "10.255.255.255:1"));
    assert_false(has("10.0.0.0/8", "11.0.0.0:1"));
    assert_false(has("10.0.0.0/8", "9.255.255.255:1"));
    assert_true(has("192.0.2.128/25", "192.0.2.128:1"));
    assert_false(has("192.0.2.128/25", "192.0.2.127:1"));
    assert_true(has("192.0.2.7", "192.0.2.7:1"));
    assert_true(has("192.0.2.7/32", "192.0.2.7:1"));
    assert_false(has("192.0.2.7", "192.0.2.6:1"));
    assert_true(has("0.0.0.0/0", "255.255.255.255:1"));
}

static void
test_cidr_of_ipv6(void **state)
{
    assert_true(has("2001:db8::/32", "[2001:db8:ffff::1]:1"));
    assert_false(has("2001:db8::/32", "[2001:db9::1]:1"));
    assert_true(has("2001:db8::/33", "[2001:db8:7fff::]:1"));
    assert_false(has("2001:db8::/33", "[2001:db8:8000::]:1"));
    assert_true(has("::1", "[::1]:1"));
    assert_true(has("::1/128", "[::1]:1"));
    assert_false(has("::1", "[::2]:1"));
    assert_true(has("::/0", "[ffff::]:1"));
}

/* The address of an IPv4 client at a listener on [::]. */
static void
test_cidr_ipv4_that_came_as_ipv6_is_ipv4(void **state)
{
    assert_true(has("10.0.0.0/8", "[::ffff:10.1.2.3]:1"));
    assert_false(has("10.0.0.0/8", "[::ffff:11.1.2.3]:1"));
    assert_true(has("::ffff:10.0.0.0/104", "10.1.2.3:1"));
    assert_true(has("::ffff:10.0.0.0/104", "[::ffff:10.1.2.3]:1"));
    assert_true(has("::ffff:0:0/96", "192.0.2.1:1"));
    assert_false(has("::/0", "[::ffff:10.1.2.3]:1"));
    assert_false(has("::/0", "10.1.2.3:1"));
    assert_false(has("0.0.0.0/0", "[::1]:1"));
}

static void
test_cidr_of_unix_peers(void **state)
{
    assert_true(has("unix", "unix:/run/proxy"));
    assert_true(has("unix", "unix:@proxy"));
    assert_false(has("unix", "127.0.0.1:1"));
    assert_false(has("0.0.0.0/0", "unix:/run/proxy"));
    assert_false(has("::/0", "unix:/run/proxy"));
}

static void
test_cidr_any_of_several(void **state)
{
    struct cidr n[2];
    struct address a;

    cidr_parse("10.0.0.0/8", &n[0], NULL);
    cidr_parse("::1", &n[1], NULL);
    address_parse("[::1]:1", &a, NULL);
    assert_true(cidr_any(n, 2, &a.sa));
    assert_false(cidr_any(n, 1, &a.sa));
    assert_false(cidr_any(n, 0, &a.sa));
}

static void
test_cidr_says_what_is_wrong(void **state)
{
    static const char *const wrong[] = {"",
                                        "/",
                                        "/8",
                                        "10.0.0/8",
                                        "10.0.0.0.0",
                                        "10.0.0.256",
                                        "010.0.0.0",
                                        "example.org",
                                        "::1%lo",
                                        "[::1]",
                                        "10.0.0.1:80",
                                        "unix:/run/x",
                                        "Unix",
                                        ":::",
                                        "::ffff:10.0.0.0.0",
                                        "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255.255"};

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        refuses(wrong[i], -EINVAL, "is not a network: expected one such as 10.0.0.0/8");
    refuses("10.0.0.0/", -EINVAL, "the number of bits is missing after '/'");
    refuses("10.0.0.0/x", -EINVAL, "'x' after '/' is not a number of bits");
    refuses("10.0.0.0/8/8", -EINVAL, "'8/8' after '/' is not a number of bits");
    refuses("10.0.0.0/-1", -EINVAL, "'-1' after '/' is not a number of bits");
    refuses("10.0.0.0/33", -ERANGE, "/33 is above 32, the bits of an IPv4 address");
    refuses("::/129", -ERANGE, "/129 is above 128, the bits of an IPv6 address");
    refuses("::/99999999999999999999", -ERANGE, "is above 128");
    refuses("10.1.2.3/8", -EINVAL,
            "10.1.2.3/8 has bits set behind the first 8; did you mean 10.0.0.0/8?");
    refuses("10.0.0.1/31", -EINVAL, "did you mean 10.0.0.0/31?");
    refuses("2001:db8::1/32", -EINVAL, "did you mean 2001:db8::/32?");
    refuses("0.0.0.1/0", -EINVAL, "did you mean 0.0.0.0/0?");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cidr_of_ipv4),
        cmocka_unit_test(test_cidr_of_ipv6),
        cmocka_unit_test(test_cidr_ipv4_that_came_as_ipv6_is_ipv4),
        cmocka_unit_test(test_cidr_of_unix_peers),
        cmocka_unit_test(test_cidr_any_of_several),
        cmocka_unit_test(test_cidr_says_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
