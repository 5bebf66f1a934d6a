#include "unit/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/child.h"

/* A worker that has hung up and is about to end: this program again, with --worker=FD. It ends
 * with 0 as soon as the other end of its standard input is closed. */
static int
play_worker_at_its_end(const char *flag)
{
    char byte;

    close(atoi(flag + strlen("--worker=")));
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return 0;
}

static int held = -1; /* the other end */
static struct child child;

static int
start_worker_at_its_end(void **state)
{
    static char name[] = "test_child", *argv[] = {name, NULL};
    struct child_command command = {
        .path = "/proc/self/exe", .kept_fd = -1, .fresh = true, .argv = argv};
    struct pollfd hung_up;
    sigset_t mask;
    struct rlimit files;
    int ends[2];
    struct err err;

    sigemptyset(&mask);
    command.mask = &mask;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    command.files = &files;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    held = ends[1];
    assert_int_equal(child_start(&child, &command, &err), 0);
    hung_up = (struct pollfd){.fd = child.fd, .events = POLLIN};
    assert_int_equal(poll(&hung_up, 1, -1), 1);
    child_serve(&child, &(struct proto_ready){.stop_timeout_ns = 1});
    return 0;
}

static int
forget_worker(void **state)
{
    child_fini(&child, &(struct helper){0});
    return 0;
}

static void
assert_ends_by_itself(void)
{
    int status;

    close(held);
    assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void
test_child_that_ends_is_not_killed_by_a_stop(void **state)
{
    child_drain(&child, false);
    assert_false(child.unheard);
    assert_ends_by_itself();
}

static void
test_child_that_ends_is_not_killed_by_haste(void **state)
{
    child_drain(&child, false);
    child_hasten(&child);
    assert_ends_by_itself();
}

static void
test_child_without_a_socket_has_a_deadline(void **state)
{
    close(child.fd);
    child.fd = -1;
    child_drain(&child, false);
    assert_true(child.deadline_ns > 0);
    assert_false(child.unheard);
    assert_ends_by_itself();
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_child_that_ends_is_not_killed_by_a_stop,
                                        start_worker_at_its_end, forget_worker),
        cmocka_unit_test_setup_teardown(test_child_that_ends_is_not_killed_by_haste,
                                        start_worker_at_its_end, forget_worker),
        cmocka_unit_test_setup_teardown(test_child_without_a_socket_has_a_deadline,
                                        start_worker_at_its_end, forget_worker),
    };

    if (argc > 1)
        return play_worker_at_its_end(argv[1]);
    return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
