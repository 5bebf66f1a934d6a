/* Frames in: cut out of the stream, and held back where unread bytes would be. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <goevd/framing.h>

#include "base/fd.h"
#include "unit/net/frame_fixture.h"

static char flags_seen[200]; /* of each frame: + with GOEVD_FRAME_MORE */

static int
frame_echo(struct seen *s, const char *data, size_t len)
{
    strcat(flags_seen, s->flags & GOEVD_FRAME_MORE ? "+" : ".");
    return conn_write_frame(s->c, data, len);
}

static int
setup(void **state)
{
    flags_seen[0] = '\0';
    return fixture_setup(state);
}

/* ---- Cutting --------------------------------------------------------------------------------- */

static void
test_conn_frames_cut_at_every_byte(void **state)
{
    for (unsigned k = 0; k < ARRAY_LEN(wires); k++) {
        const struct wire *w = &wires[k];

        fixture_start(stream_framed(w->framing), &transport_plain);
        for (size_t cut = 1; cut <= w->len; cut++) {
            struct seen *s = &seen[seen_count];
            int fd = peer_unix();

            peer_send(fd, w->bytes, cut);
            calm();
            peer_send(fd, w->bytes + cut, w->len - cut);
            until(s->frames == 3);
            assert_string_equal(s->bytes, WIRE_FRAMES);
            assert_null(s->c->tail); /* an idle connection keeps no buffer */
            fd_close(fd);
            until(s->closed);
            assert_int_equal(s->errors, 0);
            assert_int_equal(s->reason, GOEVD_REASON_EOF);
        }
        fixture_teardown(state);
        fixture_setup(state);
    }
}

static void
test_conn_frames_of_short_reads(void **state)
{
    for (unsigned k = 0; k < ARRAY_LEN(wires); k++) {
        int fd;

        faults.read_max = 1 + k % 3;
        faults.again_every = 2;
        fixture_start(stream_framed(wires[k].framing), &transport_faulty);
        fd = peer_unix();
        peer_send(fd, wires[k].bytes, wires[k].len);
        until(seen[0].frames == 3);
        assert_string_equal(seen[0].bytes, WIRE_FRAMES);
        fd_close(fd);
        fixture_teardown(state);
        fixture_setup(state);
    }
}

/* All frames of one read are one callback to the outside: their answers leave together. */
static void
test_conn_frames_of_one_read_are_answered_by_one_write(void **state)
{
    for (unsigned k = 0; k < ARRAY_LEN(wires); k++) {
        const struct wire *w = &wires[k];
        int fd;

        flags_seen[0] = '\0';
        script.frame = frame_echo;
        fixture_start(stream_framed(w->framing), &transport_faulty);
        fd = peer_unix();
        peer_send(fd, w->bytes, w->len);
        assert_memory_equal(peer_hear(fd, w->len), w->bytes, w->len);
        assert_int_equal(faults.writes, 1);
        assert_string_equal(flags_seen, "++.");
        fd_close(fd);
        fixture_teardown(state);
        fixture_setup(state);
    }
}

/* A frame that is not whole yet is not MORE; nor is one that is too long. */
static void
test_conn_frame_more_only_before_whole_ones(void **state)
{
    int fd;

    limits.frame_max = 3;
    script.frame = frame_echo;
    fixture_start(stream_framed(&framing_lines), &transport_plain);
    fd = peer_unix();
    peer_say(fd, "a\nb\nc");
    until(seen[0].frames == 2);
    peer_say(fd, "\nd\nlong\n");
    until(seen[0].errors == 1);
    assert_string_equal(flags_seen, "+.+.");
    fd_close(fd);
}

static void
test_conn_frame_of_the_whole_tail(void **state)
{
    static char bytes[1000];
    int fd;

    pattern_fill(bytes, 984);
    limits.frame_max = 984; /* and 16 bytes for the length and more: as much as there can be */
    fixture_start(stream_framed(&framing_2), &transport_plain);
    fd = peer_unix();
    for (unsigned n = 1; n <= 3; n++) {
        peer_send(fd, "\3\330", 2);
        for (size_t at = 0; at < 984; at += 123) {
            assert_int_equal(seen[0].frames, n - 1);
            peer_send(fd, bytes + at, 123);
            calm();
        }
        assert_int_equal(seen[0].frames, n);
        assert_memory_equal(seen[0].bytes + (n - 1) * 985, bytes, 984);
    }
    fd_close(fd);
}

/* ---- Stopping in the middle ------------------------------------------------------------------ */

static void (*at_second)(struct seen *s);

