/* Invalid frames: too long, malformed, or cut off by the end of the input. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "net/bytes/frame.h"
#include "unit/net/frame_fixture.h"

static char told[1000]; /* what on_frame_error was given */
static size_t told_len;

static int
error_answers(struct seen *s, const char *data, size_t len)
{
    memcpy(told, data, len);
    told_len = len;
    assert_int_equal(conn_write(s->c, "no frame", 8), 0);
    return -1;
}

static int
error_goes_on(struct seen *s, const char *data, size_t len)
{
    return 0;
}

static int
setup(void **state)
{
    fixture_setup(state);
    script.frame_error = error_answers;
    limits.frame_max = 100;
    return 0;
}

/* ---- Too long -------------------------------------------------------------------------------- */

/* A frame of so many bytes, `part` of it at a time. */
static int
send_long(const struct goevd_framing *f, size_t len, size_t part)
{
    char bytes[200];
    struct frame_ends ends;
    size_t total;
    int fd = peer_tcp();

    assert_int_equal(frame_ends(f, NULL, 0, &ends), 0);
    if (ends.head_len > 0)
        ends.head[f->flags & GOEVD_FRAMING_LITTLE ? 0 : ends.head_len - 1] += (char)len;
    memcpy(bytes, ends.head, ends.head_len);
    memset(bytes + ends.head_len, 'x', len);
    if (ends.tail_len > 0)
        memcpy(bytes + ends.head_len + len, ends.tail, ends.tail_len);
    total = ends.head_len + len + ends.tail_len;
    for (size_t at = 0; at < total; at += part) {
        peer_send(fd, bytes + at, MIN(part, total - at));
        calm();
    }
    return fd;
}

static void
test_conn_frame_at_the_limit_and_one_past_it(void **state)
{
    static const size_t parts[] = {200, 10, 1};

    for (unsigned k = 0; k < ARRAY_LEN(wires) * ARRAY_LEN(parts); k++) {
        const struct goevd_framing *f = wires[k / ARRAY_LEN(parts)].framing;
        size_t part = parts[k % ARRAY_LEN(parts)];
        int fd;

        fixture_start(stream_framed(f), &transport_plain);
        fd = send_long(f, 100, part);
        until(seen[0].frames == 1);
        assert_int_equal(seen[0].count, 101);
        assert_int_equal(seen[0].errors, 0);
        fd_close(fd);
        fd = send_long(f, 101, part);
        assert_memory_equal(peer_hear(fd, 8), "no frame", 8);
        fd_close(fd);
        until(seen[1].closed);
        assert_int_equal(seen[1].frames, 0);
        assert_int_equal(seen[1].errors, 1);
        assert_int_equal(seen[1].error, -EMSGSIZE);
        assert_int_equal(seen[1].reason, GOEVD_REASON_FRAME);
        assert_int_equal(net->metrics->closed[GOEVD_REASON_FRAME], 1);
        assert_true(told_len <= 100);
        assert_int_equal(strspn(told, "x"), told_len);
        fixture_teardown(state);
        memset(told, 0, sizeof(told));
        setup(state);
    }
}

/* Refused by its length alone, and none of the following bytes are kept. */
static void
test_conn_frame_of_an_absurd_length(void **state)
{
    static const char lengths[][8] = {
        {"\377\377\377\377\377\377\377\377"},
        {"\177\377\377\377\377\377\377\377"},
        {"\200\0\0\0\0\0\0\0"},
        {"\0\0\0\1\0\0\0\0"},
    };

    fixture_start(stream_framed(&framing_8), &transport_plain);
    for (unsigned i = 0; i < ARRAY_LEN(lengths); i++) {
        int fd = peer_unix();

        peer_send(fd, lengths[i], 8);
        until(seen[i].errors == 1);
        assert_int_equal(seen[i].error, -EMSGSIZE);
        assert_int_equal(told_len, 0);
        fd_close(fd);
        until(seen[i].closed);
        assert_int_equal(seen[i].reason, GOEVD_REASON_FRAME);
    }
}

