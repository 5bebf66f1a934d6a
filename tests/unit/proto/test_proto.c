#include "unit/unit.h"

#include <errno.h>
#include <unistd.h>

#include "proto/proto.h"

static int
open_pair(void **state)
{
    static int pair[2];

    *state = pair;
    return proto_pair(pair, NULL);
}

static int
close_pair(void **state)
{
    int *pair = *state;

    close(pair[0]);
    if (pair[1] >= 0)
        close(pair[1]);
    return 0;
}

static void
say(int fd, enum proto_type type)
{
    assert_int_equal(proto_send(fd, type, NULL, 0, NULL, 0), 0);
}

static void
assert_hears(int fd, enum proto_type type)
{
    int fds[PROTO_FDS_ALL];
    struct proto_message message;
    unsigned count;

    assert_int_equal(proto_try_receive(fd, &message, fds, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(message.type, type);
}

static void
assert_hears_no_more(int fd, int error)
{
    int fds[PROTO_FDS_ALL];
    struct proto_message message;
    unsigned count;

    assert_int_equal(proto_try_receive(fd, &message, fds, &count), error);
}

static void
test_proto_messages_come_in_order(void **state)
{
    const int *pair = *state;

    say(pair[1], PROTO_RECALL);
    say(pair[1], PROTO_DRAINING);
    assert_hears(pair[0], PROTO_RECALL);
    assert_hears(pair[0], PROTO_DRAINING);
    assert_hears_no_more(pair[0], -EAGAIN);
}

/* One who goes without having read all: the kernel tells that with ECONNRESET, and before what has
 * been said. */
static void
test_proto_last_words_are_heard(void **state)
{
    int *pair = *state;

    say(pair[0], PROTO_WELCOME);
    say(pair[1], PROTO_DRAINING);
    close(pair[1]);
    pair[1] = -1;
    assert_hears(pair[0], PROTO_DRAINING);
    assert_hears_no_more(pair[0], -EPIPE);
    assert_hears_no_more(pair[0], -EPIPE);
}

static void
test_proto_who_is_gone_cannot_be_told(void **state)
{
    int *pair = *state;

    say(pair[0], PROTO_WELCOME);
    close(pair[1]);
    pair[1] = -1;
    for (int i = 0; i < 2; i++) /* ECONNRESET, then EPIPE */
        assert_int_equal(proto_send(pair[0], PROTO_WELCOME, NULL, 0, NULL, 0), -EPIPE);
}

static void
test_proto_try_send_does_not_wait_for_room(void **state)
{
    const int *pair = *state;
    int r;

    do
        r = proto_try_send(pair[0], PROTO_WELCOME, NULL, 0, NULL, 0);
    while (r == 0);
    assert_int_equal(r, -EAGAIN);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_proto_messages_come_in_order, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_proto_last_words_are_heard, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_proto_who_is_gone_cannot_be_told, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(test_proto_try_send_does_not_wait_for_room, open_pair,
                                        close_pair),
    };

    return cmocka_run_group_tests_name("proto", tests, NULL, NULL);
}
