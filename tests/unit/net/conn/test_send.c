#include "unit/net/net_fixture.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

static struct {
    unsigned count;
    uint64_t id, cookie;
    int result;
} sent;

static void
on_sent(void *arg, uint64_t id, uint64_t cookie, int result)
{
    assert(arg == &sent);
    sent.count++;
    sent.id = id;
    sent.cookie = cookie;
    sent.result = result;
}

static int
setup(void **state)
{
    memset(&sent, 0, sizeof(sent));
    return fixture_setup(state);
}

static int
post(uint64_t id, const char *text, uint64_t cookie)
{
    return net_send(id, text, strlen(text), cookie, on_sent, &sent);
}

static void
test_send_is_written_and_told(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    assert_int_equal(post(seen[0].id, "one,", 1), 0);
    assert_int_equal(post(seen[0].id, "two", 2), 0);
    assert_int_equal(net_send(seen[0].id, "", 0, 3, NULL, NULL), 0); /* no caller needs it */
    assert_int_equal(sent.count, 0);
    assert_memory_equal(peer_hear(fd, 7), "one,two", 7);
    until(sent.count == 2);
    assert_int_equal(sent.cookie, 2);
    assert_int_equal(sent.result, 0);
    assert_true(sent.id == seen[0].id);
    assert_int_equal(net->metrics->sends_done, 3);
    fd_close(fd);
}

static void
test_send_to_one_that_is_gone_is_dropped(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    fd_close(fd);
    until(seen[0].closed);
    assert_int_equal(post(seen[0].id, "late", 7), 0);
    until(sent.count == 1);
    assert_int_equal(sent.result, -EPIPE);
    assert_int_equal(sent.cookie, 7);
    assert_int_equal(net->metrics->sends_dropped, 1);
}

static void
test_send_to_a_listening_watch_or_no_id_is_no_connection(void **state)
{
    fixture_start(&stream_full, &transport_plain);
    assert_int_equal(post(0, "x", 1), -EINVAL);
    assert_int_equal(post(UINT64_MAX, "x", 1), -EINVAL); /* no such poller */
    assert_int_equal(post(poller->mailbox_watch.id, "x", 1), 0);
    until(sent.count == 1);
    assert_int_equal(sent.result, -EPIPE);
}

static void
test_send_at_the_mailbox_limit_and_one_past_it(void **state)
{
    int fd;

    poller_config.mailbox_max = 5;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(post(seen[0].id, "x", i), 0);
    assert_int_equal(post(seen[0].id, "y", 5), -EAGAIN);
    assert_int_equal(net_close(seen[0].id, 0), -EAGAIN);
    until(sent.count == 5);
    assert_memory_equal(peer_hear(fd, 5), "xxxxx", 5);
    assert_int_equal(sent.cookie, 4); /* no completion for the one refused */
    assert_int_equal(post(seen[0].id, "z", 6), 0);
    until(sent.count == 6);
    fd_close(fd);
}

static void
test_send_past_the_cap_is_told(void **state)
{
    static char bytes[32000];
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    while (sent.result == 0) {
        unsigned before = sent.count;

        assert_int_equal(net_send(seen[0].id, bytes, sizeof(bytes), 0, on_sent, &sent), 0);
        calm();
        assert_true(conn_queued(seen[0].c) <= limits.output_max);
        assert_true(sent.count <= before + 1);
    }
    assert_int_equal(sent.result, -ENOBUFS);
    assert_int_equal(seen[0].closed, 0);
    fd_close(fd);
    until(seen[0].closed);
}

static void
test_send_then_close_by_id(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    assert_int_equal(post(seen[0].id, "bye", 1), 0);
    assert_int_equal(net_close(seen[0].id, GOEVD_CLOSE_DONE), 0);
    assert_int_equal(net_close(seen[0].id, 0), 0);
    until(seen[0].closed);
    assert_int_equal(peer_drain(fd, NULL, 0), 3);
    assert_int_equal(sent.result, 0);
    assert_int_equal(net_close(seen[0].id, 0), 0); /* gone: nothing happens */
    calm();
    fd_close(fd);
}

/* Bytes sent before the poller ended are completed when the poller is freed. */
static void
test_send_is_completed_when_the_poller_goes(void **state)
{
    fixture_start(&stream_full, &transport_plain);
    assert_int_equal(post((uint64_t)poller->index << 56 | 5, "x", 9), 0);
    fixture_teardown(NULL);
    assert_int_equal(sent.count, 1);
    assert_int_equal(sent.result, -EPIPE);
}

/* ---- Reuse ----------------------------------------------------------------------------------- */

/* Connections follow each other on the same slots, fds and memory; each gets sends for those before
 * it, and none of their bytes. */
static void
test_send_late_never_reaches_the_next_connection(void **state)
{
    static uint64_t ids[3000];

    limits.linger_timeout_ns = 0;
    fixture_start(&stream_bare, &transport_plain);
    for (unsigned i = 0; i < ARRAY_LEN(ids); i++) {
        int fd = peer_unix();
        struct conn *c = NULL;
        char byte;

        for (uint32_t slot = 0; slot < poller->slots.used && !c; slot++) {
            struct watch *w = slots_at(&poller->slots, slot);

            c = w && w != &poller->mailbox_watch ? conn_of_watch(w) : NULL;
        }
        ids[i] = c->watch.id;
        for (unsigned back = 1; back < 4 && back <= i; back++)
            assert_int_equal(post(ids[i - back], "stray", 0), 0);
        if (i >= SLOTS_REST + 1) /* the last that had this slot */
            assert_int_equal(post(ids[i - SLOTS_REST - 1], "stray", 0), 0);
        calm();
        assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
        assert_int_equal(errno, EAGAIN);
        conn_close(c, GOEVD_CLOSE_NOW, GOEVD_REASON_HANDLER);
        calm();
        fd_close(fd);
    }
    assert_int_equal(net->metrics->sends_done, 0);
    assert_true(poller->slots.used <= SLOTS_REST + 4); /* they were used again */
}