static void
test_conn_frame_whose_length_is_less_than_its_own(void **state)
{
    int fd;

    fixture_start(stream_framed(&framing_8), &transport_plain);
    fd = peer_unix();
    peer_send(fd, "\0\0\0\0\0\0\0\11a\0\0\0\0\0\0\0\7b", 18);
    fd_close(fd);
    until(seen[0].closed);
    assert_string_equal(seen[0].bytes, "a|");
    assert_int_equal(seen[0].error, -EBADMSG);
    assert_int_equal(seen[0].reason, GOEVD_REASON_FRAME);
}

static void
test_conn_frame_error_without_a_callback(void **state)
{
    struct goevd_stream stream;
    int fd;

    stream = *stream_framed(&framing_1);
    stream.on_frame_error = NULL;
    fixture_start(&stream, &transport_plain);
    fd = peer_unix();
    peer_send(fd, "\1a\145", 3);
    fd_close(fd);
    until(seen[0].closed);
    assert_string_equal(seen[0].bytes, "a|");
    assert_int_equal(seen[0].reason, GOEVD_REASON_FRAME);
}

/* The handler continues until it has answered the earlier frames: nothing more is read. */
static void
test_conn_frame_error_leaves_the_close_to_the_handler(void **state)
{
    struct seen *s = &seen[0];
    int fd;

    script.frame_error = error_goes_on;
    fixture_start(stream_framed(&framing_1), &transport_plain);
    fd = peer_tcp();
    peer_send(fd, "\1a\377", 3);
    until(s->errors == 1);
    peer_send(fd, "\1b", 2);
    conn_pause(s->c);
    conn_resume(s->c);
    assert_true(rounds_within(50) <= 3);
    shutdown(fd, SHUT_WR);
    calm();
    assert_int_equal(s->frames + s->eofs, 1);
    assert_int_equal(s->errors, 1);
    conn_write(s->c, "late answer", 11);
    conn_close(s->c, GOEVD_CLOSE_DONE, GOEVD_REASON_HANDLER);
    assert_memory_equal(peer_hear(fd, 11), "late answer", 11);
    assert_int_equal(peer_drain(fd, NULL, 0), 0); /* no reset, though something is unread */
    fd_close(fd);
    until(s->closed);
    assert_int_equal(s->reason, GOEVD_REASON_FRAME);
}

/* Bytes that are no frame of one protocol may begin another protocol. */
static int
error_upgrades(struct seen *s, const char *data, size_t len)
{
    struct service_handler handler = {.stream = &stream_full};
    struct service *to;

    assert_int_equal(service_upgrade(s->c->service, &handler, &to), 0);
    return conn_upgrade(s->c, to, NULL, 0);
}

static void
test_conn_frame_error_may_upgrade(void **state)
{
    int fd;

    script.frame_error = error_upgrades;
    fixture_start(stream_framed(&framing_4), &transport_plain);
    fd = peer_unix();
    peer_send(fd, "\1\0\0\0aGET / HTTP/1.1", 19);
    until(seen[1].count == 14);
    assert_string_equal(seen[1].bytes, "GET / HTTP/1.1");
    peer_say(fd, "more");
    until(seen[1].count == 18);
    fd_close(fd);
    until(seen[1].closed);
    assert_int_equal(seen[1].reason, GOEVD_REASON_EOF);
    assert_int_equal(seen[0].reason, GOEVD_REASON_UPGRADED);
}

/* ---- Cut off --------------------------------------------------------------------------------- */

