#include "unit/unit.h"

#include "ev/timer_table.h"

#define CONNS 8
#define COOKIES 400

static struct timer_table table;
static struct conn_timer all[CONNS][COOKIES];
static bool in_it[CONNS][COOKIES];

/* Only its address counts. */
static struct conn *
conn_of(unsigned i)
{
    static char memory[CONNS][16];

    return (struct conn *)(void *)memory[i];
}

static void
add(struct conn_timer *t, unsigned conn, uint64_t cookie)
{
    t->conn = conn_of(conn);
    t->cookie = cookie;
    assert_int_equal(timer_table_add(&table, t), 0);
}

static void
test_timer_table_empty_has_nothing(void **state)
{
    assert_null(timer_table_find(&table, conn_of(0), 0));
    timer_table_fini(&table);
}

static void
test_timer_table_tells_connections_and_cookies_apart(void **state)
{
    static struct conn_timer t[4];

    add(&t[0], 0, 0);
    add(&t[1], 0, UINT64_MAX - 1);
    add(&t[2], 1, 0);
    assert_ptr_equal(timer_table_find(&table, conn_of(0), 0), &t[0]);
    assert_ptr_equal(timer_table_find(&table, conn_of(0), UINT64_MAX - 1), &t[1]);
    assert_ptr_equal(timer_table_find(&table, conn_of(1), 0), &t[2]);
    assert_null(timer_table_find(&table, conn_of(1), UINT64_MAX - 1));
    for (int i = 0; i < 3; i++)
        timer_table_remove(&table, &t[i]);
    assert_null(timer_table_find(&table, conn_of(0), 0));
    timer_table_fini(&table);
}

static void
test_timer_table_random_against_a_model(void **state)
{
    struct dice dice = DICE;

    for (unsigned step = 0; step < 100000; step++) {
        /* Up to all of them, and down to few, several times. */
        unsigned conn = dice_below(&dice, CONNS), cookie = dice_below(&dice, COOKIES);
        bool fill = step / 20000 % 2 == 0;
        struct conn_timer *t = &all[conn][cookie];

        assert_ptr_equal(timer_table_find(&table, conn_of(conn), cookie),
                         in_it[conn][cookie] ? t : NULL);
        if (in_it[conn][cookie] && !(fill && dice_below(&dice, 8))) {
            timer_table_remove(&table, t);
            in_it[conn][cookie] = false;
        } else if (!in_it[conn][cookie] && (fill || dice_below(&dice, 8) == 0)) {
            add(t, conn, cookie);
            in_it[conn][cookie] = true;
        }
    }
    assert_true(table.count >= CONNS * COOKIES);
    for (unsigned conn = 0; conn < CONNS; conn++)
        for (unsigned cookie = 0; cookie < COOKIES; cookie++)
            if (in_it[conn][cookie])
                timer_table_remove(&table, &all[conn][cookie]);
    assert_int_equal(table.timers, 0);
    timer_table_fini(&table);
}

/* The longest bucket, whatever cookies a plugin chooses: numbers, addresses, high bits. */
static size_t
longest_bucket(unsigned shift)
{
    static struct conn_timer many[100000];
    size_t longest = 0;

    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        add(&many[i], 0, (uint64_t)i << shift);
    assert_in_range(table.count, 2 * ARRAY_LEN(many), 2 * ARRAY_LEN(many) + 1);
    for (size_t i = 0; i < table.count; i++) {
        size_t len = 0;

        for (struct conn_timer *t = table.buckets[i]; t; t = t->bucket_next)
            len++;
        longest = MAX(longest, len);
    }
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        timer_table_remove(&table, &many[i]);
    timer_table_fini(&table);
    return longest;
}

static void
test_timer_table_many_on_one_connection_are_spread(void **state)
{
    for (unsigned shift = 0; shift <= 40; shift += 4)
        assert_in_range(longest_bucket(shift), 1, 16);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timer_table_empty_has_nothing),
        cmocka_unit_test(test_timer_table_tells_connections_and_cookies_apart),
        cmocka_unit_test(test_timer_table_random_against_a_model),
        cmocka_unit_test(test_timer_table_many_on_one_connection_are_spread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