static int
frame_second(struct seen *s, const char *data, size_t len)
{
    strcat(flags_seen, s->flags & GOEVD_FRAME_MORE ? "+" : ".");
    if (s->frames == 2)
        at_second(s);
    return 0;
}

static int
start_second(void (*fn)(struct seen *s), const char *text)
{
    int fd;

    at_second = fn;
    script.frame = frame_second;
    fixture_start(stream_framed(&framing_lines), &transport_plain);
    fd = peer_unix();
    peer_say(fd, text);
    until(seen[0].frames >= 2);
    return fd;
}

static void
second_pauses(struct seen *s)
{
    conn_pause(s->c);
}

static void
test_conn_frames_pause_in_the_middle(void **state)
{
    struct seen *s = &seen[0];
    int fd = start_second(second_pauses, "a\nb\nc\nd\ne");

    peer_say(fd, "f\n");
    calm();
    assert_int_equal(s->frames, 2);
    conn_resume(s->c);
    assert_int_equal(s->frames, 2); /* from the loop */
    until(s->frames == 5);
    assert_string_equal(s->bytes, "a|b|c|d|ef|");
    assert_string_equal(flags_seen, "+++..");
    fd_close(fd);
}

static void
test_conn_frames_and_their_end_wait_behind_a_pause(void **state)
{
    struct seen *s = &seen[0];
    int fd = start_second(second_pauses, "a\nb\nc\nd\ne");

    shutdown(fd, SHUT_WR);
    calm();
    assert_int_equal(s->frames + s->eofs + s->errors, 2);
    script.frame_error = NULL;
    conn_resume(s->c);
    until(s->closed);
    assert_string_equal(s->bytes, "a|b|c|d|");
    assert_int_equal(s->errors, 1);
    assert_int_equal(s->error, -ENODATA);
    fd_close(fd);
}

static int
frame_pause_and_resume(struct seen *s, const char *data, size_t len)
{
    conn_pause(s->c);
    conn_resume(s->c);
    return 0;
}

static void
test_conn_frames_resume_within_each(void **state)
{
    int fd;

    script.frame = frame_pause_and_resume;
    fixture_start(stream_framed(&framing_lines), &transport_plain);
    fd = peer_unix();
    peer_say(fd, "a\nb\nc\nd");
    until(seen[0].frames == 3);
    peer_say(fd, "e\n");
    until(seen[0].frames == 4);
    assert_string_equal(seen[0].bytes, "a|b|c|de|");
    fd_close(fd);
}