/* ---- Threads --------------------------------------------------------------------------------- */

#define SENDERS 4
#define TARGETS 16

static struct {
    _Atomic uint64_t ids[TARGETS];
    atomic_bool stop;
    atomic_uint accepted, completed;
} race;

static void
race_sent(void *arg, uint64_t id, uint64_t cookie, int result)
{
    assert(result == 0 || result == -EPIPE || result == -ENOBUFS);
    atomic_fetch_add(&race.completed, 1);
}

/* Each message names the connection that it is for. */
static void *
race_send(void *arg)
{
    struct dice dice = {(uintptr_t)arg};

    while (!atomic_load(&race.stop)) {
        uint64_t id = atomic_load(&race.ids[dice_below(&dice, TARGETS)]);
        char text[18];

        snprintf(text, sizeof(text), "%016lx.", (unsigned long)id);
        if (id && net_send(id, text, 17, id, race_sent, NULL) == 0)
            atomic_fetch_add(&race.accepted, 1);
        else
            sched_yield();
    }
    return NULL;
}

static void
race_check_bytes(int fd, uint64_t id)
{
    char expected[18], text[17];
    ssize_t n;

    snprintf(expected, sizeof(expected), "%016lx.", (unsigned long)id);
    while ((n = recv(fd, text, 17, 0)) > 0)
        if (n == 17) /* the last may be cut by the close */
            assert_memory_equal(text, expected, 17);
}

static void
test_send_from_threads_while_connections_come_and_go(void **state)
{
    pthread_t threads[SENDERS];
    struct dice dice = DICE;
    int fds[TARGETS];
    unsigned owners[TARGETS];

    memset(&race, 0, sizeof(race));
    limits.linger_timeout_ns = 0;
    fixture_start(&stream_full, &transport_plain);
    for (int i = 0; i < TARGETS; i++) {
        fds[i] = peer_unix();
        owners[i] = seen_count - 1;
        atomic_store(&race.ids[i], seen[owners[i]].id);
    }
    for (uintptr_t i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race_send, (void *)(i + 1)), 0);
    while (seen_count < 1500 && net->metrics->sends_done < 200000) {
        unsigned i = dice_below(&dice, TARGETS);

        turn(0);
        race_check_bytes(fds[i], seen[owners[i]].id);
        if (dice_below(&dice, 2))
            conn_close(seen[owners[i]].c, dice_below(&dice, 2), GOEVD_REASON_HANDLER);
        else
            fds[i] = fd_close(fds[i]);
        until(seen[owners[i]].closed);
        if (fds[i] >= 0)
            race_check_bytes(fds[i], seen[owners[i]].id);
        fd_close(fds[i]);
        fds[i] = peer_unix();
        owners[i] = seen_count - 1;
        atomic_store(&race.ids[i], seen[owners[i]].id);
    }
    atomic_store(&race.stop, true);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < TARGETS; i++)
        fd_close(fds[i]);
    until(net->conns == 0);
    calm();
    assert_true(atomic_load(&race.accepted) > 1000);
    assert_int_equal(atomic_load(&race.completed), atomic_load(&race.accepted));
    assert_int_equal(net->metrics->sends_done + net->metrics->sends_dropped, race.accepted);
}

/* ---- The end --------------------------------------------------------------------------------- */

static void *
end_send(void *arg)
{
    uint64_t id = (uint64_t)poller->index << 56 | 5;
    int r;

    while ((r = net_send(id, "x", 1, 0, race_sent, NULL)) != -ECANCELED)
        if (r == 0)
            atomic_fetch_add(&race.accepted, 1);
        else
            assert(r == -EAGAIN);
    return NULL;
}

/* A send that was accepted has completed when the poller is drained, although the thread
 * was about to post it; later ones are refused. */
static void
test_send_while_the_poller_ends(void **state)
{
    for (int round = 0; round < 50; round++) {
        pthread_t threads[SENDERS];

        memset(&race, 0, sizeof(race));
        fixture_setup(NULL);
        fixture_start(&stream_full, &transport_plain);
        for (int i = 0; i < SENDERS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, end_send, NULL), 0);
        until(race.completed > 50);
        poller_drain(poller);
        poller_drain(poller);
        for (int i = 0; i < SENDERS; i++)
            pthread_join(threads[i], NULL);
        assert_int_equal(race.completed, race.accepted);
        poller_current = poller;
        fixture_teardown(NULL);
    }
}

#define SEND_TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SEND_TEST(test_send_is_written_and_told),
        SEND_TEST(test_send_to_one_that_is_gone_is_dropped),
        SEND_TEST(test_send_to_a_listening_watch_or_no_id_is_no_connection),
        SEND_TEST(test_send_at_the_mailbox_limit_and_one_past_it),
        SEND_TEST(test_send_past_the_cap_is_told),
        SEND_TEST(test_send_then_close_by_id),
        SEND_TEST(test_send_is_completed_when_the_poller_goes),
        SEND_TEST(test_send_late_never_reaches_the_next_connection),
        SEND_TEST(test_send_while_the_poller_ends),
        SEND_TEST(test_send_from_threads_while_connections_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
