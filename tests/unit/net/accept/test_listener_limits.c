#include "unit/net/listener_fixture.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

static int clients[CLIENTS_MAX];

/* ---- Limits ---------------------------------------------------------------------------------- */

static uint64_t
refused(enum net_refused why)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < reactor->count; i++)
        sum += metric_get(&net_of(reactor->pollers[i])->metrics->refused[why]);
    return sum;
}

static void
test_listener_limit_and_one_past_it_is_closed(void **state)
{
    int fd;

    listener_config.limits.connections_max = 10;
    listener_start("127.0.0.1:0", 2);
    for (int i = 0; i < 10; i++) {
        clients[i] = client_open(&bound);
        assert_true(client_greeting(clients[i]) >= 0);
    }
    assert_int_equal(refused(NET_REFUSED_LIMIT), 0);
    fd = client_open(&bound);
    assert_int_equal(client_greeting(fd), -1);
    fd_close(fd);
    assert_int_equal(refused(NET_REFUSED_LIMIT), 1);
    fd_close(clients[0]);
    while (atomic_load(&closed) == 0)
        sched_yield();
    while (atomic_load(&listener->admission.count) == 10)
        sched_yield();
    clients[0] = client_open(&bound);
    assert_true(client_greeting(clients[0]) >= 0);
    for (int i = 0; i < 10; i++)
        fd_close(clients[i]);
}

/* Those that are open stay; the new limit applies to new connections. */
static void
test_listener_limit_changes_while_it_listens(void **state)
{
    struct listener_limits limits;

    listener_start("127.0.0.1:0", 2);
    for (int i = 0; i < 10; i++) {
        clients[i] = client_open(&bound);
        assert_true(client_greeting(clients[i]) >= 0);
    }
    limits = listener_config.limits;
    limits.connections_max = 10;
    listener_limit(listener, &limits);
    clients[10] = client_open(&bound);
    assert_int_equal(client_greeting(clients[10]), -1);
    limits.connections_max = 11;
    listener_limit(listener, &limits);
    clients[11] = client_open(&bound);
    assert_true(client_greeting(clients[11]) >= 0);
    limits.connections_max = 1;
    listener_limit(listener, &limits);
    client_echo(clients[0]);
    limits.over_limit = LISTENER_WAIT;
    listener_limit(listener, &limits);
    clients[12] = client_open(&bound);
    assert_true(client_waits(clients[12]));
    limits.connections_max = 12;
    listener_limit(listener, &limits);
    assert_true(client_greeting(clients[12]) >= 0);
    for (int i = 0; i < 13; i++)
        fd_close(clients[i]);
}

/* It is in force for connections that wait already for the old one. */
static void
test_listener_idle_time_changes_for_open_connections(void **state)
{
    struct listener_limits limits;

    listener_config.limits.conn.idle_timeout_ns = 3600 * NS_PER_S;
    listener_start("127.0.0.1:0", 2);
    for (int i = 0; i < 600; i++) {
        clients[i] = client_open(&bound);
        assert_true(client_greeting(clients[i]) >= 0);
    }
    limits = listener_config.limits;
    limits.conn.idle_timeout_ns = 10 * NS_PER_MS;
    listener_limit(listener, &limits);
    for (int i = 0; i < 600; i++) {
        assert_int_equal(client_greeting(clients[i]), -1);
        fd_close(clients[i]);
    }
    limits.conn.idle_timeout_ns = 0;
    listener_limit(listener, &limits);
    clients[0] = client_open(&bound);
    assert_true(client_greeting(clients[0]) >= 0);
    limits.conn.idle_timeout_ns = 10 * NS_PER_MS; /* for one whose timer was never armed */
    listener_limit(listener, &limits);
    assert_int_equal(client_greeting(clients[0]), -1);
    fd_close(clients[0]);
}

static void
test_listener_limit_and_one_past_it_waits(void **state)
{
    listener_config.limits.connections_max = 10;
    listener_config.limits.over_limit = LISTENER_WAIT;
    listener_start("127.0.0.1:0", 2);
    for (int i = 0; i < 30; i++)
        clients[i] = client_open(&bound);
    for (int left = 30, greeted = 0; left > 0; left--) {
        int i = 0;

        assert_true(atomic_load(&listener->admission.count) <= 10);
        for (greeted = 0; greeted == 0; i = (i + 1) % 30)
            if (clients[i] >= 0 && !client_waits(clients[i])) {
                assert_true(client_greeting(clients[i]) >= 0); /* none is closed */
                clients[i] = fd_close(clients[i]);
                greeted = 1;
            }
    }
    assert_int_equal(refused(NET_REFUSED_LIMIT), 0);
}

