#include "unit/unit.h"

#include <string.h>

#include "ev/buffers.h"

static struct buffers b;

static int
setup(void **state)
{
    b = (struct buffers){.cap = 1 << 20};
    return 0;
}

static int
teardown(void **state)
{
    buffers_fini(&b);
    return b.kept == 0 ? 0 : -1;
}

static void *
take(size_t bytes)
{
    char *block = buffer_take(&b, bytes);

    assert_non_null(block);
    assert_int_equal((uintptr_t)block % 16, 0);
    memset(block, 0x5a, buffer_size(bytes)); /* a sanitizer sees whether all of it is there */
    return block;
}

static void
take_and_give(size_t bytes)
{
    buffer_give(&b, take(bytes), bytes);
}

static void
test_buffer_sizes_are_powers_of_two_up_to_the_largest(void **state)
{
    assert_int_equal(buffer_size(0), 64);
    for (size_t size = 64; size <= BUFFER_BYTES_MAX; size *= 2) {
        assert_int_equal(buffer_size(size - 1), size);
        assert_int_equal(buffer_size(size), size);
        take_and_give(size);
        assert_int_equal(buffer_size(size + 1), size < BUFFER_BYTES_MAX ? size * 2 : size + 1);
    }
    assert_int_equal(b.kept, 2 * BUFFER_BYTES_MAX - 64);
}

static void
test_buffer_given_back_is_the_next_of_its_size(void **state)
{
    void *small = take(100), *large = take(5000);

    assert_int_equal(b.allocated, 2);
    buffer_give(&b, small, 100);
    buffer_give(&b, large, buffer_size(5000)); /* either size will do */
    assert_int_equal(b.kept, 128 + 8192);
    assert_ptr_equal(take(8192), large);
    assert_ptr_equal(take(65), small);
    assert_int_equal(b.kept, 0);
    assert_int_equal(b.reused, 2);
    assert_int_equal(b.allocated, 2);
    buffer_give(&b, small, 65);
    buffer_give(&b, large, 8192);
    buffer_give(&b, NULL, 64);
    assert_int_equal(b.kept, 128 + 8192);
}

static void
test_buffers_at_the_cap_and_one_past_it(void **state)
{
    void *blocks[4];

    b.cap = 3 * 64;
    for (int i = 0; i < 4; i++)
        blocks[i] = take(64);
    for (int i = 0; i < 3; i++)
        buffer_give(&b, blocks[i], 64);
    assert_int_equal(b.kept, 3 * 64);
    buffer_give(&b, blocks[3], 64);
    assert_int_equal(b.kept, 3 * 64);
    take_and_give(128); /* two must go */
    assert_int_equal(b.kept, 64 + 128);
    take_and_give(256); /* larger than the cap: nothing goes for it */
    assert_int_equal(b.kept, 64 + 128);
}

static void
test_buffers_of_the_largest_size_are_kept_and_larger_ones_never(void **state)
{
    b.cap = BUFFER_BYTES_MAX;
    take_and_give(BUFFER_BYTES_MAX + 1);
    assert_int_equal(b.kept, 0);
    take_and_give(BUFFER_BYTES_MAX);
    assert_int_equal(b.kept, BUFFER_BYTES_MAX);
    b.cap = BUFFER_BYTES_MAX - 1;
    buffers_fini(&b);
    take_and_give(BUFFER_BYTES_MAX);
    assert_int_equal(b.kept, 0);
}

static void
test_buffers_without_a_cap_keep_nothing(void **state)
{
    b.cap = 0;
    take_and_give(64);
    take_and_give(64);
    assert_int_equal(b.kept, 0);
    assert_int_equal(b.allocated, 2);
    assert_int_equal(b.reused, 0);
}

/* A burst of one size has filled the lists; the load that follows wants another. */
static void
burst_then_another(size_t burst_bytes, size_t bytes)
{
    static void *blocks[1 << 14];
    size_t count = b.cap / burst_bytes;
    uint64_t allocated;

    for (size_t i = 0; i < count; i++)
        blocks[i] = take(burst_bytes);
    for (size_t i = 0; i < count; i++)
        buffer_give(&b, blocks[i], burst_bytes);
    assert_int_equal(b.kept, b.cap);
    take_and_give(bytes);
    allocated = b.allocated;
    for (int i = 0; i < 100; i++)
        take_and_give(bytes);
    assert_int_equal(b.allocated, allocated);
    assert_true(b.kept <= b.cap);
    assert_true(b.kept >= b.cap - BUFFER_BYTES_MAX); /* no more went than had to */
}

static void
test_buffers_of_a_past_burst_make_room(void **state)
{
    burst_then_another(BUFFER_BYTES_MAX, 64);
    buffers_fini(&b);
    burst_then_another(64, BUFFER_BYTES_MAX);
}

/* Messages of other pollers are given here and never asked for. */
static void
test_buffers_nobody_asks_for_push_none_out(void **state)
{
    b.cap = 1024;
    take_and_give(512);
    for (int i = 0; i < 100; i++)
        buffer_give(&b, malloc(128), 128);
    assert_int_equal(b.kept, 1024);
    assert_int_equal(b.allocated, 1);
    take_and_give(512);
    assert_int_equal(b.allocated, 1);
    take_and_give(1024); /* everything goes before it is refused */
    assert_int_equal(b.kept, 1024);
}

static void
test_buffers_random_never_overlap_nor_pass_the_cap(void **state)
{
    static struct {
        unsigned char *block;
        size_t bytes;
    } all[300];
    struct dice dice = DICE;

    memset(all, 0, sizeof(all));
    b.cap = 100000;
    for (unsigned step = 0; step < 100000; step++) {
        unsigned i = dice_below(&dice, ARRAY_LEN(all));

        if (!all[i].block) {
            all[i].bytes = 1 + dice_below(&dice, 1u << dice_below(&dice, 18));
            all[i].block = take(all[i].bytes);
            memset(all[i].block, (int)(i & 0xff), all[i].bytes);
            continue;
        }
        assert_int_equal(all[i].block[0], i & 0xff);
        assert_int_equal(all[i].block[all[i].bytes - 1], i & 0xff);
        buffer_give(&b, all[i].block, all[i].bytes);
        all[i].block = NULL;
        assert_true(b.kept <= b.cap);
    }
    for (unsigned i = 0; i < ARRAY_LEN(all); i++)
        buffer_give(&b, all[i].block, all[i].bytes);
    assert_true(b.reused > 1000);
}

#define BUFFER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BUFFER_TEST(test_buffer_sizes_are_powers_of_two_up_to_the_largest),
        BUFFER_TEST(test_buffer_given_back_is_the_next_of_its_size),
        BUFFER_TEST(test_buffers_at_the_cap_and_one_past_it),
        BUFFER_TEST(test_buffers_of_the_largest_size_are_kept_and_larger_ones_never),
        BUFFER_TEST(test_buffers_without_a_cap_keep_nothing),
        BUFFER_TEST(test_buffers_of_a_past_burst_make_room),
        BUFFER_TEST(test_buffers_nobody_asks_for_push_none_out),
        BUFFER_TEST(test_buffers_random_never_overlap_nor_pass_the_cap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
