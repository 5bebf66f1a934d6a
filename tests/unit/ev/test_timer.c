#include "unit/unit.h"

#include <string.h>

#include "ev/timer.h"

#define TIMERS 300

/* A timer and its state in the model. */
struct modelled {
    struct timer timer;
    uint64_t due; /* 0: not armed */
    unsigned ran;
};

static struct {
    struct timers timers;
    struct modelled all[TIMERS];
    struct dice dice;
    uint64_t now, last_due;
    bool meddle; /* callbacks arm, move and cancel others and themselves */
} m;

static void
model_arm(struct modelled *t, uint64_t due)
{
    assert_int_equal(timer_arm(&m.timers, &t->timer, due), 0);
    t->due = MAX(due, m.timers.round_ns + 1);
    assert_int_equal(timer_due_ns(&m.timers, &t->timer), t->due);
}

static void
model_cancel(struct modelled *t)
{
    timer_cancel(&m.timers, &t->timer);
    t->due = 0;
    assert_false(timer_armed(&t->timer));
}

static void
model_random_step(void)
{
    struct modelled *t = &m.all[dice_below(&m.dice, TIMERS)];

    if (dice_below(&m.dice, 4))
        model_arm(t, m.now + dice_below(&m.dice, 1000));
    else
        model_cancel(t);
}

static void
model_fire(struct timer *timer, uint64_t now_ns)
{
    struct modelled *t = container_of(timer, struct modelled, timer);

    assert_true(t->due != 0 && t->due <= now_ns);
    assert_true(now_ns == m.now);
    assert_true(t->due >= m.last_due); /* in order, including timers armed by callbacks */
    assert_false(timer_armed(timer));
    m.last_due = t->due;
    t->due = 0;
    t->ran++;
    if (!m.meddle)
        return;
    for (unsigned n = dice_below(&m.dice, 4); n > 0; n--)
        model_random_step();
    if (dice_below(&m.dice, 3) == 0)
        model_arm(t, m.now - 5); /* a time that has passed: the next round */
}

static unsigned
model_count_due(void)
{
    unsigned n = 0;

    for (int i = 0; i < TIMERS; i++)
        n += m.all[i].due && m.all[i].due <= m.now;
    return n;
}

static int
model_setup(void **state)
{
    memset(&m, 0, sizeof(m));
    m.dice = DICE;
    m.now = 1000;
    for (int i = 0; i < TIMERS; i++)
        m.all[i].timer.fn = model_fire;
    return 0;
}

static int
model_teardown(void **state)
{
    timers_fini(&m.timers);
    return 0;
}

static void
model_run(unsigned rounds)
{
    for (unsigned round = 0; round < rounds; round++) {
        unsigned due;

        for (int i = 0; i < 40; i++)
            model_random_step();
        m.now += dice_below(&m.dice, 200);
        m.last_due = 0;
        due = model_count_due();
        if (m.meddle)
            timers_run(&m.timers, m.now);
        else
            assert_int_equal(timers_run(&m.timers, m.now), due);
        assert_int_equal(model_count_due(), 0);
    }
}

static void
test_timer_random_against_a_model(void **state)
{
    model_run(500);
}

static void
test_timer_random_from_callbacks_against_a_model(void **state)
{
    m.meddle = true;
    model_run(500);
}

static void
test_timer_next_is_the_first(void **state)
{
    assert_true(timers_next_ns(&m.timers) == UINT64_MAX);
    model_arm(&m.all[0], 5000);
    model_arm(&m.all[1], 4000);
    assert_int_equal(timers_next_ns(&m.timers), 4000);
    model_arm(&m.all[1], 6000); /* moved, not added */
    assert_int_equal(timers_next_ns(&m.timers), 5000);
    model_cancel(&m.all[0]);
    assert_int_equal(timers_next_ns(&m.timers), 6000);
    model_cancel(&m.all[0]); /* twice is nothing */
    m.now = 5999;
    assert_int_equal(timers_run(&m.timers, m.now), 0);
    m.now = 6000;
    assert_int_equal(timers_run(&m.timers, m.now), 1);
    assert_int_equal(m.all[1].ran, 1);
}

