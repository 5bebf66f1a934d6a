/* Rates of downloads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "download/bytes/pace.h"

#define SECOND INT64_C(1000000000)
#define START (INT64_C(1000) * SECOND)
#define ENDLESS (UINT64_C(1) << 40)

/* Bytes that users of a bucket, taking turns, send in a second from START + after_ns on, each as
 * soon as it may, or late_ns later. */
static int64_t
second_of(struct dl_pace_bucket *b, int64_t rate, unsigned users, int64_t after_ns, int64_t late_ns)
{
    const struct dl_pace_limit limit = {b, rate};
    int64_t *now = calloc(users, sizeof(*now));
    int64_t sum = 0;

    assert_non_null(now);
    b->users = users;
    for (unsigned i = 0; i < users; i++)
        now[i] = START;
    for (;;) {
        unsigned next = 0;
        uint64_t bytes;
        int64_t due;

        for (unsigned i = 0; i < users; i++)
            if (now[i] < now[next])
                next = i;
        if (now[next] >= START + after_ns + SECOND)
            break;
        bytes = dl_pace_take(&limit, 1, 0, ENDLESS, now[next], &due);
        assert_true(due <= now[next] + SECOND / 8);
        now[next] = due <= now[next] ? now[next] : due + late_ns;
        if (now[next] >= START + after_ns && now[next] < START + after_ns + SECOND)
            sum += (int64_t)bytes;
    }
    free(now);
    return sum;
}

static void
test_pace_any_second_has_its_rate_within_a_tenth(void **state)
{
    const int64_t rates[] = {1000, 50 << 10, 100 << 10, 100 << 20, INT64_C(1) << 36};
    const unsigned users[] = {1, 2, 100};

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
        for (size_t j = 0; j < sizeof(users) / sizeof(users[0]); j++)
            for (int64_t after_ns = 0; after_ns < SECOND; after_ns += SECOND / 7)
                for (int64_t late_ns = 0; late_ns <= SECOND / 100; late_ns += SECOND / 100) {
                    struct dl_pace_bucket b = {0};
                    int64_t sum = second_of(&b, rates[i], users[j], after_ns, late_ns);

                    assert_in_range(sum, rates[i] * 9 / 10, rates[i] * 11 / 10);
                }
}

/* Bytes that may be sent at a time, in pieces of at most a sixteenth part of a second's; *ret_due
 * is when the one after them may. */
static uint64_t
sum_at(const struct dl_pace_limit *l, int64_t burst, int64_t now, int64_t *ret_due)
{
    uint64_t sum = 0, bytes = 0;

    do {
        sum += bytes;
        bytes = dl_pace_take(l, 1, burst, ENDLESS, now, ret_due);
        assert_in_range(bytes, 1, l->rate / 16);
    } while (*ret_due == now);
    return sum;
}

static void
test_pace_burst_goes_at_once_and_no_more(void **state)
{
    struct dl_pace_bucket b = {0};
    const struct dl_pace_limit limit = {&b, 1000};
    int64_t due;

    (void)state;
    assert_in_range(sum_at(&limit, 5000, START, &due), 5000, 5100);
    assert_in_range(due, START + 1, START + SECOND / 8);
    assert_in_range(sum_at(&limit, 5000, START + 100 * SECOND, &due), 5000, 5100);
    assert_in_range(sum_at(&limit, 5000, START + 101 * SECOND, &due), 800, 1100);
}

/* However they interleave, none takes bytes for which the others have to wait long. */
static void
test_pace_pollers_that_take_at_once_wait_less_than_a_second(void **state)
{
    struct dl_pace_bucket b = {0};
    const struct dl_pace_limit limit = {&b, 100 << 10};
    int64_t due, last;

    (void)state;
    sum_at(&limit, 1 << 30, START, &last);
    for (int i = 0; i < 8; i++) { /* each of which has seen that much room */
        struct dl_pace_bucket full = {0};

        b.free_ns += (int64_t)dl_pace_take(&(struct dl_pace_limit){&full, limit.rate}, 1, 1 << 30,
                                           ENDLESS, START, &due) *
                     SECOND / limit.rate;
    }
    dl_pace_take(&limit, 1, 1 << 30, 1, START, &due);
    assert_in_range(due, START, last + SECOND);
}

static void
test_pace_slowest_of_several_counts(void **state)
{
    struct dl_pace_bucket fast = {0}, slow = {0};
    const struct dl_pace_limit limits[] = {{&fast, 100 << 20}, {&slow, 1600}};
    int64_t now = START, sum = 0;

    (void)state;
    while (now < START + 10 * SECOND) {
        int64_t due;

        sum += (int64_t)dl_pace_take(limits, 2, 0, ENDLESS, now, &due);
        now = due;
    }
    assert_in_range(sum, 15900, 16300);
}

static void
test_pace_new_rate_holds_from_the_next_slice_on(void **state)
{
    struct dl_pace_bucket b = {0};
    int64_t due;

    (void)state;
    b.users = 10;
    for (int i = 0; i < 10; i++)
        dl_pace_take(&(struct dl_pace_limit){&b, 1000}, 1, 0, ENDLESS, START, &due);
    assert_in_range(due, START, START + SECOND / 8);
    assert_in_range(second_of(&b, 100 << 20, 1, SECOND, 0), 95 << 20, 105 << 20);
}

static void
test_pace_extremes_do_not_overflow(void **state)
{
    struct dl_pace_bucket b = {0};
    int64_t due;

    (void)state;
    dl_pace_take(&(struct dl_pace_limit){&b, 1}, 1, INT64_C(1) << 30, ENDLESS, START, &due);
    assert_int_equal(due, START);
    b.free_ns = 0;
    dl_pace_take(&(struct dl_pace_limit){&b, INT64_C(1) << 36}, 1, INT64_C(1) << 30, ENDLESS, START,
                 &due);
    assert_int_equal(due, START);
    b.users = UINT32_MAX;
    assert_in_range(dl_pace_take(&(struct dl_pace_limit){&b, 1}, 1, 0, 1, START, &due), 1, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pace_any_second_has_its_rate_within_a_tenth),
        cmocka_unit_test(test_pace_burst_goes_at_once_and_no_more),
        cmocka_unit_test(test_pace_pollers_that_take_at_once_wait_less_than_a_second),
        cmocka_unit_test(test_pace_slowest_of_several_counts),
        cmocka_unit_test(test_pace_new_rate_holds_from_the_next_slice_on),
        cmocka_unit_test(test_pace_extremes_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