/* The last byte is missing: the frame is reported as incomplete. */
static void
test_conn_frame_cut_off_by_the_end(void **state)
{
    for (unsigned k = 0; k < ARRAY_LEN(wires); k++) {
        const struct wire *w = &wires[k];
        int fd;

        fixture_start(stream_framed(w->framing), &transport_plain);
        fd = peer_tcp();
        peer_send(fd, w->bytes, w->len - 1);
        shutdown(fd, SHUT_WR);
        assert_memory_equal(peer_hear(fd, 8), "no frame", 8);
        until(seen[0].closed);
        assert_string_equal(seen[0].bytes, "one||");
        assert_int_equal(seen[0].error, -ENODATA);
        assert_memory_equal(told, "three", MIN(told_len, 5));
        assert_true(told_len >= 4);
        assert_int_equal(seen[0].reason, GOEVD_REASON_FRAME);
        assert_int_equal(seen[0].eofs, 0);
        fd_close(fd);
        fixture_teardown(state);
        setup(state);
    }
}

static void
test_conn_frame_cut_off_then_on_eof(void **state)
{
    int fd;

    script.frame_error = error_goes_on;
    script.eof = script_go_on;
    fixture_start(stream_framed(&framing_lines), &transport_plain);
    fd = peer_tcp();
    peer_say(fd, "a\nlast");
    shutdown(fd, SHUT_WR);
    until(seen[0].eofs == 1);
    assert_int_equal(seen[0].errors, 1);
    assert_int_equal(seen[0].len, 4);
    assert_null(seen[0].c->tail);
    conn_write(seen[0].c, "still here", 10);
    assert_memory_equal(peer_hear(fd, 10), "still here", 10);
    conn_close(seen[0].c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    until(seen[0].closed);
    assert_int_equal(seen[0].reason, GOEVD_REASON_HANDLER);
    fd_close(fd);
}

static int
error_pauses(struct seen *s, const char *data, size_t len)
{
    conn_pause(s->c);
    return 0;
}

static void
test_conn_frame_cut_off_is_told_once(void **state)
{
    int fd;

    script.frame_error = error_pauses;
    fixture_start(stream_framed(&framing_lines), &transport_plain);
    fd = peer_unix();
    peer_say(fd, "last");
    shutdown(fd, SHUT_WR);
    until(seen[0].errors == 1);
    calm();
    assert_int_equal(seen[0].eofs, 0);
    conn_resume(seen[0].c);
    until(seen[0].closed);
    assert_int_equal(seen[0].eofs, 1);
    assert_int_equal(seen[0].errors, 1);
    fd_close(fd);
}

static void
test_conn_frames_with_nothing_behind_them_end_in_order(void **state)
{
    int fd;

    fixture_start(stream_framed(&framing_lines), &transport_plain);
    fd = peer_unix();
    peer_say(fd, "a\nb\n");
    shutdown(fd, SHUT_WR);
    until(seen[0].closed);
    assert_int_equal(seen[0].errors, 0);
    assert_int_equal(seen[0].reason, GOEVD_REASON_EOF);
    fd_close(fd);
}

static void
test_conn_frame_cut_off_may_upgrade(void **state)
{
    int fd;

    script.frame_error = error_upgrades;
    fixture_start(stream_framed(&framing_lines), &transport_plain);
    fd = peer_unix();
    peer_say(fd, "a\nlast");
    shutdown(fd, SHUT_WR);
    until(seen[1].closed);
    assert_string_equal(seen[1].bytes, "last");
    assert_int_equal(seen[1].eofs, 1);
    fd_close(fd);
}

#define FRAME_TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FRAME_TEST(test_conn_frame_at_the_limit_and_one_past_it),
        FRAME_TEST(test_conn_frame_of_an_absurd_length),
        FRAME_TEST(test_conn_frame_whose_length_is_less_than_its_own),
        FRAME_TEST(test_conn_frame_error_without_a_callback),
        FRAME_TEST(test_conn_frame_error_leaves_the_close_to_the_handler),
        FRAME_TEST(test_conn_frame_error_may_upgrade),
        FRAME_TEST(test_conn_frame_cut_off_by_the_end),
        FRAME_TEST(test_conn_frame_cut_off_then_on_eof),
        FRAME_TEST(test_conn_frame_cut_off_is_told_once),
        FRAME_TEST(test_conn_frames_with_nothing_behind_them_end_in_order),
        FRAME_TEST(test_conn_frame_cut_off_may_upgrade),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
