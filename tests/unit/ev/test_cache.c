#include "unit/unit.h"

#include <string.h>

#include "ev/cache.h"

#define IDS 400

static int values[8];
static unsigned freed;

static void
count_free(void *value)
{
    assert_in_range((uintptr_t)value, (uintptr_t)values, (uintptr_t)(values + 8));
    freed++;
}

/* Ids that crowd a small table, so that its gaps are closed across each other and its end. */
static uint64_t
model_id(unsigned i)
{
    return i % 2 ? i : (uint64_t)i << 40 | i;
}

static void
test_cache_against_a_model(void **state)
{
    static void *model[IDS];
    struct dice dice = DICE;
    struct cache c = {0};
    unsigned set = 0, count = 0;

    freed = 0;
    for (unsigned step = 0; step < 60000; step++) {
        unsigned i = dice_below(&dice, step < 30000 ? 40 : IDS);

        if (dice_below(&dice, 2)) {
            void *value = &values[dice_below(&dice, ARRAY_LEN(values))];

            assert_int_equal(cache_set(&c, model_id(i), value, count_free), 0);
            count += !model[i];
            model[i] = value;
            set++;
        } else {
            assert_int_equal(cache_remove(&c, model_id(i)), model[i] != NULL);
            count -= model[i] != NULL;
            model[i] = NULL;
        }
        assert_int_equal(c.count, count);
        assert_int_equal(freed, set - count); /* each value once */
        if (step % 97 == 0)
            for (unsigned j = 0; j < IDS; j++)
                assert_ptr_equal(cache_get(&c, model_id(j)), model[j]);
    }
    cache_fini(&c);
    assert_int_equal(freed, set);
}

static void
test_cache_empty_has_nothing(void **state)
{
    struct cache c = {0};

    assert_null(cache_get(&c, 0));
    assert_false(cache_remove(&c, 0));
    cache_fini(&c);
}

static void
test_cache_holds_id_zero_and_the_last(void **state)
{
    struct cache c = {0};

    assert_int_equal(cache_set(&c, 0, &values[0], NULL), 0);
    assert_int_equal(cache_set(&c, UINT64_MAX, &values[1], NULL), 0);
    assert_ptr_equal(cache_get(&c, 0), &values[0]);
    assert_ptr_equal(cache_get(&c, UINT64_MAX), &values[1]);
    assert_null(cache_get(&c, 1));
    cache_fini(&c);
    assert_null(cache_get(&c, 0));
}

static void
test_cache_keeps_a_quarter_empty(void **state)
{
    struct cache c = {0};

    for (unsigned i = 0; i < 10000; i++) {
        assert_int_equal(cache_set(&c, i * UINT64_C(1024), &values[0], NULL), 0);
        assert_true(c.count * 4 <= c.capacity * 3);
    }
    for (unsigned i = 0; i < 10000; i++)
        assert_ptr_equal(cache_get(&c, i * UINT64_C(1024)), &values[0]);
    cache_fini(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cache_against_a_model),
        cmocka_unit_test(test_cache_empty_has_nothing),
        cmocka_unit_test(test_cache_holds_id_zero_and_the_last),
        cmocka_unit_test(test_cache_keeps_a_quarter_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
