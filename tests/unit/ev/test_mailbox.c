#include "unit/unit.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "ev/mailbox.h"

#define PRODUCERS 8
#define POSTS 125000 /* each */

struct note {
    struct message message;
    unsigned producer;
    unsigned number;
};

struct consumer {
    struct mailbox mailbox;
    unsigned next[PRODUCERS]; /* the number expected next of each */
    unsigned handled;
    bool disorder;
};

static void
note_handle(struct message *m, void *consumer)
{
    struct note *note = container_of(m, struct note, message);
    struct consumer *c = consumer;

    c->disorder |= c->next[note->producer] != note->number;
    c->next[note->producer] = note->number + 1;
    c->handled++;
    free(note);
}

static struct note *
note_new(unsigned producer, unsigned number)
{
    struct note *note = malloc(sizeof(*note));

    assert(note);
    *note = (struct note){.message.fn = note_handle, .producer = producer, .number = number};
    return note;
}

static bool
consumer_wait(struct consumer *c, int timeout_ms)
{
    struct pollfd p = {.fd = c->mailbox.fd, .events = POLLIN};

    return poll(&p, 1, timeout_ms) == 1;
}

static void
consumer_new(struct consumer *c, unsigned limit)
{
    memset(c, 0, sizeof(*c));
    assert_int_equal(mailbox_init(&c->mailbox, limit, NULL), 0);
}

/* ---- One thread ------------------------------------------------------------------------------ */

static void
test_mailbox_keeps_the_order(void **state)
{
    struct consumer c;

    consumer_new(&c, 1);
    assert_false(consumer_wait(&c, 0));
    for (unsigned i = 0; i < 10; i++)
        mailbox_post(&c.mailbox, &note_new(0, i)->message);
    assert_true(consumer_wait(&c, 0));
    mailbox_wake(&c.mailbox);
    assert_false(consumer_wait(&c, 0));
    assert_int_equal(mailbox_handle(&c.mailbox, &c, 4), 4);
    assert_true(mailbox_left(&c.mailbox));
    assert_int_equal(mailbox_handle(&c.mailbox, &c, 100), 6);
    assert_false(mailbox_left(&c.mailbox));
    assert_false(c.disorder);
    mailbox_fini(&c.mailbox, &c);
}

static void
test_mailbox_limit_and_one_past_it(void **state)
{
    struct consumer c;
    struct note *refused = note_new(0, 3);

    consumer_new(&c, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(mailbox_try_post(&c.mailbox, &note_new(0, i)->message), 0);
    assert_int_equal(mailbox_depth(&c.mailbox), 3);
    assert_int_equal(mailbox_try_post(&c.mailbox, &refused->message), -EAGAIN);
    assert_int_equal(mailbox_depth(&c.mailbox), 3);
    mailbox_post(&c.mailbox, &note_new(1, 0)->message); /* does not count, cannot fail */
    mailbox_wake(&c.mailbox);
    assert_int_equal(mailbox_handle(&c.mailbox, &c, 1), 1);
    assert_int_equal(mailbox_try_post(&c.mailbox, &refused->message), 0);
    mailbox_fini(&c.mailbox, &c); /* remaining messages are handled */
    assert_int_equal(c.handled, 5);
    assert_int_equal(mailbox_depth(&c.mailbox), 0);
    assert_false(c.disorder);
}

static void
test_mailbox_that_refuses_takes_only_what_does_not_count(void **state)
{
    struct consumer c;
    struct note *refused = note_new(0, 1);

    consumer_new(&c, 3);
    assert_int_equal(mailbox_try_post(&c.mailbox, &note_new(0, 0)->message), 0);
    for (int i = 0; i < 4; i++) { /* once or often */
        mailbox_refuse(&c.mailbox);
        assert_int_equal(mailbox_try_post(&c.mailbox, &refused->message), -ECANCELED);
        assert_int_equal(mailbox_depth(&c.mailbox), 1);
    }
    mailbox_post(&c.mailbox, &refused->message);
    mailbox_fini(&c.mailbox, &c);
    assert_int_equal(c.handled, 2);
    assert_int_equal(mailbox_depth(&c.mailbox), 0);
    assert_int_equal(mailbox_try_post(&c.mailbox, &refused->message), -ECANCELED);
}

/* A message posted while an earlier batch is still being handled keeps its wake-up. */
static void
test_mailbox_post_between_two_parts_of_a_batch_wakes(void **state)
{
    struct consumer c;
    unsigned number = 0;

    consumer_new(&c, 1);
    while (number < 4)
        mailbox_post(&c.mailbox, &note_new(0, number++)->message);
    mailbox_wake(&c.mailbox);
    assert_int_equal(mailbox_handle(&c.mailbox, &c, 2), 2);
    mailbox_post(&c.mailbox, &note_new(0, number++)->message);
    while (c.handled < number) {
        assert_true(mailbox_left(&c.mailbox) || consumer_wait(&c, 0));
        if (consumer_wait(&c, 0))
            mailbox_wake(&c.mailbox);
        mailbox_handle(&c.mailbox, &c, 2);
    }
    assert_false(c.disorder);
    mailbox_fini(&c.mailbox, &c);
}

/* ---- Many threads ---------------------------------------------------------------------------- */

struct producer {
    pthread_t thread;
    struct mailbox *mailbox;
    unsigned number;
    unsigned refused;
};

static void *
produce(void *arg)
{
    struct producer *p = arg;

    for (unsigned i = 0; i < POSTS; i++) {
        struct note *note = note_new(p->number, i);

        if (p->number % 2) { /* these count against the limit */
            while (mailbox_try_post(p->mailbox, &note->message) < 0) {
                p->refused++;
                sched_yield();
            }
        } else {
            mailbox_post(p->mailbox, &note->message);
        }
    }
    return NULL;
}

/* The consumer sleeps without a time-out of its own while nothing is left: a lost wake-up would let
 * it sleep on. */
static void
test_mailbox_eight_producers_lose_nothing(void **state)
{
    static struct consumer c;
    struct producer producers[PRODUCERS];

    consumer_new(&c, 1000);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.mailbox = &c.mailbox, .number = i};
        assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
    }
    while (c.handled < PRODUCERS * POSTS) {
        if (consumer_wait(&c, mailbox_left(&c.mailbox) ? 0 : 20000))
            mailbox_wake(&c.mailbox);
        else
            assert_true(mailbox_left(&c.mailbox)); /* else it slept for good */
        mailbox_handle(&c.mailbox, &c, 64);
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        assert_int_equal(pthread_join(producers[i].thread, NULL), 0);
        assert_int_equal(c.next[i], POSTS);
    }
    assert_false(c.disorder);
    assert_int_equal(mailbox_depth(&c.mailbox), 0);
    mailbox_fini(&c.mailbox, &c);
    assert_int_equal(c.handled, PRODUCERS * POSTS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mailbox_keeps_the_order),
        cmocka_unit_test(test_mailbox_limit_and_one_past_it),
        cmocka_unit_test(test_mailbox_that_refuses_takes_only_what_does_not_count),
        cmocka_unit_test(test_mailbox_post_between_two_parts_of_a_batch_wakes),
        cmocka_unit_test(test_mailbox_eight_producers_lose_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
