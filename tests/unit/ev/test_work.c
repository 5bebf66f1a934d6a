#include "unit/unit.h"

#include <assert.h>
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "ev/work.h"

#define QUEUE 4

struct job {
    struct work work;
    sem_t *begun, *go; /* it waits between them; NULL: it does not */
    atomic_uint *turn;
    unsigned ran; /* which it was, from 1; 0: it did not run */
    unsigned done;
    int result;
    bool own_thread;
};

static int
job_run(struct work *w)
{
    struct job *job = container_of(w, struct job, work);

    job->own_thread = poller_current == NULL;
    job->ran = atomic_fetch_add(job->turn, 1) + 1;
    if (job->begun) {
        sem_post(job->begun);
        sem_wait(job->go);
    }
    return (int)job->ran;
}

static void
job_done(struct work *w, int result)
{
    struct job *job = container_of(w, struct job, work);

    job->done++;
    job->result = result;
}

struct fixture {
    struct poller *poller;
    struct work_pool *pool;
    atomic_uint turn;
    sem_t begun, go;
    struct job jobs[QUEUE + 2];
};

static void
fixture_init(struct fixture *f, unsigned threads)
{
    struct poller_config poller = {.events_max = 16, .messages_max = 64, .mailbox_max = 16};
    struct work_pool_config pool = {{threads, 1}, QUEUE, 65536};
    struct err err = {0};

    assert_int_equal(poller_new(&poller, &f->poller, &err), 0);
    assert_int_equal(work_pool_new(&pool, &f->pool, &err), 0);
    sem_init(&f->begun, 0, 0);
    sem_init(&f->go, 0, 0);
    for (size_t i = 0; i < ARRAY_LEN(f->jobs); i++) {
        f->jobs[i].work.run = job_run;
        f->jobs[i].work.done = job_done;
        f->jobs[i].work.poller = f->poller;
        f->jobs[i].turn = &f->turn;
    }
    f->jobs[0].begun = &f->begun;
    f->jobs[0].go = &f->go;
    poller_current = f->poller;
}

static void
fixture_fini(struct fixture *f)
{
    work_pool_stop(f->pool);
    work_pool_free(f->pool);
    poller_free(f->poller);
    sem_destroy(&f->begun);
    sem_destroy(&f->go);
}

/* The one thread is busy with the first job. */
static void
fixture_occupy(struct fixture *f)
{
    assert_int_equal(work_submit(f->pool, &f->jobs[0].work), 0);
    sem_wait(&f->begun);
}

static void
test_work_runs_in_turn_and_comes_home(void **state)
{
    struct fixture f = {0};

    (void)state;
    fixture_init(&f, 1);
    fixture_occupy(&f);
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(work_submit(f.pool, &f.jobs[i].work), 0);
    sem_post(&f.go);
    while (!f.jobs[3].done)
        assert_int_equal(poller_round(f.poller, -1), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(f.jobs[i].ran, i + 1);
        assert_int_equal(f.jobs[i].done, 1);
        assert_int_equal(f.jobs[i].result, i + 1);
        assert_true(f.jobs[i].own_thread);
    }
    fixture_fini(&f);
}

static void
test_work_queue_at_its_limit_and_one_past_it(void **state)
{
    struct fixture f = {0};

    (void)state;
    fixture_init(&f, 1);
    fixture_occupy(&f);
    for (unsigned i = 1; i <= QUEUE; i++)
        assert_int_equal(work_submit(f.pool, &f.jobs[i].work), 0);
    assert_int_equal(work_submit(f.pool, &f.jobs[QUEUE + 1].work), -EAGAIN);
    sem_post(&f.go);
    while (!f.jobs[QUEUE].done)
        assert_int_equal(poller_round(f.poller, -1), 0);
    assert_int_equal(work_submit(f.pool, &f.jobs[QUEUE + 1].work), 0);
    while (!f.jobs[QUEUE + 1].done)
        assert_int_equal(poller_round(f.poller, -1), 0);
    fixture_fini(&f);
}

static void
test_work_that_waits_is_cancelled_when_the_pool_stops(void **state)
{
    struct fixture f = {0};

    (void)state;
    fixture_init(&f, 1);
    fixture_occupy(&f);
    for (unsigned i = 1; i <= QUEUE; i++)
        assert_int_equal(work_submit(f.pool, &f.jobs[i].work), 0);
    sem_post(&f.go);
    work_pool_stop(f.pool);
    assert_int_equal(work_submit(f.pool, &f.jobs[QUEUE + 1].work), -ECANCELED);
    poller_drain(f.poller);
    assert_int_equal(f.jobs[0].result, 1);
    for (unsigned i = 0; i <= QUEUE; i++) {
        assert_int_equal(f.jobs[i].done, 1);
        assert_int_equal(f.jobs[i].result, f.jobs[i].ran ? (int)f.jobs[i].ran : -ECANCELED);
    }
    assert_int_equal(f.jobs[QUEUE + 1].done, 0);
    fixture_fini(&f);
}

/* All threads of the first kind are busy. */
static void
test_work_of_another_kind_does_not_wait(void **state)
{
    struct fixture f = {0};

    (void)state;
    fixture_init(&f, 1);
    fixture_occupy(&f);
    f.jobs[1].work.kind = WORK_COMPUTE;
    assert_int_equal(work_submit(f.pool, &f.jobs[1].work), 0);
    while (!f.jobs[1].done)
        assert_int_equal(poller_round(f.poller, -1), 0);
    assert_int_equal(f.jobs[0].done, 0);
    sem_post(&f.go);
    fixture_fini(&f);
}

static void
test_work_of_one_share_leaves_a_thread_and_the_queue_to_others(void **state)
{
    struct fixture f = {0};

    (void)state;
    fixture_init(&f, 4);
    for (unsigned i = 0; i < QUEUE + 1; i++) {
        f.jobs[i].begun = &f.begun;
        f.jobs[i].go = &f.go;
        assert_int_equal(work_submit(f.pool, &f.jobs[i].work), 0);
        if (i < 3)
            sem_wait(&f.begun);
    }
    f.jobs[QUEUE + 1].work.share = 1;
    assert_int_equal(work_submit(f.pool, &f.jobs[QUEUE + 1].work), 0);
    while (!f.jobs[QUEUE + 1].done)
        assert_int_equal(poller_round(f.poller, -1), 0);
    assert_int_equal(f.jobs[3].ran, 0);
    for (unsigned i = 0; i < QUEUE + 1; i++)
        sem_post(&f.go);
    while (!f.jobs[QUEUE].done)
        assert_int_equal(poller_round(f.poller, -1), 0);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_work_runs_in_turn_and_comes_home),
        cmocka_unit_test(test_work_queue_at_its_limit_and_one_past_it),
        cmocka_unit_test(test_work_that_waits_is_cancelled_when_the_pool_stops),
        cmocka_unit_test(test_work_of_another_kind_does_not_wait),
        cmocka_unit_test(test_work_of_one_share_leaves_a_thread_and_the_queue_to_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
