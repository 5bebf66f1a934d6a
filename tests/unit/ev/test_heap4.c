#include "unit/unit.h"

#include <string.h>

#include "ev/heap4.h"

#define NODES 500

struct item {
    struct heap4_node node;
    uint64_t key;
};

static void
check_place(struct heap4 *h, struct item *item)
{
    assert_true(heap4_has(&item->node));
    assert_int_equal(heap4_key(h, &item->node), item->key);
}

static void
add(struct heap4 *h, struct item *item, uint64_t key)
{
    item->key = key;
    assert_int_equal(heap4_insert(h, &item->node, key), 0);
    check_place(h, item);
}

static struct item *
pop(struct heap4 *h)
{
    struct item *item = container_of(heap4_first(h), struct item, node);

    assert_int_equal(heap4_first_key(h), item->key);
    heap4_remove(h, &item->node);
    assert_false(heap4_has(&item->node));
    return item;
}

static void
test_heap4_empty_has_no_first(void **state)
{
    struct heap4 h = {0};

    assert_null(heap4_first(&h));
    assert_true(heap4_first_key(&h) == UINT64_MAX);
    heap4_fini(&h);
    heap4_fini(&h);
}

static void
test_heap4_comes_out_in_order(void **state)
{
    static struct item items[NODES];
    struct dice dice = DICE;
    struct heap4 h = {0};
    uint64_t before = 0;

    memset(items, 0, sizeof(items));
    for (int i = 0; i < NODES; i++)
        add(&h, &items[i], dice_below(&dice, 200)); /* with equal keys */
    for (int i = 0; i < NODES; i++) {
        struct item *item = pop(&h);

        assert_true(item->key >= before);
        before = item->key;
    }
    assert_null(heap4_first(&h));
    heap4_fini(&h);
}

static void
test_heap4_cancel_middle_keeps_order(void **state)
{
    static struct item items[NODES];
    struct heap4 h = {0};

    memset(items, 0, sizeof(items));
    for (unsigned i = 0; i < NODES; i++)
        add(&h, &items[i], i * 7919 % NODES); /* a permutation */
    for (unsigned i = 0; i < NODES; i++)
        if (items[i].key % 3 == 1)
            heap4_remove(&h, &items[i].node);
    for (uint64_t key = 0; key < NODES; key++)
        if (key % 3 != 1)
            assert_int_equal(pop(&h)->key, key);
    assert_int_equal(h.count, 0);
    heap4_fini(&h);
}

/* The removed node's successor may have to rise: it comes from another branch. */
static void
test_heap4_removal_lets_the_last_rise(void **state)
{
    static const uint64_t keys[] = {0, 100, 1, 1, 1, 101, 102, 103, 104, 2, 3};
    struct item items[ARRAY_LEN(keys)] = {0};
    struct heap4 h = {0};
    uint64_t before = 0;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        add(&h, &items[i], keys[i]);
    heap4_remove(&h, &items[5].node);
    assert_int_equal(heap4_key(&h, &items[10].node), 3);
    while (heap4_first(&h)) {
        uint64_t key = pop(&h)->key;

        assert_true(key >= before);
        before = key;
    }
    heap4_fini(&h);
}

static void
random_step(struct heap4 *h, struct item *item, struct dice *dice)
{
    uint64_t key = dice_below(dice, 1000);

    if (!heap4_has(&item->node)) {
        add(h, item, key);
    } else if (dice_below(dice, 3)) {
        item->key = key;
        heap4_move(h, &item->node, key);
        check_place(h, item);
    } else {
        heap4_remove(h, &item->node);
    }
}

static void
test_heap4_against_a_model(void **state)
{
    static struct item items[NODES];
    struct dice dice = DICE;
    struct heap4 h = {0};

    memset(items, 0, sizeof(items));
    for (int step = 0; step < 20000; step++) {
        uint64_t least = UINT64_MAX;
        uint32_t count = 0;

        random_step(&h, &items[dice_below(&dice, NODES)], &dice);
        if (step % 50)
            continue;
        for (int i = 0; i < NODES; i++)
            if (heap4_has(&items[i].node)) {
                check_place(&h, &items[i]);
                least = MIN(least, items[i].key);
                count++;
            }
        assert_true(heap4_first_key(&h) == least);
        assert_int_equal(h.count, count);
    }
    heap4_fini(&h);
}

static void
test_heap4_siblings_share_a_cache_line(void **state)
{
    static struct item items[NODES];
    struct heap4 h = {0};

    memset(items, 0, sizeof(items));
    for (unsigned i = 0; i < NODES; i++) {
        add(&h, &items[i], i);
        assert_int_equal((uintptr_t)&h.entries[1] % 64, 0);
    }
    heap4_fini(&h);
}

/* Places that are not in use hold the greatest key too. */
static void
test_heap4_takes_the_greatest_key(void **state)
{
    struct item items[23];
    struct heap4 h = {0};

    memset(items, 0, sizeof(items));
    for (unsigned i = 0; i < ARRAY_LEN(items); i++)
        add(&h, &items[i], i % 3 ? UINT64_MAX : i);
    for (unsigned left = ARRAY_LEN(items); left > 0; left--) {
        struct heap4_node *first = heap4_first(&h);

        assert_true(heap4_has(first));
        assert_true(heap4_first_key(&h) == heap4_key(&h, first));
        heap4_remove(&h, first);
        assert_int_equal(h.count, left - 1);
    }
    for (unsigned i = 0; i < ARRAY_LEN(items); i++)
        assert_false(heap4_has(&items[i].node));
    heap4_fini(&h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap4_empty_has_no_first),
        cmocka_unit_test(test_heap4_comes_out_in_order),
        cmocka_unit_test(test_heap4_cancel_middle_keeps_order),
        cmocka_unit_test(test_heap4_removal_lets_the_last_rise),
        cmocka_unit_test(test_heap4_against_a_model),
        cmocka_unit_test(test_heap4_takes_the_greatest_key),
        cmocka_unit_test(test_heap4_siblings_share_a_cache_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
