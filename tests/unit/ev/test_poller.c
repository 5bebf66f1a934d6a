#include "unit/unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "ev/poller.h"

static struct poller *p;

static const struct poller_config config = {
    .events_max = 64, .accepts_max = 16, .messages_max = 8, .mailbox_max = 100};

/* A watched end of a pair of sockets. */
struct end {
    struct watch watch;
    int peer;
    unsigned called;
    uint32_t events;
    bool drain;
    void (*then)(struct end *e);
};

static void
end_event(struct watch *w, uint32_t events)
{
    struct end *e = container_of(w, struct end, watch);
    char byte;

    e->called++;
    e->events = events;
    if (e->drain && read(w->fd, &byte, 1) < 0)
        assert_int_equal(errno, EAGAIN);
    if (e->then)
        e->then(e);
}

static void
end_open(struct end *e, uint32_t events)
{
    int fds[2];

    *e = (struct end){.drain = true};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    e->peer = fds[1];
    assert_int_equal(poller_watch(p, &e->watch, fds[0], events, end_event), 0);
}

static void
end_close(struct end *e)
{
    poller_unwatch(p, &e->watch);
    fd_close(e->watch.fd);
    e->peer = fd_close(e->peer);
}

static void
end_poke(struct end *e)
{
    assert_int_equal(write(e->peer, "x", 1), 1);
}

static void
turn(int timeout_ms)
{
    assert_int_equal(poller_round(p, timeout_ms), 0);
}

static int
setup(void **state)
{
    return poller_new(&config, &p, NULL);
}

static int
teardown(void **state)
{
    poller_free(p);
    return 0;
}

/* ---- Watching -------------------------------------------------------------------------------- */

static void
test_poller_calls_what_it_watches(void **state)
{
    struct end a, b;

    end_open(&a, EPOLLIN);
    end_open(&b, EPOLLIN);
    end_poke(&a);
    turn(1000);
    assert_int_equal(a.called, 1);
    assert_int_equal(a.events, EPOLLIN);
    assert_int_equal(b.called, 0);
    assert_ptr_equal(poller_find(p, a.watch.id), &a.watch);
    assert_null(poller_find(p, a.watch.id + 1));
    end_close(&a);
    end_close(&b);
}

static struct end *other, late;

static void
close_other(struct end *e)
{
    if (!other)
        return;
    end_close(other);
    other = NULL;
    end_open(&late, EPOLLIN); /* takes over the fd that has just been closed */
}

/* Both have events in one batch; whichever comes first closes the other and opens a third on the
 * same fd. */
static void
test_poller_ignores_events_of_the_batch_for_a_reused_fd(void **state)
{
    struct end a, b;
    int fd;

    end_open(&a, EPOLLIN);
    end_open(&b, EPOLLIN);
    a.then = close_other;
    other = &b;
    fd = b.watch.fd;
    end_poke(&a);
    end_poke(&b);
    turn(1000);
    assert_int_equal(p->metrics->events, 2);
    assert_int_equal(b.called, 0);
    assert_int_equal(late.watch.fd, fd);
    assert_int_equal(late.called, 0);
    end_poke(&late);
    turn(1000);
    assert_int_equal(late.called, 1);
    end_close(&late);
    end_close(&a);
}

/* The slot is used again at once, which its rest forbids outside a test. */
static void
test_poller_ignores_events_for_a_reused_slot(void **state)
{
    struct end a;
    uint64_t old;

    end_open(&a, EPOLLIN);
    old = a.watch.id;
    a.watch.id = old + 1; /* the next generation of the same slot */
    end_poke(&a);
    turn(100);
    assert_int_equal(p->metrics->events, 1);
    assert_int_equal(a.called, 0);
    a.watch.id = old;
    turn(100);
    assert_int_equal(a.called, 1);
    end_close(&a);
}

static void
test_poller_mute_and_rewatch(void **state)
{
    struct end a;
    uint64_t id;

    end_open(&a, EPOLLIN);
    id = a.watch.id;
    end_poke(&a);
    poller_mute(p, &a.watch);
    poller_mute(p, &a.watch); /* twice is once */
    assert_true(poller_muted(&a.watch));
    turn(20);
    assert_int_equal(a.called, 0);
    assert_int_equal(poller_rewatch(p, &a.watch, EPOLLIN), 0);
    assert_int_equal(poller_rewatch(p, &a.watch, EPOLLIN), 0);
    assert_true(a.watch.id == id);
    turn(1000);
    assert_int_equal(a.called, 1);
    poller_mute(p, &a.watch);
    end_close(&a);
}

static void
test_poller_mute_and_rewatch_exclusively(void **state)
{
    struct end a;

    end_open(&a, EPOLLIN | EPOLLEXCLUSIVE);
    poller_mute(p, &a.watch);
    assert_int_equal(poller_rewatch(p, &a.watch, EPOLLIN | EPOLLEXCLUSIVE), 0);
    end_poke(&a);
    turn(1000);
    assert_int_equal(a.called, 1);
    end_close(&a);
}

