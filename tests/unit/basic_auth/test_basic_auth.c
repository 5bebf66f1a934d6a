/* Credentials of a request, and the cache of verified ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <nettle/base64.h>

#include "basic_auth/verified.h"

/* The value is a copy whose end asan guards. name NULL: it is refused. */
static void
check_value(const char *value, size_t len, const char *name, const char *password)
{
    char *copy = malloc(len + (len == 0));
    struct auth_credentials c;
    bool good;

    assert_non_null(copy);
    memcpy(copy, value, len);
    good = auth_credentials_read((struct goevd_str){copy, len}, &c);
    free(copy);
    if (good != (name != NULL))
        fail_msg("\"%.*s\" was%s taken", (int)len, value, good ? "" : " not");
    if (!good)
        return;
    assert_string_equal(c.name, name);
    assert_string_equal(c.password, password);
}

static void
check(const char *value, const char *name, const char *password)
{
    check_value(value, strlen(value), name, password);
}

/* A pair as it is sent. */
static void
check_pair(const char *pair, size_t len, const char *name, const char *password)
{
    char value[2048] = "Basic ";
    size_t n = strlen(value) + BASE64_ENCODE_RAW_LENGTH(len);

    assert_true(n < sizeof(value));
    base64_encode_raw(value + strlen("Basic "), len, (const uint8_t *)pair);
    check_value(value, n, name, password);
}

static void
test_basic_auth_credentials(void **state)
{
    (void)state;
    check("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame");
    check("bAsIc   dGVzdDoxMjPCow==", "test", "123\xc2\xa3");
    check("Basic YTo=", "a", "");
    check("Basic Og==", "", "");
    check("Basic YTpiOmM=", "a", "b:c");
}

static void
test_basic_auth_what_is_none(void **state)
{
    static const char *const rows[] = {"",
                                       "Basic",
                                       "Basic ",
                                       "Basic  ",
                                       "Bearer YTpi",
                                       "BasicYTpi",
                                       "Basic YQ==",  /* no colon */
                                       "Basic YTpi=", /* padding that is not due */
                                       "Basic YTo",   /* none where it is */
                                       "Basic YTp",   /* bits left over */
                                       "Basic YT pi",
                                       "Basic YTpi x",
                                       "Basic YTpi,",
                                       "Basic Y\tTpi",
                                       "Basic _TpiYg==",
                                       "Basic ===="};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(rows[i], NULL, NULL);
    check_value("", 0, NULL, NULL);
    check_pair("a\0:b", 4, NULL, NULL);
    check_pair("a:b\n", 4, NULL, NULL);
    check_pair("a\x7f:b", 4, NULL, NULL);
}

static void
test_basic_auth_lengths(void **state)
{
    char pair[2 * AUTH_CREDENTIALS_PART_MAX + 3];
    char name[AUTH_CREDENTIALS_PART_MAX + 1], password[AUTH_CREDENTIALS_PART_MAX + 1];

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    memset(password, 'p', sizeof(password) - 1);
    name[sizeof(name) - 1] = password[sizeof(password) - 1] = '\0';
    snprintf(pair, sizeof(pair), "%s:%s", name, password);
    check_pair(pair, strlen(pair), name, password);
    snprintf(pair, sizeof(pair), "%sn:%s", name, password);
    check_pair(pair, strlen(pair), NULL, NULL);
    snprintf(pair, sizeof(pair), "n:%sp", password);
    check_pair(pair, strlen(pair), NULL, NULL);
    snprintf(pair, sizeof(pair), "%sn:p", name);
    check_pair(pair, strlen(pair), NULL, NULL);
}

static void
test_basic_auth_macs_differ(void **state)
{
    static const uint8_t keys[2][AUTH_VERIFIED_KEY_SIZE] = {{1}, {2}};
    uint8_t macs[6][AUTH_VERIFIED_MAC_SIZE];

    (void)state;
    auth_verified_mac(keys[0], "ab", "c", macs[0]);
    auth_verified_mac(keys[0], "a", "bc", macs[1]);
    auth_verified_mac(keys[0], "ab", "cd", macs[2]);
    auth_verified_mac(keys[1], "ab", "c", macs[3]);
    auth_verified_mac(keys[0], "abc", NULL, macs[4]);
    auth_verified_mac(keys[0], "ab", "c", macs[5]);
    for (size_t i = 0; i < 5; i++)
        for (size_t j = i + 1; j < 5; j++)
            assert_memory_not_equal(macs[i], macs[j], AUTH_VERIFIED_MAC_SIZE);
    assert_memory_equal(macs[0], macs[5], AUTH_VERIFIED_MAC_SIZE);
}

/* All have the same place. */
static void
test_basic_auth_oldest_gives_way(void **state)
{
    uint8_t macs[5][AUTH_VERIFIED_MAC_SIZE] = {
        {1}, {1, [31] = 1}, {1, [31] = 2}, {1, [31] = 3}, {1, [31] = 4}};
    struct auth_verified v;

    (void)state;
    assert_int_equal(auth_verified_init(&v, 4), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_false(auth_verified_has(&v, macs[i]));
        auth_verified_add(&v, macs[i]);
        assert_true(auth_verified_has(&v, macs[i]));
    }
    auth_verified_add(&v, macs[0]); /* no second time, but anew */
    auth_verified_add(&v, macs[4]);
    assert_false(auth_verified_has(&v, macs[1]));
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(auth_verified_has(&v, macs[i]), i != 1);
    auth_verified_fini(&v);
}

static void
test_basic_auth_none_are_kept(void **state)
{
    static const uint8_t mac[AUTH_VERIFIED_MAC_SIZE] = {1};
    struct auth_verified v;

    (void)state;
    assert_int_equal(auth_verified_init(&v, 0), 0);
    auth_verified_add(&v, mac);
    assert_false(auth_verified_has(&v, mac));
    auth_verified_fini(&v);
}

#define TEST(name) cmocka_unit_test(test_basic_auth_##name)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(credentials), TEST(what_is_none),     TEST(lengths),
        TEST(macs_differ), TEST(oldest_gives_way), TEST(none_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