/* A timer cancelled by a callback does not expire, not even in this round. */
static void
cancel_second(struct timer *timer, uint64_t now_ns)
{
    model_cancel(&m.all[1]);
}

static void
test_timer_cancel_within_the_round(void **state)
{
    m.all[0].timer.fn = cancel_second;
    model_arm(&m.all[0], 2000);
    model_arm(&m.all[1], 2000 + 1);
    m.now = 3000;
    assert_int_equal(timers_run(&m.timers, m.now), 1);
    assert_int_equal(m.all[1].ran, 0);
}

static unsigned again_count;

static void
again(struct timer *timer, uint64_t now_ns)
{
    again_count++;
    timer_arm(&m.timers, timer, 0);
}

static void
test_timer_round_ends_though_it_rearms_for_the_past(void **state)
{
    struct timer t = {.fn = again};

    again_count = 0;
    timer_arm(&m.timers, &t, 1);
    for (unsigned i = 1; i <= 5; i++) {
        assert_int_equal(timers_run(&m.timers, 1000 + i), 1);
        assert_int_equal(again_count, i);
    }
    timer_cancel(&m.timers, &t);
}

/* ---- Periods --------------------------------------------------------------------------------- */

static uint64_t period_due[8];
static unsigned period_count;

static void
period(struct timer *timer, uint64_t now_ns)
{
    timer_repeat(&m.timers, timer, 100, now_ns);
    period_due[period_count++] = timer_due_ns(&m.timers, timer);
}

static void
test_timer_repeat_keeps_its_pace_and_skips_what_it_missed(void **state)
{
    struct timer t = {.fn = period};

    period_count = 0;
    timer_arm(&m.timers, &t, 1000);
    timers_run(&m.timers, 1030); /* late, */
    timers_run(&m.timers, 1199); /* ... which the next is not */
    timers_run(&m.timers, 1550); /* three missed */
    assert_int_equal(period_count, 3);
    assert_int_equal(period_due[0], 1100);
    assert_int_equal(period_due[1], 1200);
    assert_int_equal(period_due[2], 1650);
    timer_cancel(&m.timers, &t);
}

static void
period_for_ever(struct timer *timer, uint64_t now_ns)
{
    timer_repeat(&m.timers, timer, UINT64_MAX, now_ns);
    period_count++;
}

static void
test_timer_repeat_too_long_to_be_counted_never_comes(void **state)
{
    struct timer t = {.fn = period_for_ever};

    period_count = 0;
    timer_arm(&m.timers, &t, 1000);
    timers_run(&m.timers, 1030);
    timers_run(&m.timers, UINT64_C(1) << 62);
    assert_int_equal(period_count, 1);
    assert_true(timers_next_ns(&m.timers) < UINT64_MAX);
    timer_cancel(&m.timers, &t);
}

static void
period_twice(struct timer *timer, uint64_t now_ns)
{
    timer_repeat(&m.timers, timer, 100, now_ns);
    if (++period_count == 2)
        timer_cancel(&m.timers, timer);
}

static void
test_timer_repeat_is_cancelled_from_its_own_callback(void **state)
{
    struct timer t = {.fn = period_twice};

    period_count = 0;
    timer_arm(&m.timers, &t, 1000);
    for (uint64_t now = 1000; now < 2000; now += 50)
        timers_run(&m.timers, now);
    assert_int_equal(period_count, 2);
    assert_int_equal(m.timers.heap.count, 0);
}

#define MODEL_TEST(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        MODEL_TEST(test_timer_random_against_a_model),
        MODEL_TEST(test_timer_random_from_callbacks_against_a_model),
        MODEL_TEST(test_timer_next_is_the_first),
        MODEL_TEST(test_timer_cancel_within_the_round),
        MODEL_TEST(test_timer_round_ends_though_it_rearms_for_the_past),
        MODEL_TEST(test_timer_repeat_keeps_its_pace_and_skips_what_it_missed),
        MODEL_TEST(test_timer_repeat_too_long_to_be_counted_never_comes),
        MODEL_TEST(test_timer_repeat_is_cancelled_from_its_own_callback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
