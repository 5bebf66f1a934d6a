#include "unit/net/net_fixture.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

#define FILE_BYTES 300000

static char bytes[FILE_BYTES];
static int file;

/* The arguments of release. */
static struct {
    unsigned count;
    int results[64];
    void *args[64];
} released;

static void
release(void *arg, int result)
{
    released.args[released.count % 64] = arg;
    released.results[released.count++ % 64] = result;
}

static int
setup(void **state)
{
    fixture_setup(state);
    memset(&released, 0, sizeof(released));
    limits.output_max = 2 * FILE_BYTES;
    limits.linger_timeout_ns = 0;
    pattern_fill(bytes, sizeof(bytes));
    file = memfd_create("file", MFD_CLOEXEC);
    return write(file, bytes, sizeof(bytes)) == sizeof(bytes) ? 0 : -1;
}

static int
teardown(void **state)
{
    fd_close(file);
    return fixture_teardown(state);
}

static void
say(struct conn *c, const char *text)
{
    assert_true(conn_write(c, text, strlen(text)) >= 0);
}

/* Memory and files in turn, with the head and the tail of the file in the middle. */
static void
write_mixed(struct conn *c)
{
    say(c, "<");
    assert_true(conn_write_file(c, file, 0, FILE_BYTES, release, NULL) >= 0);
    say(c, "|");
    assert_true(conn_write_shared(c, bytes, 1000, release, bytes) >= 0);
    assert_true(conn_write_file(c, file, FILE_BYTES - 10, 10, release, NULL) >= 0);
    assert_true(conn_write_file(c, file, 0, 0, release, NULL) >= 0); /* nothing of it */
    assert_true(conn_write_shared(c, "", 0, release, NULL) >= 0);
    say(c, ">");
}

static void
check_mixed(int fd)
{
    static char heard[FILE_BYTES + 1013];
    const size_t shared = FILE_BYTES + 2;

    conn_close(seen[seen_count - 1].c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    assert_int_equal(peer_drain(fd, heard, sizeof(heard)), sizeof(heard));
    assert_int_equal(heard[0], '<');
    assert_true(pattern_is(heard + 1, FILE_BYTES));
    assert_int_equal(heard[FILE_BYTES + 1], '|');
    assert_true(pattern_is(heard + shared, 1000));
    assert_memory_equal(heard + shared + 1000, bytes + FILE_BYTES - 10, 10);
    assert_int_equal(heard[shared + 1010], '>');
    fd_close(fd);
    assert_int_equal(released.count, 5);
    for (unsigned i = 0; i < released.count; i++)
        assert_int_equal(released.results[i], 0);
    released.count = 0;
}

static void
test_conn_file_between_memory_keeps_the_order(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_faulty);
    for (int i = 0; i < 4; i++) {
        faults.no_send_file = i % 2;
        faults.write_max = i / 2 ? 777 : 0;
        faults.files = 0;
        fd = i % 2 ? peer_unix() : peer_tcp();
        write_mixed(seen[seen_count - 1].c);
        check_mixed(fd);
        assert_int_equal(faults.files == 0, faults.no_send_file);
    }
}

static void
test_conn_file_counts_no_bytes_against_the_cap(void **state)
{
    int fd;

    limits.output_max = 10000;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    for (int i = 0; i < 10; i++)
        assert_int_equal(conn_write_file(seen[0].c, file, 0, FILE_BYTES, release, NULL), 0);
    assert_int_equal(conn_queued(seen[0].c), 0);
    calm();
    assert_int_equal(seen[0].closed, 0);
    fd_close(fd);
    until(seen[0].closed);
    assert_int_equal(released.count, 10);
    assert_int_equal(released.results[9], -EPIPE);
}

static void
test_conn_file_that_ends_early_closes(void **state)
{
    fixture_start(&stream_full, &transport_faulty);
    for (int i = 0; i < 2; i++) {
        int fd = peer_unix();

        faults.no_send_file = i;
        released.count = 0;
        conn_write_file(seen[i].c, file, FILE_BYTES - 100, 101, release, NULL);
        say(seen[i].c, "never");
        until(seen[i].closed);
        assert_int_equal(seen[i].reason, GOEVD_REASON_ERROR);
        assert_int_equal(released.count, 1);
        assert_int_equal(released.results[0], -EIO);
        assert_int_equal(peer_drain(fd, NULL, 0), 100);
        fd_close(fd);
    }
}

static void
test_conn_file_that_shrinks_closes(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    conn_write_file(seen[0].c, file, 0, FILE_BYTES, release, NULL);
    calm(); /* the socket is full */
    assert_int_equal(released.count, 0);
    assert_int_equal(ftruncate(file, 1000), 0);
    assert_true(peer_drain(fd, NULL, 0) < FILE_BYTES);
    until(seen[0].closed);
    assert_int_equal(seen[0].reason, GOEVD_REASON_ERROR);
    assert_int_equal(released.count, 1);
    assert_int_equal(released.results[0], -EIO);
    fd_close(fd);
}

static void
test_conn_file_that_cannot_be_read_closes(void **state)
{
    fixture_start(&stream_full, &transport_faulty);
    for (int i = 0; i < 2; i++) {
        int fd = peer_unix();

        faults.no_send_file = i;
        conn_write_file(seen[i].c, fd, 0, 10, release, NULL); /* a socket */
        until(seen[i].closed);
        assert_int_equal(seen[i].reason, GOEVD_REASON_ERROR);
        fd_close(fd);
    }
}

