#include "unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "net/tally.h"

#define THREADS 4
#define ROUNDS 20000

static struct sockaddr_storage
address(const char *text)
{
    struct sockaddr_storage s = {.ss_family = AF_UNIX};

    if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&s)->sin_addr) == 1)
        s.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&s)->sin6_addr) == 1)
        s.ss_family = AF_INET6;
    return s;
}

static int
add(struct tally *t, const char *text, unsigned max)
{
    struct sockaddr_storage s = address(text);

    return tally_add(t, (struct sockaddr *)&s, max);
}

static void
drop(struct tally *t, const char *text)
{
    struct sockaddr_storage s = address(text);

    tally_drop(t, (struct sockaddr *)&s);
}

static struct tally *
begin(void)
{
    struct tally *t = NULL;

    assert_int_equal(tally_new(&t), 0);
    return t;
}

static void
test_tally_at_the_limit_and_one_past_it(void **state)
{
    struct tally *t = begin();

    for (int i = 0; i < 3; i++)
        assert_int_equal(add(t, "192.0.2.1", 3), 0);
    assert_int_equal(add(t, "192.0.2.1", 3), -EAGAIN);
    assert_int_equal(add(t, "192.0.2.2", 3), 0);
    drop(t, "192.0.2.1");
    assert_int_equal(add(t, "192.0.2.1", 3), 0);
    assert_int_equal(add(t, "192.0.2.1", 3), -EAGAIN);
    tally_free(t);
}

static void
test_tally_knows_who_is_the_same(void **state)
{
    static const struct {
        const char *one, *other;
        bool same;
    } rows[] = {
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"2001:db8::1", "2001:db8::2", true},
        {"2001:db8::1", "2001:db8:0:1::1", false},
        {"192.0.2.1", "192.0.2.2", false},
        {"0.0.0.0", "::", false},
        {"0.0.0.0", "unix", false},
        {"unix", "unix", true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tally *t = begin();

        assert_int_equal(add(t, rows[i].one, 1), 0);
        assert_int_equal(add(t, rows[i].other, 1), rows[i].same ? -EAGAIN : 0);
        drop(t, rows[i].one);
        assert_int_equal(add(t, rows[i].one, 1), 0);
        tally_free(t);
    }
}

/* More than there are lists. */
static void
test_tally_of_many_addresses(void **state)
{
    struct tally *t = begin();
    struct sockaddr_in in = {.sin_family = AF_INET};

    for (uint32_t i = 0; i < 50000; i++) {
        in.sin_addr.s_addr = htonl(i);
        assert_int_equal(tally_add(t, (struct sockaddr *)&in, 1), 0);
    }
    for (uint32_t i = 0; i < 50000; i += 2) {
        in.sin_addr.s_addr = htonl(i);
        tally_drop(t, (struct sockaddr *)&in);
    }
    for (uint32_t i = 0; i < 50000; i++) {
        in.sin_addr.s_addr = htonl(i);
        assert_int_equal(tally_add(t, (struct sockaddr *)&in, 1), i % 2 ? -EAGAIN : 0);
    }
    tally_free(t);
}

static void *
come_and_go(void *arg)
{
    for (int i = 0; i < ROUNDS; i++)
        if (add(arg, "192.0.2.1", THREADS - 1) == 0)
            drop(arg, "192.0.2.1");
    return NULL;
}

static void
test_tally_counts_for_all_threads(void **state)
{
    struct tally *t = begin();
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, t), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(add(t, "192.0.2.1", 1), 0);
    assert_int_equal(add(t, "192.0.2.1", 1), -EAGAIN);
    tally_free(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tally_at_the_limit_and_one_past_it),
        cmocka_unit_test(test_tally_knows_who_is_the_same),
        cmocka_unit_test(test_tally_of_many_addresses),
        cmocka_unit_test(test_tally_counts_for_all_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
