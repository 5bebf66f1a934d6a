#include "unit/net/listener_fixture.h"

#include <sched.h>
#include <stdio.h>

#include "base/cpus.h"
#include "base/fd.h"

/* The kernel's address for a wildcard one. */
static struct address
reach(const char *host)
{
    char text[80];
    struct address a;

    snprintf(text, sizeof(text), "%s:%u", host, address_port(&bound));
    assert_int_equal(address_parse(text, &a, NULL), 0);
    return a;
}

static void
try_address(const struct address *a)
{
    int fd = client_open(a);

    assert_true(client_greeting(fd) >= 0);
    client_echo(fd);
    fd_close(fd);
}

/* ---- Addresses and modes --------------------------------------------------------------------- */

static void
serve_every_form(enum listener_mode mode, unsigned pollers)
{
    static const char *const forms[] = {"127.0.0.1:0",
                                        "[::1]:0",
                                        ":0",
                                        "*:0",
                                        "localhost:0",
                                        "unix:/tmp/goevd-test-listener",
                                        "unix:@goevd-test-listener"};

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct address a;

        listener_setup(NULL);
        listener_config.mode = mode;
        listener_start(forms[i], pollers);
        a = bound.any ? reach("127.0.0.1") : bound;
        for (int n = 0; n < 3; n++)
            try_address(&a);
        if (bound.any) {
            a = reach("[::1]");
            try_address(&a);
        }
        listener_teardown(NULL);
    }
}

static void
test_listener_every_address_reuseport(void **state)
{
    serve_every_form(LISTENER_REUSEPORT, 1);
    serve_every_form(LISTENER_REUSEPORT, 3);
}

static void
test_listener_every_address_acceptor(void **state)
{
    serve_every_form(LISTENER_ACCEPTOR, 1);
    serve_every_form(LISTENER_ACCEPTOR, 3);
}

/* ---- Spreading ------------------------------------------------------------------------------- */

static int clients[CLIENTS_MAX];
static bool steer;

static void
check_spread(unsigned count, unsigned pollers)
{
    unsigned of[POLLERS_MAX] = {0}, most = 0, least = count;

    for (unsigned i = 0; i < count; i++)
        clients[i] = client_open(&bound);
    for (unsigned i = 0; i < count; i++) {
        int index = client_greeting(clients[i]);

        assert_true(index >= 0);
        of[index]++;
    }
    for (unsigned i = 0; i < pollers; i++) {
        unsigned n = of[reactor->pollers[i]->index];

        most = MAX(most, n);
        least = MIN(least, n);
        assert_int_equal(atomic_load(&reactor->pollers[i]->load), n);
    }
    if ((most - least) * 100 > most * 20 + 100)
        fail_msg("%u connections: %u on one poller, %u on another", count, most, least);
    for (unsigned i = 0; i < count; i++)
        client_echo(clients[i]);
    for (unsigned i = 0; i < count; i++)
        fd_close(clients[i]);
}

static void
spread(const char *address, enum listener_mode mode, unsigned pollers, unsigned count)
{
    cpu_set_t all, one;

    sched_getaffinity(0, sizeof(all), &all);
    CPU_ZERO(&one);
    for (unsigned cpu = 0; CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &one);
    listener_setup(NULL);
    listener_config.mode = mode;
    listener_config.steer = steer;
    listener_start(address, pollers);
    sched_setaffinity(0, sizeof(one), &one); /* all packets come from one CPU */
    check_spread(count, pollers);
    sched_setaffinity(0, sizeof(all), &all);
    listener_teardown(NULL);
}

static void
test_listener_two_connections_come_to_lie_on_two_pollers(void **state)
{
    for (int i = 0; i < 10; i++) {
        spread("127.0.0.1:0", LISTENER_REUSEPORT, 2, 2);
        spread("unix:@goevd-test-spread", LISTENER_REUSEPORT, 2, 2);
        spread("127.0.0.1:0", LISTENER_ACCEPTOR, 2, 2);
    }
}

static void
test_listener_spreads_64(void **state)
{
    spread("127.0.0.1:0", LISTENER_REUSEPORT, 2, 64);
    spread("127.0.0.1:0", LISTENER_REUSEPORT, 4, 64);
    spread("unix:@goevd-test-spread", LISTENER_REUSEPORT, 3, 64);
    spread("127.0.0.1:0", LISTENER_ACCEPTOR, 3, 64);
}

static void
test_listener_spreads_1000(void **state)
{
    spread("127.0.0.1:0", LISTENER_REUSEPORT, 2, 1000);
    spread("unix:@goevd-test-spread", LISTENER_REUSEPORT, 2, 1000);
    spread("127.0.0.1:0", LISTENER_ACCEPTOR, 4, 1000);
}

/* All come in on one CPU, and the kernel gives each to that CPU's poller. */
static void
test_listener_spreads_what_is_steered_to_one(void **state)
{
    static const unsigned counts[] = {2, 64, 1000};
    unsigned cpus[POLLERS_MAX], pollers = cpus_allowed(cpus, POLLERS_MAX);

    steer = true;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        spread("127.0.0.1:0", LISTENER_REUSEPORT, MIN(pollers, 16), counts[i]);
    steer = false;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listener_every_address_reuseport),
        cmocka_unit_test(test_listener_every_address_acceptor),
        cmocka_unit_test(test_listener_two_connections_come_to_lie_on_two_pollers),
        cmocka_unit_test(test_listener_spreads_64),
        cmocka_unit_test(test_listener_spreads_1000),
        cmocka_unit_test(test_listener_spreads_what_is_steered_to_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
