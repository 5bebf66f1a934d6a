/* Frames out: whole, or not at all. */
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "unit/net/frame_fixture.h"

static int
open_writes(struct seen *s)
{
    assert_int_equal(conn_write_frame(s->c, "one", 3), 0);
    assert_int_equal(conn_write_frame(s->c, "", 0), 0);
    assert_int_equal(conn_write_frame(s->c, "three", 5), 0);
    return 0;
}

/* From a callback of its own, from elsewhere, and by id. */
static void
test_conn_write_frame_each_way(void **state)
{
    for (unsigned k = 0; k < ARRAY_LEN(wires); k++) {
        const struct wire *w = &wires[k];
        int fd;

        script.open = open_writes;
        fixture_start(stream_framed(w->framing), &transport_plain);
        fd = peer_unix();
        assert_memory_equal(peer_hear(fd, w->len), w->bytes, w->len);
        open_writes(&seen[0]);
        assert_memory_equal(peer_hear(fd, w->len), w->bytes, w->len);
        assert_int_equal(net_send_frame(seen[0].id, "one", 3, 0, NULL, NULL), 0);
        assert_int_equal(net_send_frame(seen[0].id, NULL, 0, 0, NULL, NULL), 0);
        assert_int_equal(net_send_frame(seen[0].id, "three", 5, 0, NULL, NULL), 0);
        assert_memory_equal(peer_hear(fd, w->len), w->bytes, w->len);
        fd_close(fd);
        fixture_teardown(state);
        fixture_setup(state);
    }
}

static int
open_writes_wrong(struct seen *s)
{
    assert_int_equal(conn_write_frame(s->c, "a\nb", 3), -EINVAL);
    assert_int_equal(conn_write_frame(s->c, "a\r", 2), -EINVAL);
    assert_int_equal(conn_queued(s->c), 0);
    return conn_write_frame(s->c, "a\rb", 3);
}

static void
test_conn_write_frame_that_would_be_two(void **state)
{
    int fd;

    script.open = open_writes_wrong;
    fixture_start(stream_framed(&framing_lines), &transport_plain);
    fd = peer_unix();
    assert_memory_equal(peer_hear(fd, 4), "a\rb\n", 4);
    fd_close(fd);
}

static int sent_result;
static unsigned sent_count;

static void
sent(void *arg, uint64_t id, uint64_t cookie, int result)
{
    sent_result = result;
    sent_count++;
}

static int
send_and_hear(uint64_t id, const char *data, size_t len)
{
    sent_count = 0;
    assert_int_equal(net_send_frame(id, data, len, 0, sent, NULL), 0);
    until(sent_count == 1);
    return sent_result;
}

static void
test_conn_send_frame_tells_what_becomes_of_it(void **state)
{
    static const char bytes[256];
    uint64_t id;
    int fd;

    fixture_start(stream_framed(&framing_1), &transport_plain);
    fd = peer_unix();
    id = seen[0].id;
    assert_int_equal(send_and_hear(id, bytes, 255), 0);
    assert_int_equal(send_and_hear(id, bytes, 256), -EMSGSIZE);
    peer_hear(fd, 256);
    fd_close(fd);
    until(seen[0].closed);
    assert_int_equal(send_and_hear(id, bytes, 1), -EPIPE);
    assert_int_equal(net_send_frame(0, bytes, 1, 0, sent, NULL), -EINVAL);
}

static void
test_conn_write_frame_without_a_framing(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    assert_int_equal(conn_write_frame(seen[0].c, "a", 1), -ENOTSUP);
    assert_int_equal(send_and_hear(seen[0].id, "a", 1), -ENOTSUP);
    fd_close(fd);
}

/* The prefix counts: at the cap, and one past it, nothing of it is queued. */
static void
test_conn_write_frame_at_the_cap_and_one_past_it(void **state)
{
    static char bytes[32001];
    struct conn *c;
    int fd;

    fixture_start(stream_framed(&framing_4), &transport_plain);
    fd = peer_unix();
    c = seen[0].c;
    assert_int_equal(conn_write_frame(c, bytes, 32001), -EMSGSIZE);
    assert_int_equal(conn_write_frame(c, bytes, 31997), -EMSGSIZE);
    assert_int_equal(conn_write_frame(c, bytes, 20000), 1);
    assert_int_equal(conn_write_frame(c, bytes, 11993), -ENOBUFS);
    assert_int_equal(conn_queued(c), 20004);
    assert_int_equal(conn_write_frame(c, bytes, 11992), 1);
    assert_int_equal(conn_queued(c), 32000);
    assert_memory_equal(peer_hear(fd, 20004), "\x20\x4e\0\0", 4);
    assert_memory_equal(peer_hear(fd, 11996), "\xd8\x2e\0\0", 4);
    conn_close(c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    assert_int_equal(conn_write_frame(c, "a", 1), -EPIPE);
    fd_close(fd);
}

#define FRAME_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FRAME_TEST(test_conn_write_frame_each_way),
        FRAME_TEST(test_conn_write_frame_that_would_be_two),
        FRAME_TEST(test_conn_send_frame_tells_what_becomes_of_it),
        FRAME_TEST(test_conn_write_frame_without_a_framing),
        FRAME_TEST(test_conn_write_frame_at_the_cap_and_one_past_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