static void
turn_round(struct poller *p, void *arg)
{
}

/* Several pollers see the last place free at once: only one of them accepts for it. */
static void
test_listener_limit_that_waits_closes_none_in_a_race(void **state)
{
    listener_config.limits.connections_max = 1;
    listener_config.limits.over_limit = LISTENER_WAIT;
    listener_start("127.0.0.1:0", 4);
    for (int round = 0; round < 30; round++) {
        for (int i = 0; i < 8; i++)
            clients[i] = client_open(&bound);
        reactor_call(reactor, turn_round, NULL);
        for (int i = 0; i < 8; i++)
            fd_close(clients[i]);
        reactor_call(reactor, turn_round, NULL);
        assert_int_equal(refused(NET_REFUSED_LIMIT), 0);
    }
}

static uint64_t
timers(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < reactor->count; i++)
        sum += metric_get(&reactor->pollers[i]->metrics->timers);
    return sum;
}

/* The place of a connection that ends is taken at once, whichever poller has the next one in its
 * queue. Where a timer had to look, it would fire for each. */
static void
test_listener_limit_that_waits_takes_a_free_place_at_once(void **state)
{
    listener_config.limits.connections_max = 1;
    listener_config.limits.over_limit = LISTENER_WAIT;
    listener_start("127.0.0.1:0", 4);
    clients[0] = client_open(&bound);
    for (int round = 0; round < 60; round++) {
        assert_true(client_greeting(clients[0]) >= 0);
        clients[1] = client_open(&bound);
        fd_close(clients[0]);
        clients[0] = clients[1];
    }
    assert_true(client_greeting(clients[0]) >= 0);
    assert_in_range(timers(), 0, 30);
    fd_close(clients[0]);
}

/* ---- Few fds --------------------------------------------------------------------------------- */

static uint64_t
rounds(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < reactor->count; i++)
        sum += metric_get(&reactor->pollers[i]->metrics->rounds);
    return sum;
}

static void
limit_fds(rlim_t max)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* As many clients as connect later may be served; the others wait to be accepted. */
static void
fds_for(unsigned served, unsigned count)
{
    int next;

    for (unsigned i = 0; i < count; i++)
        clients[i] = client_socket(&bound);
    next = dup(0);
    fd_close(next);
    limit_fds((rlim_t)next + served);
}

static void
clients_close(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        fd_close(clients[i]);
}

/* Its connection ends; its own fd is of this process too, and frees none for another. */
static void
client_leaves(int i)
{
    assert_int_equal(shutdown(clients[i], SHUT_WR), 0);
}

/* Until the accepting pollers are idle. */
static void
acceptors_rest(void)
{
    for (int i = 0; i < 2; i++)
        reactor_call(acceptor ? acceptor : reactor, turn_round, NULL);
}

static void
low_fds(enum listener_mode mode)
{
    struct rlimit old;
    uint64_t before, begun;
    int waiting = 0;

    getrlimit(RLIMIT_NOFILE, &old);
    listener_config.mode = mode;
    listener_start("127.0.0.1:0", 1);
    fds_for(5, 20);
    for (int i = 0; i < 20; i++)
        client_connect(clients[i], &bound);
    while (atomic_load(&pauses) == 0)
        usleep(1000);
    before = rounds();
    begun = clock_now_ns();
    usleep(300000);
    before = rounds() - before; /* it tries ten times a second, at three rounds each */
    assert_true(before <= 6 + 3 * (clock_now_ns() - begun) / (100 * NS_PER_MS));
    for (int i = 0; i < 20; i++)
        waiting += client_waits(clients[i]);
    assert_int_equal(waiting, 15);
    assert_int_equal(atomic_load(&pauses), 1);
    assert_int_equal(atomic_load(&pause_error), EMFILE);
    assert_int_equal(atomic_load(&resumes), 0);
    limit_fds(old.rlim_cur);
    for (int i = 0; i < 20; i++) {
        assert_true(client_greeting(clients[i]) >= 0);
        client_echo(clients[i]);
        fd_close(clients[i]);
    }
    clients[0] = client_open(&bound);
    assert_true(client_greeting(clients[0]) >= 0);
    client_echo(clients[0]);
    fd_close(clients[0]);
    while (atomic_load(&resumes) == 0)
        usleep(1000);
    assert_int_equal(atomic_load(&pauses), 1);
    assert_int_equal(atomic_load(&resumes), 1);
}

