#include "unit/unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/thread.h"

#define BLOCKS 4096
#define BLOCK_BYTES ((size_t)8192)

#if !SANITIZED    /* a sanitizer has another malloc(3) */
static char *pin; /* the last block of the heap, which keeps all below it */

/* As on a poller: memory of many small blocks, of a heap that is not the main one. */
static void *
burst(void *arg)
{
    char **blocks = arg;

    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK_BYTES);
        memset(blocks[i], 1, BLOCK_BYTES);
    }
    pin = malloc(BLOCK_BYTES);
    for (unsigned i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return NULL;
}

static void
test_heap_gives_back_what_a_burst_has_left(void **state)
{
    static char *blocks[BLOCKS];
    struct heap h = {0};
    uint64_t now = clock_now_ns();
    size_t base, high;
    pthread_t thread;

    heap_begin(&h, now);
    base = heap_resident_bytes();
    assert_int_equal(pthread_create(&thread, NULL, burst, blocks), 0);
    pthread_join(thread, NULL);
    high = heap_resident_bytes();
    assert_true(high > base + BLOCKS * BLOCK_BYTES / 2);
    heap_trim(&h, now + HEAP_FIRST_NS - 1);
    assert_true(heap_resident_bytes() > base + BLOCKS * BLOCK_BYTES / 2);
    heap_trim(&h, now + HEAP_FIRST_NS);
    assert_true(heap_resident_bytes() < base + BLOCKS * BLOCK_BYTES / 4);
    assert_int_equal(h.due_ns, now + 2 * HEAP_FIRST_NS);
    free(pin);
}
#endif

static void
test_heap_is_looked_at_less_often_while_nothing_comes_back(void **state)
{
    struct heap h = {.due_ns = 1, .delay_ns = HEAP_FIRST_NS};
    char *used = malloc(BLOCKS * BLOCK_BYTES);

    memset(used, 1, BLOCKS * BLOCK_BYTES);
    heap_trim(&h, 1);
    heap_trim(&h, h.due_ns);
    heap_trim(&h, h.due_ns);
    heap_trim(&h, h.due_ns);
    assert_int_equal(h.delay_ns, HEAP_MAX_NS);
    assert_int_equal(used[BLOCK_BYTES], 1);
    free(used);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#if !SANITIZED
        cmocka_unit_test(test_heap_gives_back_what_a_burst_has_left),
#endif
        cmocka_unit_test(test_heap_is_looked_at_less_often_while_nothing_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
