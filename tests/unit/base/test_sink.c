#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/sink.h"

#define LINES 3000

static char lines[LINES * 64];

/* Lines of different lengths, each with its number; their bytes. */
static size_t
fill(void)
{
    size_t len = 0;

    for (int i = 0; i < LINES; i++)
        len += (size_t)sprintf(lines + len, "%d%.*s\n", i, i % 50,
                               "..................................................");
    return len;
}

/* A pipe that the sink never waits for. */
static struct sink
piped(int fds[2])
{
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    return (struct sink){.fd = fds[1]};
}

static void
test_sink_writes_a_file_at_once(void **state)
{
    char path[] = "/tmp/goevd-sink-XXXXXX";
    struct sink s = {.fd = mkstemp(path)};
    size_t len = fill();
    char *read_back = malloc(len);
    int r = 1;

    assert_true(s.fd >= 0);
    unlink(path);
    assert_int_equal(sink_write_lines(&s, lines, len, &r), len);
    assert_int_equal(r, 0);
    assert_int_equal(pread(s.fd, read_back, len, 0), len);
    assert_memory_equal(read_back, lines, len);
    free(read_back);
    close(s.fd);
}

/* A full pipe takes whole lines only; the reader gets the rest, and nothing twice. */
static void
test_sink_leaves_what_a_pipe_does_not_take(void **state)
{
    int fds[2], r;
    struct sink s = piped(fds);
    size_t len = fill(), at = 0, got = 0;
    char *read_back = malloc(len);

    while (got < len) {
        size_t n = sink_write_lines(&s, lines + at, len - at, &r);

        at += n;
        assert_int_equal(r, at < len ? -EAGAIN : 0);
        assert_int_equal(lines[at - 1], '\n');
        for (ssize_t one; (one = read(fds[0], read_back + got, len - got)) > 0;)
            got += (size_t)one;
        assert_int_equal(got, at);
    }
    assert_memory_equal(read_back, lines, len);
    free(read_back);
    close(fds[0]);
    close(fds[1]);
}

/* The longest line there may be, behind one that leaves no room for it in the first piece. */
static void
test_sink_keeps_a_line_in_one_piece(void **state)
{
    int fds[2], r;
    struct sink s = piped(fds);
    size_t len = SINK_LINE_MAX + 2;

    memset(lines, 'x', len);
    lines[1] = lines[len - 1] = '\n';
    assert_int_equal(sink_write_lines(&s, lines, len, &r), len);
    assert_int_equal(r, 0);
    close(fds[0]);
    close(fds[1]);
}

static void
test_sink_says_why(void **state)
{
    struct sink s = {.fd = open("/dev/full", O_WRONLY | O_CLOEXEC)};
    int r;

    assert_int_equal(sink_write_lines(&s, "a\n", 2, &r), 0);
    assert_int_equal(r, -ENOSPC);
    assert_int_equal(s.dropped, 0);
    close(s.fd);
}

/* Two processes, each with a sink of its own: neither continues a torn line of the other. */
static void
test_sink_begins_a_line_behind_what_another_left(void **state)
{
    static const char wanted[] = "cut off\nwhole\ncut again\na\nb\n";
    char path[] = "/tmp/goevd-sink-XXXXXX", got[sizeof(wanted)] = "";
    struct sink one = {.fd = mkstemp(path)}, other = {.fd = open(path, O_RDWR | O_APPEND)};
    int r;

    unlink(path);
    assert_int_equal(write(one.fd, "cut off", 7), 7);
    assert_int_equal(sink_write(&other, "whole\n", 6), 0);
    assert_int_equal(write(other.fd, "cut again", 9), 9);
    assert_int_equal(sink_write_lines(&other, "a\nb\n", 4, &r), 4);
    assert_int_equal(pread(one.fd, got, sizeof(got), 0), sizeof(wanted) - 1);
    assert_string_equal(got, wanted);
    close(one.fd);
    close(other.fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sink_writes_a_file_at_once),
        cmocka_unit_test(test_sink_leaves_what_a_pipe_does_not_take),
        cmocka_unit_test(test_sink_keeps_a_line_in_one_piece),
        cmocka_unit_test(test_sink_says_why),
        cmocka_unit_test(test_sink_begins_a_line_behind_what_another_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
