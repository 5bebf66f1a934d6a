/* The whole supervisor, linked without the configuration and without plugins. Its worker is this
 * program again, with --worker=FD. */
#include "unit/unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "process/exit.h"
#include "proto/proto.h"
#include "supervisor/supervisor.h"

#define WORKER_FLAG "--worker="

static char name[] = "test_supervisor", ends[] = "ends", drains[] = "drains";

static void
play_send(int fd, enum proto_type type, const void *body, size_t len)
{
    if (proto_send(fd, type, body, len, NULL, 0) < 0)
        _exit(9);
}

/* Send HELLO and READY, request a stop as an administrator would, drain, end. */
static int
play_worker_that_drains(int fd)
{
    struct proto_hello hello = {.major = PROTO_MAJOR, .minor = PROTO_MINOR};
    struct proto_ready ready = {.workers_max = 2, .stop_timeout_ns = UINT64_C(60000000000)};
    struct proto_message message;
    unsigned fds;

    play_send(fd, PROTO_HELLO, &hello, sizeof(hello));
    if (proto_receive(fd, &message, NULL, 0, &fds) < 0 || message.type != PROTO_WELCOME)
        return 8;
    play_send(fd, PROTO_READY, &ready, sizeof(ready));
    kill(getppid(), SIGTERM);
    while (proto_receive(fd, &message, NULL, 0, &fds) == 0)
        if (message.type == PROTO_STOP)
            return EXIT_OK;
    return 7;
}

static void
test_supervisor_ends_when_its_first_worker_does_not_start(void **state)
{
    char *argv[] = {name, ends, NULL};

    assert_int_equal(supervisor_run(LOG_CRIT, argv), EXIT_REFUSED);
}

static void
test_supervisor_stops_when_its_worker_has_drained(void **state)
{
    char *argv[] = {name, drains, NULL};

    assert_int_equal(supervisor_run(LOG_CRIT, argv), EXIT_OK);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_supervisor_ends_when_its_first_worker_does_not_start),
        cmocka_unit_test(test_supervisor_stops_when_its_worker_has_drained),
    };

    if (argc < 3 || strncmp(argv[1], WORKER_FLAG, strlen(WORKER_FLAG)) != 0)
        return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
    if (strcmp(argv[2], ends) == 0)
        return EXIT_REFUSED;
    return play_worker_that_drains(atoi(argv[1] + strlen(WORKER_FLAG)));
}
