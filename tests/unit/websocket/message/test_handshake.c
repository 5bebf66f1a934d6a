/* The opening handshake: valid headers, and the statuses for others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "websocket/message/handshake.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static struct goevd_str
str(const char *text)
{
    return (struct goevd_str){text, strlen(text)};
}

/* Headers as "name", "value", …, NULL. */
static struct ws_handshake
taken(const struct ws_handshake_policy *policy, const char *const *headers)
{
    struct ws_handshake h = {0};

    for (; headers[0] != NULL; headers += 2)
        ws_handshake_take(&h, policy, str(headers[0]), str(headers[1]));
    return h;
}

static int
status(const char *const *headers)
{
    const struct goevd_str origins[] = {str("http://a"), str("http://b")};
    const struct ws_handshake_policy policy = {.origins = {origins, 2}};
    struct ws_handshake h = taken(&policy, headers);

    return ws_handshake_status(&h, &policy);
}

#define STATUS(...) status((const char *const[]){__VA_ARGS__, NULL})
#define VERSION "Sec-WebSocket-Version", "13"

static void
test_handshake_key(void **state)
{
    (void)state;
    assert_int_equal(STATUS(VERSION, "Sec-WebSocket-Key", KEY), 0);
    assert_int_equal(STATUS("sec-websocket-version", "13", "SEC-WEBSOCKET-KEY", KEY), 0);
    assert_int_equal(STATUS(VERSION), 400);
    assert_int_equal(STATUS(VERSION, "Sec-WebSocket-Key", ""), 400);
    assert_int_equal(STATUS(VERSION, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ"), 400);
    assert_int_equal(STATUS(VERSION, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j"), 400);
    assert_int_equal(STATUS(VERSION, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZTE="), 400);
    assert_int_equal(STATUS(VERSION, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j!Q=="), 400);
    assert_int_equal(STATUS(VERSION, "Sec-WebSocket-Key", "dGhlIHNhbXBs ZSBub25jZQ="), 400);
    assert_int_equal(STATUS(VERSION, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZR=="), 0);
    assert_int_equal(STATUS(VERSION, "Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEC=="), 0);
    assert_int_equal(STATUS(VERSION, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j=Q=="), 400);
    assert_int_equal(STATUS(VERSION, "Sec-WebSocket-Key", KEY, "Sec-WebSocket-Key", KEY), 400);
}

static void
test_handshake_version(void **state)
{
    static const char *const others[] = {"", "8", "12", "14", "013", "130", "1 3", "13, 8"};

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(STATUS("Sec-WebSocket-Version", others[i], "Sec-WebSocket-Key", KEY), 426);
    assert_int_equal(STATUS("Sec-WebSocket-Key", KEY), 400);
    assert_int_equal(STATUS(VERSION, VERSION, "Sec-WebSocket-Key", KEY), 400);
}

static void
test_handshake_origin(void **state)
{
    (void)state;
    assert_int_equal(STATUS(VERSION, "Sec-WebSocket-Key", KEY, "Origin", "http://b"), 0);
    assert_int_equal(STATUS(VERSION, "Sec-WebSocket-Key", KEY, "Origin", "http://c"), 403);
    assert_int_equal(STATUS(VERSION, "Sec-WebSocket-Key", KEY, "Origin", "null"), 403);
    assert_int_equal(
        STATUS(VERSION, "Sec-WebSocket-Key", KEY, "Origin", "http://a", "Origin", "http://a"), 400);
}

static void
test_handshake_knows_the_same_origin(void **state)
{
    const struct goevd_str origins[] = {str("same-origin")};
    const struct ws_handshake_policy policy = {.origins = {origins, 1}, .same_origin = true};
    static const struct {
        const char *host, *origin;
        int status;
    } cases[] = {
        {"a", "http://a", 0},      {"a:8080", "http://a:8080", 0}, {"A", "https://a", 0},
        {"a", "http://b", 403},    {"a", "http://a:81", 403},      {"a", "null", 403},
        {"a", "http://ab", 403},   {"", "http://", 403},           {"a", "ftp://a", 403},
        {"a", "same-origin", 403},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *headers[] = {VERSION,  "Sec-WebSocket-Key", KEY, "Host", cases[i].host,
                                 "Origin", cases[i].origin,     NULL};
        struct ws_handshake h = taken(&policy, headers);

        assert_int_equal(ws_handshake_status(&h, &policy), cases[i].status);
    }
}

static void
test_handshake_chooses_the_first_offer_that_is_allowed(void **state)
{
    static const struct {
        const char *first, *second, *chosen;
    } cases[] = {
        {"b", "", "b"},      {"x, b, a", "", "b"}, {",, \t a \t,b", "", "a"},
        {"x", "y , a", "a"}, {"a", "b", "a"},      {"x", "y", NULL},
        {"", "", NULL},      {"A", "ab", NULL},    {"a b", "b;q=1", NULL},
    };
    const struct goevd_str protocols[] = {str("a"), str("b")};
    const struct ws_handshake_policy policy = {.protocols = {protocols, 2}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *headers[] = {"Sec-WebSocket-Protocol", cases[i].first, "sec-websocket-protocol",
                                 cases[i].second, NULL};
        struct ws_handshake h = taken(&policy, headers);

        if (cases[i].chosen == NULL) {
            assert_null(h.protocol.data);
        } else {
            assert_int_equal(h.protocol.len, strlen(cases[i].chosen));
            assert_memory_equal(h.protocol.data, cases[i].chosen, h.protocol.len);
        }
    }
}

static void
test_handshake_extensions(void **state)
{
    static const struct ws_handshake_policy policy = {.deflate = {15, 15, true}};
    const char *good[] = {VERSION,
                          "Sec-WebSocket-Key",
                          KEY,
                          "Sec-WebSocket-Extensions",
                          "x; a=1",
                          "sec-websocket-extensions",
                          "permessage-deflate",
                          NULL};
    const char *bad[] = {
        VERSION, "Sec-WebSocket-Key", KEY, "Sec-WebSocket-Extensions", "x; =", NULL};
    struct ws_handshake h = taken(&policy, good);

    (void)state;
    assert_int_equal(ws_handshake_status(&h, &policy), 0);
    assert_int_equal(h.deflate.server_bits, 15);
    h = taken(&policy, bad);
    assert_int_equal(ws_handshake_status(&h, &policy), 400);
}

static void
test_handshake_accept_of_the_rfc(void **state)
{
    struct ws_handshake h = {.key = str(KEY)};
    char accept[WS_HANDSHAKE_ACCEPT_LEN];

    (void)state;
    ws_handshake_accept(&h, accept);
    assert_memory_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", sizeof(accept));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshake_key),
        cmocka_unit_test(test_handshake_version),
        cmocka_unit_test(test_handshake_origin),
        cmocka_unit_test(test_handshake_knows_the_same_origin),
        cmocka_unit_test(test_handshake_chooses_the_first_offer_that_is_allowed),
        cmocka_unit_test(test_handshake_extensions),
        cmocka_unit_test(test_handshake_accept_of_the_rfc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
