#include "unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "ctl/control.h"

#define BIG ((size_t)4 << 20) /* more than a socket takes */

static char directory[] = "/tmp/goevd-control-XXXXXX";
static char path[64];
static struct control control;
static unsigned asked;
static char last[CONTROL_REQUEST_MAX + 1];

/* Parts: "one", "", "two"; or for ever, or until it cannot go on. */
static struct counted {
    struct control_source source;
    unsigned asked, freed, last, wrong;
} counted;

static int
counted_next(struct control_source *source, FILE *out)
{
    static char big[65536];
    struct counted *c = container_of(source, struct counted, source);

    c->asked++;
    if (c->asked == c->wrong)
        return -ENOMEM;
    if (c->last == 0) {
        memset(big, 'x', sizeof(big));
        fwrite(big, 1, sizeof(big), out);
        return 1;
    }
    fputs(c->asked == 1 ? "one" : c->asked == c->last ? "two" : "", out);
    return c->asked < c->last;
}

static void
counted_free(struct control_source *source)
{
    container_of(source, struct counted, source)->freed++;
}

static void
on_request(struct control_client *client, const char *request, void *arg)
{
    asked++;
    snprintf(last, sizeof(last), "%s", request);
    if (strcmp(request, "big") == 0) {
        char *text = calloc(1, BIG);

        control_reply(client, text, BIG);
        free(text);
    } else if (strcmp(request, "parts") == 0) {
        control_stream(client, &counted.source);
    } else if (strcmp(request, "no") == 0) {
        control_refuse(client, "not %s", request);
    } else {
        control_reply(client, "done\n", 5);
    }
}

static int
setup_group(void **state)
{
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof(path), "%s/control.sock", directory);
    return 0;
}

static int
teardown_group(void **state)
{
    return rmdir(directory); /* the socket's file is gone */
}

static int
setup(void **state)
{
    asked = 0;
    counted = (struct counted){.source = {counted_next, counted_free}};
    control_init(&control, on_request, NULL);
    return control_open(&control, path, NULL);
}

static int
teardown(void **state)
{
    control_fini(&control);
    return 0;
}

/* Handle events until none is left. */
static void
settle(void)
{
    struct pollfd fds[CONTROL_FDS];

    control_poll(&control, fds);
    while (poll(fds, CONTROL_FDS, 0) > 0) {
        control_handle(&control, fds);
        control_poll(&control, fds);
    }
}

static int
client(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &control.socket.address.sa, control.socket.address.len), 0);
    return fd;
}

static void
say(int fd, const char *text, size_t len)
{
    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
    settle();
}

/* All of the reply, and the end after it. */
static void
replied(int fd, const char *expected)
{
    char text[1024] = "";
    size_t len = 0;
    ssize_t n;

    while ((n = recv(fd, text + len, sizeof(text) - 1 - len, 0)) > 0)
        len += (size_t)n;
    assert_string_equal(text, expected);
    assert_true(n == 0 || errno == ECONNRESET);
    fd_close(fd);
}

static void
ask(const char *request, size_t len, const char *expected)
{
    int fd = client();

    say(fd, request, len);
    replied(fd, expected);
}

static void
test_control_replies_with_the_length_first(void **state)
{
    ask("yes\n", 4, "ok 5\ndone\n");
    ask("no\n", 3, "error not no\n");
    ask("yes\nand more", 12, "ok 5\ndone\n");
    assert_int_equal(asked, 3);
    assert_string_equal(last, "yes");
}

static void
test_control_takes_a_request_in_pieces(void **state)
{
    int fd = client();

    say(fd, "y", 1);
    say(fd, "es", 2);
    assert_int_equal(asked, 0);
    say(fd, "\n", 1);
    assert_string_equal(last, "yes");
    replied(fd, "ok 5\ndone\n");
}

static void
test_control_longest_request_and_one_byte_more(void **state)
{
    char text[CONTROL_REQUEST_MAX + 2];

    memset(text, 'x', sizeof(text));
    text[CONTROL_REQUEST_MAX] = '\n';
    ask(text, CONTROL_REQUEST_MAX + 1, "ok 5\ndone\n");
    assert_int_equal(strlen(last), CONTROL_REQUEST_MAX);
    text[CONTROL_REQUEST_MAX] = 'x';
    text[CONTROL_REQUEST_MAX + 1] = '\n';
    ask(text, CONTROL_REQUEST_MAX + 2, "error a request has at most 1024 bytes\n");
    assert_int_equal(asked, 1);
}

static void
test_control_refuses_what_does_not_print(void **state)
{
    ask("yes\0no\n", 7, "error a request is one line of printable ASCII\n");
    ask("\x1b[2J\n", 5, "error a request is one line of printable ASCII\n");
    assert_int_equal(asked, 0);
}

static void
test_control_one_client_too_many_waits(void **state)
{
    int fds[CONTROL_CLIENTS_MAX + 1];

    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = client();
    settle();
    say(fds[CONTROL_CLIENTS_MAX], "yes\n", 4);
    assert_int_equal(asked, 0); /* it is not accepted yet */
    say(fds[0], "yes\n", 4);
    assert_int_equal(asked, 2);
    replied(fds[0], "ok 5\ndone\n");
    replied(fds[CONTROL_CLIENTS_MAX], "ok 5\ndone\n");
    for (size_t i = 1; i < CONTROL_CLIENTS_MAX; i++)
        fd_close(fds[i]);
}

