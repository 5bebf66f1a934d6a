#include "unit/unit.h"

#include <errno.h>

#include "ev/slots.h"

static struct slots slots;
static uint64_t owners[SLOTS_CHUNK * 2 + 10]; /* aligned, as owners are */

static int
setup(void **state)
{
    slots_init(&slots, 7);
    return 0;
}

static int
teardown(void **state)
{
    slots_fini(&slots);
    return 0;
}

static uint64_t
claim(void *owner)
{
    uint64_t id = 0;

    assert_int_equal(slots_claim(&slots, owner, &id), 0);
    assert_true(id != 0);
    assert_int_equal(slots_id_poller(id), 7);
    assert_ptr_equal(slots_at(&slots, slots_id_slot(id)), owner);
    return id;
}

static void
test_slots_name_their_owners(void **state)
{
    static uint64_t ids[ARRAY_LEN(owners)];

    for (size_t i = 0; i < ARRAY_LEN(owners); i++)
        ids[i] = claim(&owners[i]);
    for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
        assert_ptr_equal(slots_at(&slots, slots_id_slot(ids[i])), &owners[i]);
        assert_int_equal(slots_id_slot(ids[i]), i);
    }
    assert_int_equal(slots.live, ARRAY_LEN(owners));
    assert_int_equal(slots_bytes(&slots), sizeof(uint64_t) * 3 * SLOTS_CHUNK);
}

static void
test_slots_unused_ones_name_nothing(void **state)
{
    assert_null(slots_at(&slots, 0)); /* no chunk yet */
    claim(&owners[0]);
    assert_null(slots_at(&slots, 1));
    assert_null(slots_at(&slots, SLOTS_CHUNK - 1));
    assert_null(slots_at(&slots, SLOTS_CHUNK));
    assert_null(slots_at(&slots, SLOTS_MAX - 1));
}

static void
test_slots_rest_before_reuse(void **state)
{
    uint32_t first = slots_id_slot(claim(&owners[0]));
    uint64_t id = (uint64_t)7 << 56;

    slots_release(&slots, claim(&owners[0]) | id);
    for (unsigned i = 0; i < SLOTS_REST; i++) {
        id = claim(&owners[1]);
        assert_int_not_equal(slots_id_slot(id), first + 1);
        slots_release(&slots, id);
    }
    assert_int_equal(slots_id_slot(claim(&owners[1])), first + 1); /* the oldest comes first */
}

/* Freed slots are a queue: in the order of their freeing. */
static void
test_slots_come_back_in_the_order_of_release(void **state)
{
    static uint64_t ids[SLOTS_REST + 50];

    for (unsigned i = 0; i < ARRAY_LEN(ids); i++)
        ids[i] = claim(&owners[i]);
    for (unsigned i = ARRAY_LEN(ids); i-- > 0;)
        slots_release(&slots, ids[i]);
    assert_int_equal(slots.live, 0);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(slots_id_slot(claim(&owners[0])), ARRAY_LEN(ids) - 1 - i);
}

static void
test_slots_generation_moves_on_at_each_use(void **state)
{
    static uint64_t seen[SLOTS_REST + 1];
    const uint64_t mask = (UINT64_C(1) << 34) - 1;

    for (unsigned round = 0; round < 20; round++)
        for (unsigned i = 0; i <= SLOTS_REST; i++) {
            uint64_t id = claim(&owners[i]);
            uint64_t *last = &seen[slots_id_slot(id)];
            uint64_t expected = ((*last & mask) + 1) & mask;

            assert_true(slots_id_slot(id) <= SLOTS_REST);
            if (*last)
                assert_true((id & mask) == expected + (expected == 0));
            *last = id;
            slots_release(&slots, id);
            assert_null(slots_at(&slots, slots_id_slot(id)));
        }
}

static void
test_slots_generations_begin_at_random(void **state)
{
    const uint64_t mask = (UINT64_C(1) << 34) - 1;
    unsigned small = 0;

    for (unsigned i = 0; i < 100; i++)
        small += (claim(&owners[i]) & mask) < 1u << 20;
    assert_true(small < 20);
}

/* Generation 2^34 - 1 is followed by 1: 0 would make an id of 0 possible. */
static void
test_slots_generation_wraps_past_zero(void **state)
{
    const uint64_t mask = (UINT64_C(1) << 34) - 1;
    uint64_t id = claim(&owners[0]);

    slots_release(&slots, id | mask);
    for (unsigned i = 0; i < SLOTS_REST; i++)
        slots_release(&slots, claim(&owners[1]));
    id = claim(&owners[0]);
    assert_int_equal(slots_id_slot(id), 0);
    assert_int_equal(id & mask, 1);
}

static void
test_slots_against_a_model(void **state)
{
    static uint64_t ids[600];
    struct dice dice = DICE;

    for (unsigned step = 0; step < 100000; step++) {
        unsigned i = dice_below(&dice, ARRAY_LEN(ids));

        if (ids[i]) {
            assert_ptr_equal(slots_at(&slots, slots_id_slot(ids[i])), &owners[i]);
            slots_release(&slots, ids[i]);
            ids[i] = 0;
        } else {
            ids[i] = claim(&owners[i]);
        }
    }
    assert_true(slots.used <= ARRAY_LEN(ids) + SLOTS_REST + 1);
}

#define SLOTS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SLOTS_TEST(test_slots_name_their_owners),
        SLOTS_TEST(test_slots_unused_ones_name_nothing),
        SLOTS_TEST(test_slots_rest_before_reuse),
        SLOTS_TEST(test_slots_come_back_in_the_order_of_release),
        SLOTS_TEST(test_slots_generation_moves_on_at_each_use),
        SLOTS_TEST(test_slots_generations_begin_at_random),
        SLOTS_TEST(test_slots_generation_wraps_past_zero),
        SLOTS_TEST(test_slots_against_a_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