static void
test_poller_interest_zero_still_tells_hang_ups(void **state)
{
    struct end a;

    end_open(&a, EPOLLIN);
    assert_int_equal(poller_rewatch(p, &a.watch, 0), 0);
    end_poke(&a);
    turn(20);
    assert_int_equal(a.called, 0);
    a.peer = fd_close(a.peer);
    turn(1000);
    assert_int_equal(a.called, 1);
    assert_int_equal(a.events, EPOLLHUP);
    poller_mute(p, &a.watch); /* ... and a muted one does not */
    turn(20);
    assert_int_equal(a.called, 1);
    end_close(&a);
}

static void
test_poller_watch_says_what_epoll_says(void **state)
{
    struct watch w = {0};
    uint32_t live = p->slots.live;

    assert_int_equal(poller_watch(p, &w, -1, EPOLLIN, end_event), -EBADF);
    assert_true(w.id == 0);
    assert_int_equal(p->slots.live, live);
    poller_unwatch(p, &w);
}

/* ---- Rounds ---------------------------------------------------------------------------------- */

static void *
interrupt(void *arg)
{
    pthread_t *sleeper = arg;

    for (int i = 0; i < 20; i++) {
        pthread_kill(*sleeper, SIGUSR1);
        usleep(1000);
    }
    return NULL;
}

static void
on_signal(int number)
{
}

static void
stop_poller(struct timer *t, uint64_t now_ns)
{
    poller_stop(p);
}

static void
test_poller_goes_on_after_a_signal(void **state)
{
    struct sigaction action = {.sa_handler = on_signal}, old;
    struct timer timer = {.fn = stop_poller};
    pthread_t self = pthread_self(), thread;
    uint64_t begin = clock_now_ns();

    assert_int_equal(sigaction(SIGUSR1, &action, &old), 0);
    assert_int_equal(poller_arm(p, &timer, 100 * NS_PER_MS), 0);
    assert_int_equal(pthread_create(&thread, NULL, interrupt, &self), 0);
    poller_run(p);
    poller_current = NULL;
    assert_true(clock_now_ns() - begin >= 80 * NS_PER_MS);
    assert_int_equal(pthread_join(thread, NULL), 0);
    sigaction(SIGUSR1, &old, NULL);
}

struct chore {
    struct task task;
    struct chore *defers;
    unsigned ran;
};

static void
chore_run(struct task *t)
{
    struct chore *chore = container_of(t, struct chore, task);

    chore->ran++;
    if (chore->defers)
        poller_defer(p, &chore->defers->task);
}

static void
test_poller_what_tasks_defer_runs_in_the_next_round(void **state)
{
    struct chore last = {.task.fn = chore_run}, self = {.task.fn = chore_run};
    struct chore first = {.task.fn = chore_run, .defers = &last};

    self.defers = &self;
    poller_defer(p, &first.task);
    poller_defer(p, &first.task); /* queued once */
    poller_defer(p, &self.task);
    turn(-1); /* does not wait while there is work */
    assert_int_equal(first.ran, 1);
    assert_int_equal(self.ran, 1);
    assert_int_equal(last.ran, 0);
    turn(-1);
    assert_int_equal(first.ran, 1);
    assert_int_equal(self.ran, 2);
    assert_int_equal(last.ran, 1);
}

static unsigned handled;

static void
count_message(struct message *m, void *consumer)
{
    assert_ptr_equal(consumer, p);
    handled++;
}

static void
test_poller_handles_messages_in_parts(void **state)
{
    static struct message messages[100];

    handled = 0;
    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        messages[i].fn = count_message;
        mailbox_post(&p->mailbox, &messages[i]);
    }
    turn(-1);
    assert_in_range(handled, 1, 2 * config.messages_max);
    for (int i = 0; i < 100 && handled < ARRAY_LEN(messages); i++)
        turn(-1);
    assert_int_equal(handled, ARRAY_LEN(messages));
    assert_int_equal(p->metrics->messages, ARRAY_LEN(messages));
}

static uint64_t fired_at;

static void
note_time(struct timer *t, uint64_t now_ns)
{
    fired_at = clock_now_ns();
}

/* How late a timer of this delay was. Far timers are reckoned from the clock that lags, near ones
 * are exact. */
static uint64_t
lateness_ns(uint64_t delay_ns, uint64_t early_ns)
{
    struct timer timer = {.fn = note_time};
    uint64_t begin = clock_now_ns();

    fired_at = 0;
    turn(0);
    assert_int_equal(poller_arm(p, &timer, delay_ns), 0);
    for (int i = 0; i < 100 && !fired_at; i++)
        turn(-1);
    assert_true(fired_at >= begin + delay_ns - early_ns);
    return fired_at - MIN(fired_at, begin + delay_ns);
}

