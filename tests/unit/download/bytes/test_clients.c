/* The clients of downloads: their identity, and how long they are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "download/bytes/clients.h"

#define SECOND INT64_C(1000000000)
#define MANY 200000

static int
setup(void **state)
{
    struct dl_clients *clients = aligned_alloc(64, sizeof(*clients));

    if (!clients)
        return -1;
    memset(clients, 0, sizeof(*clients));
    dl_clients_init(clients, UINT64_C(0x123456789abcdef));
    *state = clients;
    return 0;
}

static int
teardown(void **state)
{
    dl_clients_fini(*state);
    free(*state);
    return 0;
}

static struct dl_client *
take(struct dl_clients *clients, const char *text)
{
    struct sockaddr_storage address = {.ss_family = AF_INET6};

    if (!strchr(text, ':')) {
        address.ss_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, text, &((struct sockaddr_in *)&address)->sin_addr), 1);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&address)->sin6_addr),
                         1);
    }
    return dl_clients_take(clients, &address);
}

static struct dl_client *
take_number(struct dl_clients *clients, uint32_t number)
{
    struct sockaddr_storage address = {.ss_family = AF_INET};

    ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(number);
    return dl_clients_take(clients, &address);
}

static void
test_clients_share_a_prefix(void **state)
{
    static const struct {
        const char *one, *other;
        bool same;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
        {"2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", true},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
        {"0.0.0.0", "::", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dl_client *one = take(*state, cases[i].one), *other = take(*state, cases[i].other);

        assert_int_equal(one == other, cases[i].same);
        dl_clients_leave(*state, one, SECOND);
        dl_clients_leave(*state, other, SECOND);
    }
}

/* With a table of hashes some of so many would be one. */
static void
test_clients_share_nothing_however_many_there_are(void **state)
{
    struct dl_client **all = calloc(MANY, sizeof(struct dl_client *));

    assert_non_null(all);
    for (uint32_t i = 0; i < MANY; i++) {
        all[i] = take_number(*state, i);
        assert_int_equal(all[i]->users, 1);
        assert_int_equal(all[i]->prefix, htonl(i));
    }
    for (uint32_t i = 0; i < MANY; i++)
        dl_clients_leave(*state, all[i], SECOND);
    free(all);
}

static void
test_client_is_remembered_while_its_rate_is(void **state)
{
    struct dl_client *client = take(*state, "192.0.2.1");

    client->bucket.free_ns = 10 * SECOND;
    client->burst_ns = 5 * SECOND;
    dl_clients_leave(*state, client, 10 * SECOND);
    client = take(*state, "192.0.2.1");
    assert_int_equal(client->bucket.free_ns, 10 * SECOND);
    dl_clients_leave(*state, client, 15 * SECOND);
    client = take(*state, "192.0.2.1");
    assert_int_equal(client->bucket.free_ns, 10 * SECOND);
    dl_clients_leave(*state, client, 15 * SECOND + 1);
    client = take(*state, "192.0.2.1");
    assert_int_equal(client->bucket.free_ns, 0);
    dl_clients_leave(*state, client, 16 * SECOND);
}

static void
test_clients_that_are_remembered_have_a_bound(void **state)
{
    struct dl_clients *clients = *state;
    struct dl_client *busy = take(clients, "192.0.2.1");
    size_t idle = 0;

    for (uint32_t i = 0; i < MANY; i++) {
        struct dl_client *client = take_number(clients, i);

        client->bucket.free_ns = 1000 * SECOND;
        dl_clients_leave(clients, client, SECOND);
    }
    for (unsigned i = 0; i < DL_CLIENTS_STRIPES; i++) {
        assert_true(clients->stripes[i].idle <= DL_CLIENTS_IDLE);
        idle += clients->stripes[i].idle;
    }
    assert_true(idle > (size_t)DL_CLIENTS_STRIPES * DL_CLIENTS_IDLE / 2);
    assert_ptr_equal(busy, take(clients, "192.0.2.1"));
    dl_clients_leave(clients, busy, SECOND);
    dl_clients_leave(clients, busy, SECOND);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_clients_share_a_prefix, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clients_share_nothing_however_many_there_are, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_client_is_remembered_while_its_rate_is, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_clients_that_are_remembered_have_a_bound, setup,
                                        teardown),
    };

    return cmocka_run_group_tests_name("download_clients", tests, NULL, NULL);
}