static void
second_closes(struct seen *s)
{
    conn_close(s->c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
}

static void
test_conn_frames_close_in_the_middle(void **state)
{
    int fd = start_second(second_closes, "a\nb\nc\nd\n");

    fd_close(fd);
    until(seen[0].closed);
    assert_string_equal(seen[0].bytes, "a|b|");
    assert_int_equal(seen[0].reason, GOEVD_REASON_HANDLER);
}

static int
frame_fails(struct seen *s, const char *data, size_t len)
{
    return s->frames == 2 ? -EPROTO : 0;
}

static void
test_conn_frame_negative_closes(void **state)
{
    int fd;

    script.frame = frame_fails;
    fixture_start(stream_framed(&framing_lines), &transport_plain);
    fd = peer_unix();
    peer_say(fd, "a\nb\nc\n");
    fd_close(fd);
    until(seen[0].closed);
    assert_int_equal(seen[0].frames, 2);
    assert_int_equal(seen[0].reason, GOEVD_REASON_HANDLER);
}

/* To one that takes bytes as they come, and back. */
static void
second_upgrades(struct seen *s)
{
    struct service_handler handler = {.stream = &stream_full};
    struct service *to;

    if (s != &seen[0])
        return;
    assert_int_equal(service_upgrade(s->c->service, &handler, &to), 0);
    assert_int_equal(conn_upgrade(s->c, to, NULL, 0), 0);
}

static ptrdiff_t
read_upgrades(struct seen *s, const char *data, size_t len)
{
    struct service_handler handler = {.stream = service->stream};
    struct service *to;

    assert_int_equal(service_upgrade(s->c->service->origin, &handler, &to), 0);
    assert_int_equal(conn_upgrade(s->c, to, NULL, 0), 0);
    return 2;
}

static void
test_conn_frames_upgrade_in_the_middle(void **state)
{
    int fd;

    script.read = read_upgrades;
    fd = start_second(second_upgrades, "a\nb\nraw\nc\nd");
    until(seen_count == 3 && seen[2].frames == 2);
    assert_string_equal(seen[0].bytes, "a|b|");
    assert_int_equal(seen[0].reason, GOEVD_REASON_UPGRADED);
    assert_string_equal(seen[1].bytes, "ra");
    assert_string_equal(seen[2].bytes, "w|c|");
    peer_say(fd, "e\n");
    until(seen[2].frames == 3);
    assert_string_equal(seen[2].bytes, "w|c|de|");
    fd_close(fd);
}

/* ---- Output above the high mark -------------------------------------------------------------- */

static char answer[10000];

static int
frame_answers(struct seen *s, const char *data, size_t len)
{
    return conn_write(s->c, answer, sizeof(answer));
}

/* Thirty lines, and a peer that reads slowly. */
static void
check_answers(void)
{
    struct seen *s = &seen[0];
    char lines[100] = "", frames[100] = "";
    size_t heard = 0;
    int fd;

    for (unsigned n = 1; n <= 30; n++) {
        sprintf(lines + strlen(lines), "%u\n", n);
        sprintf(frames + strlen(frames), "%u|", n);
    }
    faults.write_max = 3000;
    fixture_start(stream_framed(&framing_lines), &transport_faulty);
    fd = peer_unix();
    peer_say(fd, lines);
    calm();
    assert_in_range(s->frames, 2, 29); /* the socket is full, and then the queue */
    until(({
        char scrap[3000];
        ssize_t n = recv(fd, scrap, sizeof(scrap), 0);

        heard += n > 0 ? (size_t)n : 0;
        assert_true(conn_queued(s->c) <= limits.output_high + sizeof(answer));
        heard == 30 * sizeof(answer);
    }));
    assert_string_equal(s->bytes, frames);
    assert_true(s->drained > 0);
    fd_close(fd);
}

static void
test_conn_frames_wait_while_the_output_is_high(void **state)
{
    script.frame = frame_answers;
    check_answers();
    assert_int_equal(seen[0].frames, 30);
}

/* An answer that does not fit: its frame comes again. */
static void
test_conn_frame_that_cannot_be_answered_comes_again(void **state)
{
    limits.output_high = limits.output_low = sizeof(answer) - 1;
    limits.output_max = sizeof(answer);
    script.frame = frame_answers;
    check_answers();
    assert_true(seen[0].frames > 30);
}

static int
frame_busy(struct seen *s, const char *data, size_t len)
{
    return -ENOBUFS; /* of something else */
}

static void
test_conn_frame_is_not_kept_for_another_queue(void **state)
{
    int fd;

    script.frame = frame_busy;
    fixture_start(stream_framed(&framing_lines), &transport_plain);
    fd = peer_unix();
    peer_say(fd, "a\n");
    fd_close(fd);
    until(seen[0].closed);
    assert_int_equal(seen[0].frames, 1);
    assert_int_equal(seen[0].reason, GOEVD_REASON_HANDLER);
}

static int
frame_waits(struct seen *s, const char *data, size_t len)
{
    if (s->frames != 2)
        return 0;
    conn_pause(s->c);
    return -ENOBUFS; /* of the one that it is passed on to */
}

static void
test_conn_frame_is_kept_while_paused(void **state)
{
    int fd;

    script.frame = frame_waits;
    fixture_start(stream_framed(&framing_lines), &transport_plain);
    fd = peer_unix();
    peer_say(fd, "a\nb\nc\nd");
    until(seen[0].frames == 2);
    peer_say(fd, "e\n");
    calm();
    assert_int_equal(seen[0].frames, 2);
    assert_string_equal(seen[0].bytes, "a|");
    conn_resume(seen[0].c);
    until(seen[0].frames == 5);
    assert_string_equal(seen[0].bytes, "a|b|c|de|");
    fd_close(fd);
}

#define FRAME_TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FRAME_TEST(test_conn_frames_cut_at_every_byte),
        FRAME_TEST(test_conn_frames_of_short_reads),
        FRAME_TEST(test_conn_frames_of_one_read_are_answered_by_one_write),
        FRAME_TEST(test_conn_frame_more_only_before_whole_ones),
        FRAME_TEST(test_conn_frame_of_the_whole_tail),
        FRAME_TEST(test_conn_frames_pause_in_the_middle),
        FRAME_TEST(test_conn_frames_and_their_end_wait_behind_a_pause),
        FRAME_TEST(test_conn_frames_resume_within_each),
        FRAME_TEST(test_conn_frames_close_in_the_middle),
        FRAME_TEST(test_conn_frame_negative_closes),
        FRAME_TEST(test_conn_frames_upgrade_in_the_middle),
        FRAME_TEST(test_conn_frames_wait_while_the_output_is_high),
        FRAME_TEST(test_conn_frame_that_cannot_be_answered_comes_again),
        FRAME_TEST(test_conn_frame_is_not_kept_for_another_queue),
        FRAME_TEST(test_conn_frame_is_kept_while_paused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
