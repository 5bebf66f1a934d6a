#include "unit/unit.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "net/bytes/outq.h"

static struct buffers buffers; /* that keep nothing */
static unsigned released;
static metric total;

static void
count_release(void *arg, int result)
{
    released++;
}

/* Queued bytes are taken in random parts, and come out unchanged. */
static void
test_outq_against_a_model(void **state)
{
    static char in[200000], out[200000];
    struct dice dice = DICE;
    struct outq *q = outq_new(&buffers, &total);
    size_t put = 0, got = 0;
    unsigned shared = 0;

    released = 0;
    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (char)dice_roll(&dice);
    while (got < sizeof(in)) {
        size_t len = MIN(dice_below(&dice, 3000), sizeof(in) - put);
        struct iovec iov[3];
        bool file;
        int n;

        switch (put < sizeof(in) ? dice_below(&dice, 6) : 3 + dice_below(&dice, 3)) {
        case 0:
            assert_int_equal(outq_push_copy(q, in + put, len), 0);
            put += len;
            break;
        case 1:
            assert_int_equal(outq_push_shared(q, in + put, len, count_release, NULL), 0);
            put += len;
            shared++;
            break;
        case 2:
            memcpy(outq_reserve(q, len + 7), in + put, len);
            outq_commit(q, len);
            put += len;
            break;
        default:
            n = outq_peek(q, iov, 3, &file);
            len = 0;
            for (int i = 0; i < n; i++) {
                size_t take =
                    i == n - 1 ? dice_below(&dice, (unsigned)iov[i].iov_len + 1) : iov[i].iov_len;

                memcpy(out + got + len, iov[i].iov_base, take);
                len += take;
            }
            outq_took(q, len);
            got += len;
        }
        assert_int_equal(q->bytes, put - got);
        assert_int_equal(metric_get(&total), q->bytes);
    }
    outq_took(q, 0);
    assert_true(outq_empty(q));
    assert_memory_equal(in, out, sizeof(in));
    assert_int_equal(released, shared);
    outq_free(q, 0);
}

static void
test_outq_small_copies_share_a_segment(void **state)
{
    struct outq *q = outq_new(&buffers, &total);

    for (int i = 0; i < 100; i++)
        assert_int_equal(outq_push_copy(q, "0123456789", 10), 0);
    assert_ptr_equal(q->first, q->last);
    assert_int_equal(metric_get(&total), 1000);
    outq_free(q, 0);
    assert_int_equal(metric_get(&total), 0);
}

static void
test_outq_large_copies_are_cut_so_that_their_memory_can_be_kept(void **state)
{
    static char in[200001], out[sizeof(in)];
    struct buffers kept = {.cap = 1 << 20};
    struct outq *q = outq_new(&kept, &total);
    struct iovec iov[8];
    size_t got = 0;
    bool file;
    int n;

    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (char)(i * 7 + i / 251);
    assert_int_equal(outq_push_copy(q, in, 10), 0);
    assert_int_equal(outq_push_copy(q, in + 10, sizeof(in) - 10), 0);
    n = outq_peek(q, iov, 8, &file);
    assert_int_equal(n, 4);
    assert_int_equal(iov[0].iov_len, 4096 - sizeof(struct segment)); /* no room is wasted */
    for (int i = 0; i < n; got += iov[i++].iov_len)
        memcpy(out + got, iov[i].iov_base, iov[i].iov_len);
    assert_int_equal(got, sizeof(in));
    assert_memory_equal(in, out, sizeof(in));
    outq_free(q, 0);
    assert_int_equal(kept.kept, buffer_size(sizeof(*q)) + 4096 + 3 * 65536);
    buffers_fini(&kept);
}

static void
test_outq_peek_stops_at_a_file(void **state)
{
    struct outq *q = outq_new(&buffers, &total);
    struct iovec iov[8];
    bool file;

    outq_push_copy(q, "a", 1);
    outq_push_shared(q, "b", 1, NULL, NULL);
    outq_push_file(q, 0, 10, 5, count_release, NULL);
    outq_push_copy(q, "c", 1);
    assert_int_equal(q->bytes, 3); /* files do not count */
    assert_int_equal(outq_peek(q, iov, 8, &file), 2);
    assert_true(file);
    assert_int_equal(outq_peek(q, iov, 1, &file), 1);
    assert_false(file); /* something else comes before it */
    outq_took(q, 2);
    assert_int_equal(outq_peek(q, iov, 8, &file), 0);
    assert_true(file);
    released = 0;
    outq_took(q, 4);
    assert_int_equal(q->first->offset, 14);
    assert_int_equal(q->first->len, 1);
    assert_int_equal(released, 0);
    outq_took(q, 1);
    assert_int_equal(released, 1);
    assert_int_equal(outq_peek(q, iov, 8, &file), 1);
    assert_false(file);
    outq_free(q, 0);
    outq_free(NULL, 0);
}

/* What is sealed leaves first, in its own order, while what is behind it stays whole. */
static void
test_outq_sealed_bytes_go_before_all_others(void **state)
{
    struct outq *q = outq_new(&buffers, &total);
    struct segment *spare = outq_spare(&buffers, 100);
    char got[64] = "";
    struct iovec iov[8];
    bool file;
    int n;

    assert_int_equal(outq_push_sealed(q, "ab", 2), 0);
    assert_int_equal(outq_push_file(q, 3, 10, 9, count_release, NULL), 0);
    assert_int_equal(outq_push_sealed(q, "cd", 2), 0);
    assert_int_equal(outq_push_copy(q, "ij", 2), 0);
    assert_int_equal(q->sealed, 4);
    memcpy(spare->copy, "efgh", 4);
    outq_push_spare(q, spare, 4);
    outq_took(q, 1);
    assert_int_equal(q->sealed, 3);
    n = outq_peek(q, iov, 8, &file);
    assert_true(file);
    for (int i = 0; i < n; i++)
        strncat(got, iov[i].iov_base, iov[i].iov_len);
    assert_string_equal(got, "bcdefgh");
    outq_took(q, 7);
    assert_int_equal(q->sealed, 0);
    released = 0;
    assert_int_equal(outq_push_sealed(q, "k", 1), 0);
    outq_drop(q, -EIO);
    assert_int_equal(released, 1);
    assert_int_equal(q->bytes, 3);
    outq_took(q, 3);
    assert_true(outq_empty(q));
    assert_int_equal(outq_push_sealed(q, "lm", 2), 0);
    assert_int_equal(outq_push_copy(q, "no", 2), 0);
    assert_int_equal(q->first->len, 2);
    outq_free(q, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outq_against_a_model),
        cmocka_unit_test(test_outq_small_copies_share_a_segment),
        cmocka_unit_test(test_outq_large_copies_are_cut_so_that_their_memory_can_be_kept),
        cmocka_unit_test(test_outq_peek_stops_at_a_file),
        cmocka_unit_test(test_outq_sealed_bytes_go_before_all_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