/* ---- Shared memory --------------------------------------------------------------------------- */

static void
test_conn_shared_is_released_once_when_written(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_faulty);
    faults.write_max = 1000;
    fd = peer_unix();
    for (uintptr_t i = 0; i < 20; i++)
        assert_true(conn_write_shared(seen[0].c, bytes + i * 1000, 1000, release, (void *)i) >= 0);
    assert_int_equal(released.count, 0);
    assert_true(pattern_is(peer_hear(fd, 20000), 20000));
    calm();
    assert_int_equal(released.count, 20);
    for (uintptr_t i = 0; i < 20; i++) {
        assert_int_equal(released.results[i], 0);
        assert_ptr_equal(released.args[i], i);
    }
    fd_close(fd);
    until(seen[0].closed);
    assert_int_equal(released.count, 20);
}

static void
test_conn_shared_is_released_once_when_dropped(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    assert_int_equal(conn_write_shared(seen[0].c, bytes, FILE_BYTES, release, NULL), 1);
    assert_int_equal(conn_write_shared(seen[0].c, bytes, FILE_BYTES - SEGMENT_COST, release, NULL),
                     1);
    assert_int_equal(conn_write_shared(seen[0].c, bytes, 1, release, NULL), -ENOBUFS);
    calm();
    conn_close(seen[0].c, GOEVD_CLOSE_NOW, GOEVD_REASON_HANDLER);
    assert_int_equal(conn_write_shared(seen[0].c, bytes, 1, release, NULL), -EPIPE);
    until(seen[0].closed);
    assert_int_equal(released.count, 2); /* not for those that failed */
    assert_int_equal(released.results[0], -EPIPE);
    assert_int_equal(released.results[1], -EPIPE);
    fd_close(fd);
}

/* Each costs memory of the host's beside the byte that it holds. */
static void
test_conn_many_small_shared_stay_under_the_cap(void **state)
{
    int fd, n = 0;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    while (conn_write_shared(seen[0].c, bytes, 1, NULL, NULL) >= 0)
        n++;
    assert_int_equal(n, limits.output_max / (SEGMENT_COST + 1) + 1);
    fd_close(fd);
}

static struct conn *release_conn;

static void
release_writes(void *arg, int result)
{
    int r = conn_write(release_conn, "+", 1);

    release(arg, result);
    assert_int_equal(r, result == 0 ? 0 : -EPIPE);
}

static void
test_conn_release_may_write(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    release_conn = seen[0].c;
    conn_write_shared(release_conn, "abc", 3, release_writes, NULL);
    conn_write_shared(release_conn, "def", 3, release_writes, NULL);
    assert_memory_equal(peer_hear(fd, 8), "abcdef++", 8);
    conn_write_shared(release_conn, bytes, FILE_BYTES, release_writes, NULL);
    calm();
    conn_close(release_conn, GOEVD_CLOSE_NOW, GOEVD_REASON_HANDLER);
    until(seen[0].closed);
    assert_int_equal(released.count, 3);
    fd_close(fd);
}

static ptrdiff_t
read_writes_mixed(struct seen *s, const char *data, size_t len)
{
    write_mixed(s->c);
    return (ptrdiff_t)len;
}

/* Gathered bytes are sent before later queued ones. */
static void
test_conn_gathered_goes_before_shared_and_file(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    script.read = read_writes_mixed;
    fd = peer_tcp();
    peer_say(fd, "go");
    until(seen[0].reads);
    check_mixed(fd);
}

static unsigned
data_segments(const struct conn *c)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);

    assert_int_equal(getsockopt(c->watch.fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info.tcpi_data_segs_out;
}

/* A head that leaves in a segment of its own costs as much as a small file. */
static void
test_conn_head_goes_with_the_file(void **state)
{
    char heard[12];
    struct conn *c;
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    c = seen[0].c;
    say(c, "<");
    assert_true(conn_write_file(c, file, 0, 10, release, NULL) >= 0);
    until(released.count == 1);
    assert_int_equal(data_segments(c), 1);
    say(c, ">");
    assert_true(conn_write_file(c, file, 0, 0, release, NULL) >= 0);
    until(released.count == 2);
    assert_int_equal(data_segments(c), 2); /* nothing comes that it could wait for */
    conn_close(c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    assert_int_equal(peer_drain(fd, heard, sizeof(heard)), sizeof(heard));
    fd_close(fd);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_conn_file_between_memory_keeps_the_order),
        FILE_TEST(test_conn_file_counts_no_bytes_against_the_cap),
        FILE_TEST(test_conn_file_that_ends_early_closes),
        FILE_TEST(test_conn_file_that_shrinks_closes),
        FILE_TEST(test_conn_file_that_cannot_be_read_closes),
        FILE_TEST(test_conn_shared_is_released_once_when_written),
        FILE_TEST(test_conn_shared_is_released_once_when_dropped),
        FILE_TEST(test_conn_many_small_shared_stay_under_the_cap),
        FILE_TEST(test_conn_release_may_write),
        FILE_TEST(test_conn_gathered_goes_before_shared_and_file),
        FILE_TEST(test_conn_head_goes_with_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
