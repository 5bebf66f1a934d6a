#include "unit/unit.h"

#include "worker/watchdog.h"

#define TIMEOUT 100

static struct watchdog_look look;

static int
setup(void **state)
{
    look = (struct watchdog_look){0};
    return 0;
}

static enum watchdog_verdict
judge(uint64_t rounds, bool resting, uint64_t elapsed)
{
    return watchdog_judge(&look, rounds, resting, elapsed, TIMEOUT);
}

static void
test_watchdog_hangs_at_the_timeout_and_not_before(void **state)
{
    assert_int_equal(judge(1, false, 1000), WATCHDOG_FINE); /* it may have begun just now */
    assert_int_equal(judge(1, false, TIMEOUT - 1), WATCHDOG_FINE);
    assert_int_equal(judge(1, false, 1), WATCHDOG_HANGS);
}

static void
test_watchdog_resting_is_fine_for_ever(void **state)
{
    for (int i = 0; i < 10; i++)
        assert_int_equal(judge(1, true, TIMEOUT), WATCHDOG_FINE);
}

static void
test_watchdog_turning_is_fine_for_ever(void **state)
{
    for (uint64_t i = 1; i < 10; i++)
        assert_int_equal(judge(i, false, TIMEOUT), WATCHDOG_FINE);
}

static void
test_watchdog_a_turn_in_between_begins_anew(void **state)
{
    assert_int_equal(judge(1, false, 0), WATCHDOG_FINE);
    assert_int_equal(judge(1, false, TIMEOUT - 1), WATCHDOG_FINE);
    assert_int_equal(judge(2, false, 1), WATCHDOG_FINE);
    assert_int_equal(judge(2, false, TIMEOUT - 1), WATCHDOG_FINE);
    assert_int_equal(judge(2, true, 1), WATCHDOG_FINE);
    assert_int_equal(judge(2, false, TIMEOUT - 1), WATCHDOG_FINE);
    assert_int_equal(judge(2, false, 1), WATCHDOG_HANGS);
}

static void
test_watchdog_tells_once_and_for_how_long(void **state)
{
    assert_int_equal(judge(1, false, 0), WATCHDOG_FINE);
    assert_int_equal(judge(1, false, TIMEOUT), WATCHDOG_HANGS);
    assert_int_equal(judge(1, false, TIMEOUT), WATCHDOG_FINE);
    assert_int_equal(judge(2, false, 7), WATCHDOG_TURNS_AGAIN);
    assert_int_equal(look.quiet_ns, 2 * TIMEOUT);
    assert_int_equal(judge(2, false, TIMEOUT - 1), WATCHDOG_FINE);
    assert_int_equal(judge(2, false, 1), WATCHDOG_HANGS); /* and again */
    assert_int_equal(judge(2, true, 1), WATCHDOG_TURNS_AGAIN);
    assert_int_equal(look.quiet_ns, TIMEOUT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_watchdog_hangs_at_the_timeout_and_not_before, setup),
        cmocka_unit_test_setup(test_watchdog_resting_is_fine_for_ever, setup),
        cmocka_unit_test_setup(test_watchdog_turning_is_fine_for_ever, setup),
        cmocka_unit_test_setup(test_watchdog_a_turn_in_between_begins_anew, setup),
        cmocka_unit_test_setup(test_watchdog_tells_once_and_for_how_long, setup),
    };

    return cmocka_run_group_tests_name("watchdog", tests, NULL, NULL);
}