/* A machine that stands still makes one late, not each. */
static void
check_delay(uint64_t delay_ns, uint64_t early_ns)
{
    int left = 10;

    while (lateness_ns(delay_ns, early_ns) >= 500 * NS_PER_MS)
        assert_true(--left > 0);
}

static void
test_poller_timers_come_due(void **state)
{
    check_delay(0, 0);
    check_delay(1 * NS_PER_MS, 0);
    check_delay(15 * NS_PER_MS, 0);
    check_delay(35 * NS_PER_MS, 0);
    check_delay(70 * NS_PER_MS, 10 * NS_PER_MS);
    check_delay(200 * NS_PER_MS, 10 * NS_PER_MS);
}

/* A far timer costs a few wake-ups, not one for each tick. */
static void
test_poller_sleeps_until_a_timer(void **state)
{
    uint64_t rounds = p->metrics->rounds;

    lateness_ns(300 * NS_PER_MS, 10 * NS_PER_MS);
    assert_true(p->metrics->rounds - rounds <= 6);
}

static void
test_poller_accepts_any_delay(void **state)
{
    struct timer timer = {.fn = note_time};

    assert_int_equal(poller_arm(p, &timer, UINT64_MAX), 0);
    assert_true(timer_armed(&timer));
    turn(0);
    timer_cancel(&p->timers, &timer);
}

/* ---- Many ------------------------------------------------------------------------------------ */

static unsigned values_freed;

static void
value_free(void *value)
{
    (void)value;
    values_freed++;
}

static void *
set_values(void *arg)
{
    static int first, second;

    assert_int_equal(poller_cache_set(p, 7, &first, value_free), 0);
    assert_int_equal(poller_cache_set(p, 7, &second, value_free), 0);
    assert_int_equal(poller_cache_set(p, 8, &first, value_free), 0);
    *(int **)arg = &second;
    return NULL;
}

static void
test_poller_cache_is_changed_by_messages(void **state)
{
    int *last = NULL;
    pthread_t thread;

    values_freed = 0;
    assert_int_equal(pthread_create(&thread, NULL, set_values, &last), 0);
    pthread_join(thread, NULL);
    assert_null(cache_get(&p->cache, 7)); /* not before the poller comes to it */
    assert_int_equal(poller_round(p, 1000), 0);
    assert_ptr_equal(cache_get(&p->cache, 7), last);
    assert_non_null(cache_get(&p->cache, 8));
    assert_int_equal(values_freed, 1);
    assert_int_equal(poller_cache_set(p, 8, NULL, NULL), 0);
    assert_int_equal(poller_round(p, 1000), 0);
    assert_null(cache_get(&p->cache, 8));
    assert_int_equal(values_freed, 2);
}

static void
test_poller_index_names_it(void **state)
{
    struct poller *second;
    unsigned index;

    assert_ptr_equal(poller_at(p->index), p);
    assert_int_equal(poller_new(&config, &second, NULL), 0);
    index = second->index;
    assert_int_not_equal(index, p->index);
    assert_ptr_equal(poller_at(index), second);
    poller_free(second);
    assert_null(poller_at(index));
    assert_null(poller_at(POLLERS_MAX));
    poller_free(NULL);
}

static void
test_poller_one_past_the_most_is_refused(void **state)
{
    static struct poller *many[POLLERS_MAX];
    struct poller *none = NULL;
    struct err err = {0};
    unsigned n = 0;

    while (n < POLLERS_MAX - 1)
        assert_int_equal(poller_new(&config, &many[n++], NULL), 0);
    assert_int_equal(poller_new(&config, &none, &err), -EUSERS);
    assert_string_equal(err.text, "more than 256 pollers");
    assert_null(none);
    while (n > 0)
        poller_free(many[--n]);
}

#define POLLER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        POLLER_TEST(test_poller_calls_what_it_watches),
        POLLER_TEST(test_poller_ignores_events_of_the_batch_for_a_reused_fd),
        POLLER_TEST(test_poller_ignores_events_for_a_reused_slot),
        POLLER_TEST(test_poller_mute_and_rewatch),
        POLLER_TEST(test_poller_mute_and_rewatch_exclusively),
        POLLER_TEST(test_poller_interest_zero_still_tells_hang_ups),
        POLLER_TEST(test_poller_watch_says_what_epoll_says),
        POLLER_TEST(test_poller_goes_on_after_a_signal),
        POLLER_TEST(test_poller_what_tasks_defer_runs_in_the_next_round),
        POLLER_TEST(test_poller_handles_messages_in_parts),
        POLLER_TEST(test_poller_timers_come_due),
        POLLER_TEST(test_poller_sleeps_until_a_timer),
        POLLER_TEST(test_poller_accepts_any_delay),
        POLLER_TEST(test_poller_cache_is_changed_by_messages),
        POLLER_TEST(test_poller_index_names_it),
        POLLER_TEST(test_poller_one_past_the_most_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