static void
test_listener_few_fds_pause_and_recover_reuseport(void **state)
{
    low_fds(LISTENER_REUSEPORT);
}

static void
test_listener_few_fds_pause_and_recover_acceptor(void **state)
{
    low_fds(LISTENER_ACCEPTOR);
}

/* The last one that fits, and one past it. */
static void
last_fd(enum listener_mode mode)
{
    struct rlimit old;

    getrlimit(RLIMIT_NOFILE, &old);
    listener_config.mode = mode;
    listener_start("127.0.0.1:0", 1);
    fds_for(5, 6);
    for (int i = 0; i < 5; i++) {
        client_connect(clients[i], &bound);
        assert_true(client_greeting(clients[i]) >= 0);
    }
    acceptors_rest();
    assert_int_equal(atomic_load(&pauses), 0); /* no client has had to wait */
    assert_int_equal(refused(NET_REFUSED_FDS), 0);
    client_connect(clients[5], &bound);
    while (atomic_load(&pauses) == 0)
        usleep(1000);
    client_leaves(0);
    assert_true(client_greeting(clients[5]) >= 0); /* it has the last one again, */
    acceptors_rest();
    assert_int_equal(atomic_load(&resumes), 0); /* so there is no room yet */
    for (int i = 1; i < 6; i++)
        client_leaves(i);
    while (atomic_load(&resumes) == 0) /* no client connects */
        usleep(1000);
    assert_int_equal(atomic_load(&pauses), 1);
    limit_fds(old.rlim_cur);
    clients_close(6);
}

static void
test_listener_last_fd_is_no_pause_reuseport(void **state)
{
    last_fd(LISTENER_REUSEPORT);
}

static void
test_listener_last_fd_is_no_pause_acceptor(void **state)
{
    last_fd(LISTENER_ACCEPTOR);
}

/* Clients that come and go where the last fds are taken: an end would be logged for each of them.
 */
static void
test_listener_pauses_in_a_row_are_one_episode(void **state)
{
    uint64_t begun = clock_now_ns();
    struct rlimit old;

    getrlimit(RLIMIT_NOFILE, &old);
    listener_start("127.0.0.1:0", 1);
    fds_for(2, 30);
    for (int i = 0; i < 30; i += 3) {
        uint64_t before = refused(NET_REFUSED_FDS);

        for (int n = i; n < i + 3; n++)
            client_connect(clients[n], &bound);
        while (refused(NET_REFUSED_FDS) == before) /* the third waits, */
            usleep(1000);
        client_leaves(i);
        client_leaves(i + 1);
        assert_true(client_greeting(clients[i + 2]) >= 0); /* and is the only one */
        client_leaves(i + 2);
    }
    /* An episode ends after ten tries without a client. */
    assert_true((uint64_t)atomic_load(&pauses) <= 1 + (clock_now_ns() - begun) / NS_PER_S);
    limit_fds(old.rlim_cur);
    clients_close(30);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        LISTENER_TEST(test_listener_limit_and_one_past_it_is_closed),
        LISTENER_TEST(test_listener_limit_changes_while_it_listens),
        LISTENER_TEST(test_listener_idle_time_changes_for_open_connections),
        LISTENER_TEST(test_listener_limit_and_one_past_it_waits),
        LISTENER_TEST(test_listener_limit_that_waits_closes_none_in_a_race),
        LISTENER_TEST(test_listener_limit_that_waits_takes_a_free_place_at_once),
        LISTENER_TEST(test_listener_few_fds_pause_and_recover_reuseport),
        LISTENER_TEST(test_listener_few_fds_pause_and_recover_acceptor),
        LISTENER_TEST(test_listener_last_fd_is_no_pause_reuseport),
        LISTENER_TEST(test_listener_last_fd_is_no_pause_acceptor),
        LISTENER_TEST(test_listener_pauses_in_a_row_are_one_episode),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
