#include "unit/unit.h"

#include <string.h>

#include "ev/slab.h"

#define OBJECTS 3000

static void *objects[OBJECTS];

static void *
take(struct slab *s, unsigned mark)
{
    void *object = slab_alloc(s);

    assert_non_null(object);
    assert_int_equal((uintptr_t)object % 16, 0);
    memset(object, (int)(mark & 0xff), s->object_bytes);
    return object;
}

static void
check_mark(struct slab *s, const void *object, unsigned mark)
{
    const unsigned char *bytes = object;

    assert_int_equal(bytes[0], mark & 0xff);
    assert_int_equal(bytes[s->object_bytes - 1], mark & 0xff);
    assert_int_equal(bytes[s->object_bytes / 2], mark & 0xff);
}

/* Objects do not overlap, whatever their size. */
static void
fill_and_drain(size_t bytes, unsigned count)
{
    struct slab s;

    slab_init(&s, bytes);
    assert_true(s.object_bytes >= MAX(bytes, 1));
    for (unsigned i = 0; i < count; i++)
        objects[i] = take(&s, i);
    assert_int_equal(s.objects, count);
    assert_true(slab_bytes(&s) >= count * s.object_bytes);
    assert_true(slab_bytes(&s) <= count * s.object_bytes * 5 / 4 + SLAB_CHUNK_BYTES);
    for (unsigned i = 0; i < count; i++)
        check_mark(&s, objects[i], i);
    for (unsigned i = 0; i < count; i++)
        slab_free(&s, objects[i]);
    assert_int_equal(s.objects, 0);
    assert_true(s.chunks <= 1);
    slab_fini(&s);
    assert_int_equal(s.chunks, 0);
    assert_int_equal(slab_bytes(&s), 0);
}

static void
test_slab_objects_of_every_size_are_apart(void **state)
{
    static const size_t sizes[] = {0, 1, 16, 17, 144, 1000, SLAB_OBJECT_MAX, SLAB_OBJECT_MAX + 1};

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        fill_and_drain(sizes[i], sizes[i] > 1000 ? 20 : 2000);
}

static void
test_slab_returns_empty_chunks(void **state)
{
    struct slab s;
    size_t most;

    slab_init(&s, 1000);
    for (unsigned i = 0; i < OBJECTS; i++)
        objects[i] = take(&s, i);
    most = s.chunks;
    assert_int_equal(most, (OBJECTS + 64) / 65);
    for (unsigned i = 0; i < OBJECTS / 2; i++)
        slab_free(&s, objects[i]);
    assert_in_range(s.chunks, most / 2, most / 2 + 2);
    for (unsigned i = OBJECTS / 2; i < OBJECTS; i++)
        check_mark(&s, objects[i], i);
    for (unsigned i = OBJECTS / 2; i < OBJECTS; i++)
        slab_free(&s, objects[i]);
    assert_int_equal(s.chunks, 1); /* one stays, */
    objects[0] = take(&s, 0);
    assert_int_equal(s.chunks, 1); /* ... and is used again */
    slab_free(&s, objects[0]);
    slab_fini(&s);
}

static void
test_slab_an_object_at_the_edge_keeps_its_chunk(void **state)
{
    struct slab s;
    unsigned full = 0;

    slab_init(&s, 1000);
    do
        objects[full++] = take(&s, 1);
    while (s.partial); /* exactly one full chunk */
    for (unsigned i = 0; i < 10; i++) {
        void *edge = take(&s, 2);

        assert_int_equal(s.chunks, 2);
        slab_free(&s, edge);
        assert_int_equal(s.chunks, 2); /* it is the only one with room */
    }
    while (full > 0)
        slab_free(&s, objects[--full]);
    assert_int_equal(s.chunks, 1);
    slab_fini(&s);
}

static void
test_slab_against_a_model(void **state)
{
    struct dice dice = DICE;
    struct slab s;

    memset(objects, 0, sizeof(objects));
    slab_init(&s, 160);
    for (unsigned step = 0; step < 60000; step++) {
        unsigned i = dice_below(&dice, OBJECTS);

        if (!objects[i]) {
            objects[i] = take(&s, i);
            continue;
        }
        check_mark(&s, objects[i], i);
        slab_free(&s, objects[i]);
        objects[i] = NULL;
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        if (objects[i])
            slab_free(&s, objects[i]);
    assert_int_equal(s.objects, 0);
    assert_int_equal(s.chunks, 1);
    slab_fini(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slab_objects_of_every_size_are_apart),
        cmocka_unit_test(test_slab_returns_empty_chunks),
        cmocka_unit_test(test_slab_an_object_at_the_edge_keeps_its_chunk),
        cmocka_unit_test(test_slab_against_a_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
