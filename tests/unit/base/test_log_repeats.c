#include "unit/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define LIMIT 5
#define INTERVAL_NS (3600 * NS_PER_S) /* it ends when a test sets it */

static int file, wake;
static char content[1 << 20];

static int
setup(void **state)
{
    char path[] = "/tmp/goevd-log-XXXXXX";

    file = mkostemp(path, O_APPEND | O_CLOEXEC);
    unlink(path);
    wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    log_set_wake_fd(wake);
    log_init("me", LOG_INFO);
    log_configure(&(struct log_config){
        .target = LOG_TO_FILE, .fd = file, .repeats_max = LIMIT, .repeats_ns = INTERVAL_NS});
    return file < 0 || wake < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
    log_init("me", LOG_NOTICE);
    log_set_wake_fd(-1);
    close(wake);
    return close(file);
}

/* How many lines have been written; they are in content. */
static unsigned
lines(void)
{
    ssize_t n = pread(file, content, sizeof(content) - 1, 0);
    unsigned count = 0;

    assert_true(n >= 0);
    content[n] = '\0';
    for (const char *s = content; (s = strchr(s, '\n')); s++)
        count++;
    return count;
}

static bool
woken(void)
{
    return poll(&(struct pollfd){.fd = wake, .events = POLLIN}, 1, 0) == 1;
}

static void
say(const struct log_about *about, int level, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        log_about(about, level, "knock %u", i);
}

static void
test_log_repeats_up_to_the_limit_are_written(void **state)
{
    say(NULL, LOG_NOTICE, LIMIT);
    assert_int_equal(lines(), LIMIT);
    assert_false(woken());
    assert_int_equal(log_held_due_ns(), 0);
}

static void
test_log_repeats_past_the_limit_are_counted_and_told(void **state)
{
    uint64_t held = log_held(), now = clock_now_ns(), due;

    say(NULL, LOG_ERR, LIMIT + 1);
    assert_int_equal(lines(), LIMIT);
    assert_true(woken());
    say(NULL, LOG_ERR, 2);
    assert_int_equal(log_held() - held, 3);
    due = log_held_due_ns();
    assert_true(due >= now + INTERVAL_NS && due <= clock_now_ns() + INTERVAL_NS);
    log_report_held(due - 1);
    assert_int_equal(lines(), LIMIT);
    log_report_held(due);
    assert_int_equal(lines(), LIMIT + 1);
    assert_non_null(strstr(content, " error me: held back: 3 more lines like: knock 1\n"));
    assert_int_equal(log_held_due_ns(), 0);
}

static void
test_log_repeats_begin_anew_after_the_interval(void **state)
{
    say(NULL, LOG_NOTICE, LIMIT + 1);
    log_report_held(log_held_due_ns());
    assert_non_null((lines(), strstr(content, "held back: 1 more line like: knock 5\n")));
    say(NULL, LOG_NOTICE, LIMIT + 1);
    assert_int_equal(lines(), LIMIT + 1 + LIMIT);
}

static void
test_log_repeats_tell_kinds_apart(void **state)
{
    static const struct log_about web = {.listener = "web"}, api = {.listener = "api"},
                                  plugin = {.plugin = "web"};

    say(NULL, LOG_NOTICE, LIMIT);
    say(NULL, LOG_WARNING, LIMIT);
    say(&web, LOG_NOTICE, LIMIT);
    say(&api, LOG_NOTICE, LIMIT);
    say(&plugin, LOG_NOTICE, LIMIT);
    for (unsigned i = 0; i < LIMIT; i++)
        log_notice("other %u", i);
    for (unsigned i = 0; i < 2 * LIMIT;
         i++) /* lines of a format without text of its own are distinguished by their text */
        log_notice("%s", i < LIMIT ? "one" : "two");
    assert_int_equal(lines(), 8 * LIMIT);
    say(&api, LOG_NOTICE, 1);
    assert_int_equal(lines(), 8 * LIMIT);
    log_report_held(UINT64_MAX);
    assert_non_null((lines(), strstr(content, "me: listener api: held back: 1 more line like: ")));
}

static void
test_log_repeats_leave_alone_what_is_only_asked_for(void **state)
{
    say(NULL, LOG_INFO, 10 * LIMIT);
    assert_int_equal(lines(), 10 * LIMIT);
}

static void
test_log_repeats_write_what_they_have_no_room_for(void **state)
{
    char name[16];

    for (unsigned i = 0; i < 100; i++) {
        struct log_about about = {.listener = name};

        snprintf(name, sizeof(name), "n%u", i);
        say(&about, LOG_NOTICE, LIMIT + 1);
    }
    assert_int_equal(lines(), 32 * LIMIT + 68 * (LIMIT + 1));
}

#define THREADS 8
#define EACH 1000

static void *
talk(void *arg)
{
    say(NULL, LOG_NOTICE, EACH);
    return NULL;
}

static void
test_log_repeats_of_many_threads_are_all_counted(void **state)
{
    uint64_t held = log_held();
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, talk, NULL);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(lines(), LIMIT);
    assert_int_equal(log_held() - held, THREADS * EACH - LIMIT);
}

/* Another thread read the clock before, and comes after. */
static void
test_log_repeats_mind_no_clock_that_was_read_before(void **state)
{
    uint64_t before_ns = clock_now_ns();

    say(NULL, LOG_NOTICE, LIMIT + 1);
    log_report_held(before_ns);
    assert_int_equal(lines(), LIMIT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_log_repeats_up_to_the_limit_are_written, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_log_repeats_past_the_limit_are_counted_and_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_log_repeats_begin_anew_after_the_interval, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_log_repeats_tell_kinds_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_repeats_leave_alone_what_is_only_asked_for, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_log_repeats_write_what_they_have_no_room_for, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_log_repeats_of_many_threads_are_all_counted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_log_repeats_mind_no_clock_that_was_read_before, setup,
                                        teardown),
    };

    return cmocka_run_group_tests_name("log_repeats", tests, NULL, NULL);
}
