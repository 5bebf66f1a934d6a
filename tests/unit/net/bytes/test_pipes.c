/* Pipes between sockets: how many there are, and how long they are kept. */
#include "unit/unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "net/bytes/pipes.h"

#define SECOND UINT64_C(1000000000)

static struct poller poller;
static struct pipes pipes;

static int
setup(void **state)
{
    (void)state;
    poller = (struct poller){.now_ns = SECOND};
    pipes_init(&pipes, &poller);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    pipes_fini(&pipes);
    timers_fini(&poller.timers);
    return 0;
}

static void
turn(uint64_t now_ns)
{
    poller.now_ns = now_ns;
    timers_run(&poller.timers, now_ns);
}

static void
test_pipe_is_taken_again(void **state)
{
    struct pipe *p = pipes_take(&pipes);
    char byte;

    (void)state;
    assert_non_null(p);
    assert_true(fcntl(p->in, F_GETPIPE_SZ) > 0);
    assert_int_equal(read(p->out, &byte, 1), -1); /* it does not wait */
    pipe_give(p, true);
    assert_ptr_equal(pipes_take(&pipes), p);
    assert_int_equal(pipes.count, 1);
    pipe_give(p, true);
}

static void
test_pipe_that_is_not_empty_is_closed(void **state)
{
    struct pipe *p = pipes_take(&pipes);
    int out = p->out;

    (void)state;
    assert_int_equal(write(p->in, "x", 1), 1);
    pipe_give(p, false);
    assert_int_equal(pipes.count, 0);
    assert_int_equal(fcntl(out, F_GETFD), -1);
}

static void
test_pipes_have_a_bound(void **state)
{
    struct pipe *all[PIPES_MAX];

    (void)state;
    for (unsigned i = 0; i < PIPES_MAX; i++) {
        all[i] = pipes_take(&pipes);
        assert_non_null(all[i]);
    }
    assert_null(pipes_take(&pipes));
    pipe_give(all[0], false);
    all[0] = pipes_take(&pipes);
    assert_non_null(all[0]);
    for (unsigned i = 0; i < PIPES_MAX; i++)
        pipe_give(all[i], true);
}

static void
test_idle_pipes_are_closed_and_busy_ones_stay(void **state)
{
    struct pipe *a = pipes_take(&pipes), *b = pipes_take(&pipes), *c = pipes_take(&pipes);

    (void)state;
    pipe_give(a, true);
    pipe_give(b, true);
    turn(4 * SECOND);
    assert_int_equal(pipes.count, 3);
    assert_ptr_equal(pipes_take(&pipes), b); /* in use every few seconds */
    pipe_give(b, true);
    turn(7 * SECOND);
    assert_int_equal(pipes.count, 2); /* one was idle all the time */
    turn(13 * SECOND);
    assert_int_equal(pipes.count, 1);
    assert_false(timer_armed(&pipes.timer));
    pipe_give(c, true);
    turn(17 * SECOND);
    assert_int_equal(pipes.count, 1);
    turn(19 * SECOND);
    assert_int_equal(pipes.count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pipe_is_taken_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pipe_that_is_not_empty_is_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pipes_have_a_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idle_pipes_are_closed_and_busy_ones_stay, setup,
                                        teardown),
    };

    return cmocka_run_group_tests_name("net_pipes", tests, NULL, NULL);
}
