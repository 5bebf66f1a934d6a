#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "worker/announce.h"

#define HEAD "goevd " GOEVD_RELEASE " is serving "

struct row {
    const char *address, *plugin;
};

/* The line for these listeners, without its head and its end; a plugin "http" serves browsers. */
static void
check_text(const struct row *rows, size_t count, const char *wanted)
{
    struct announce_listener listeners[128];
    struct address addresses[128];
    char text[ANNOUNCE_TEXT_MAX], whole[ANNOUNCE_TEXT_MAX + 64];
    struct err err = {0};

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(address_parse(rows[i].address, &addresses[i], &err), 0);
        listeners[i] = (struct announce_listener){
            .address = &addresses[i],
            .plugin = rows[i].plugin,
            .http = strncmp(rows[i].plugin, "http", 4) == 0,
            .tls = strcmp(rows[i].plugin, "https") == 0,
        };
    }
    snprintf(whole, sizeof(whole), HEAD "%s (pid 7)", wanted);
    assert_string_equal(announce_text(listeners, count, 7, text), whole);
}

#define CHECK(wanted, ...)                                                                         \
    do {                                                                                           \
        struct row rows[] = {__VA_ARGS__};                                                         \
        check_text(rows, ARRAY_LEN(rows), wanted);                                                 \
    } while (0)

static void
test_announce_urls(void **state)
{
    CHECK("http://127.0.0.1:8080/", {"127.0.0.1:8080", "http"});
    CHECK("http://[::1]:8080/", {"[::1]:8080", "http"});
    CHECK("http://192.0.2.1/", {"192.0.2.1:80", "http"});
    CHECK("http://[2001:db8::80]/", {"[2001:db8::80]:80", "http"});
    CHECK("http://127.0.0.1:8080/ and http://127.0.0.1:8081/", {"127.0.0.1:8080", "http"},
          {"127.0.0.1:8081", "http"});
    CHECK("https://127.0.0.1:8443/", {"127.0.0.1:8443", "https"});
    CHECK("https://192.0.2.1/", {"192.0.2.1:443", "https"});
    CHECK("https://192.0.2.1:80/", {"192.0.2.1:80", "https"});
}

static void
test_announce_wildcards(void **state)
{
    CHECK("http://localhost:8080/ on all addresses", {"0.0.0.0:8080", "http"});
    CHECK("http://localhost:8080/ on all addresses", {"[::]:8080", "http"});
    CHECK("http://localhost/ on all addresses", {":80", "http"});
}

static void
test_announce_others(void **state)
{
    CHECK("http on unix:/run/web.sock", {"unix:/run/web.sock", "http"});
    CHECK("http on unix:@web", {"unix:@web", "http"});
    CHECK("echo on 127.0.0.1:7", {"127.0.0.1:7", "echo"});
    CHECK("http://127.0.0.1:8080/, echo on 127.0.0.1:7 and relay on [::1]:1",
          {"127.0.0.1:7", "echo"}, {"127.0.0.1:8080", "http"}, {"[::1]:1", "relay"});
}

static void
test_announce_many(void **state)
{
    struct row rows[100];
    char longest[108] = "unix:/";

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        rows[i] = (struct row){"127.0.0.1:7", "echo"};
    rows[99] = (struct row){"127.0.0.1:8080", "http"};
    check_text(rows, 100,
               "http://127.0.0.1:8080/, echo on 127.0.0.1:7, echo on 127.0.0.1:7 and 97 more "
               "listeners");
    check_text(rows, 4,
               "echo on 127.0.0.1:7, echo on 127.0.0.1:7, echo on 127.0.0.1:7 and 1 more "
               "listener");
    memset(longest + 6, 'x', sizeof(longest) - 7);
    for (size_t i = 0; i < 3; i++)
        rows[i].address = longest;
    {
        char wanted[512];

        snprintf(wanted, sizeof(wanted), "echo on %s, echo on %s and echo on %s", longest, longest,
                 longest);
        check_text(rows, 3, wanted);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_announce_urls),
        cmocka_unit_test(test_announce_wildcards),
        cmocka_unit_test(test_announce_others),
        cmocka_unit_test(test_announce_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