static void
test_control_adopts_as_many_clients_and_refuses_one_more(void **state)
{
    int fds[CONTROL_CLIENTS_MAX][2], pair[2];

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds[i]), 0);
        control_adopt(&control, fds[i][0], "big");
    }
    assert_int_equal(asked, CONTROL_CLIENTS_MAX);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    control_adopt(&control, pair[0], "yes");
    replied(pair[1], "error 16 clients have not read their replies yet\n");
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        fd_close(fds[i][1]);
    settle();
    assert_int_equal(control_due_ns(&control), 0);
}

/* Both block no other client, and are closed after their time-out. */
static void
test_control_silent_and_unread_clients_are_closed_in_time(void **state)
{
    struct pollfd fds[CONTROL_FDS];
    int silent = client(), unread = client();
    char c;

    assert_int_equal(control_due_ns(&control), 0);
    say(unread, "big\n", 4);
    assert_true(control_due_ns(&control) > clock_now_ns());
    assert_true(control_due_ns(&control) <= clock_now_ns() + CONTROL_CLIENT_NS);
    ask("yes\n", 4, "ok 5\ndone\n");
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        control.clients[i].deadline_ns = 1; /* long ago */
    control_poll(&control, fds);
    control_handle(&control, fds);
    assert_int_equal(control_due_ns(&control), 0);
    assert_int_equal(recv(silent, &c, 1, 0), 0);
    fd_close(silent);
    fd_close(unread);
}

static void
test_control_sends_a_long_reply_as_it_is_read(void **state)
{
    static char text[65536];
    int fd = client();
    size_t len = 0;
    ssize_t n;

    say(fd, "big\n", 4);
    while ((n = recv(fd, text, sizeof(text), 0)) > 0) {
        len += (size_t)n;
        settle();
    }
    assert_int_equal(n, 0);
    assert_int_equal(len, BIG + strlen("ok 4194304\n"));
    fd_close(fd);
}

static void
test_control_parts_end_with_one_of_no_length(void **state)
{
    counted.last = 3;
    ask("parts\n", 6, "parts\n3\none3\ntwo0\n");
    assert_int_equal(counted.asked, 3);
    assert_int_equal(counted.freed, 1);
    counted.asked = 0;
    counted.last = 1;
    ask("parts\n", 6, "parts\n3\none0\n");
    counted.asked = 1;
    counted.last = 3;
    counted.wrong = 3;
    ask("parts\n", 6, "parts\n"); /* it could not go on, and has not ended */
    assert_int_equal(counted.freed, 3);
}

static void
test_control_parts_that_are_empty_let_it_go_on(void **state)
{
    counted.asked = 1;
    counted.last = 4;
    ask("parts\n", 6, "parts\n3\ntwo0\n");
    counted.asked = 1;
    counted.last = 2;
    ask("parts\n", 6, "parts\n3\ntwo0\n");
}

/* No part is made before those before it have been taken. */
static void
test_control_parts_are_made_as_they_are_read(void **state)
{
    static char text[65536];
    int fd = client();
    unsigned before;

    say(fd, "parts\n", 6);
    before = counted.asked;
    assert_in_range(before, 1, 100);
    settle();
    assert_int_equal(counted.asked, before);
    for (unsigned i = 0; i < 100; i++) {
        assert_true(recv(fd, text, sizeof(text), 0) > 0);
        settle();
    }
    assert_in_range(counted.asked, before + 10, before + 101);
    assert_true(control_due_ns(&control) > clock_now_ns());
    fd_close(fd);
    settle();
    assert_int_equal(counted.freed, 1);
}

static void
test_control_ends_in_the_middle_of_parts(void **state)
{
    int fd = client();

    say(fd, "parts\n", 6);
    control_fini(&control);
    assert_int_equal(counted.freed, 1);
    fd_close(fd);
}

static void
test_control_socket_is_its_owners_and_moves(void **state)
{
    char other[80];
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    snprintf(other, sizeof(other), "%s.other", path);
    assert_int_equal(control_open(&control, path, NULL), 0); /* as it is */
    assert_int_equal(control_open(&control, other, NULL), 0);
    assert_int_equal(stat(path, &st), -1);
    ask("yes\n", 4, "ok 5\ndone\n");
    assert_int_equal(control_open(&control, "", NULL), 0);
    assert_int_equal(stat(other, &st), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_control_replies_with_the_length_first, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_control_takes_a_request_in_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_control_longest_request_and_one_byte_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_control_refuses_what_does_not_print, setup, teardown),
        cmocka_unit_test_setup_teardown(test_control_one_client_too_many_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_control_adopts_as_many_clients_and_refuses_one_more,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_control_silent_and_unread_clients_are_closed_in_time,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_control_sends_a_long_reply_as_it_is_read, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_control_parts_end_with_one_of_no_length, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_control_parts_that_are_empty_let_it_go_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_control_parts_are_made_as_they_are_read, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_control_ends_in_the_middle_of_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_control_socket_is_its_owners_and_moves, setup,
                                        teardown),
    };

    return cmocka_run_group_tests_name("control", tests, setup_group, teardown_group);
}
