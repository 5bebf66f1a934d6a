#include "unit/net/net_fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

/* `stream_full` is given over to `stream_next`, which counts on its own. */
struct next {
    unsigned opened, reads, eofs, timeouts, stops, closed;
    char bytes[100];
    size_t count;
    enum goevd_reason reason;
};

static struct next next[3];
static unsigned next_count;
static struct service *next_service;
static bool again; /* the next one gives it over once more */

static struct next *
next_of(void *state)
{
    struct next **of = state;

    if (!*of)
        *of = &next[next_count++];
    return *of;
}

static int
next_open(struct goevd_conn *c, void *state)
{
    next_of(state)->opened++;
    return 0;
}

static int
upgrade(struct conn *c)
{
    return conn_upgrade(c, next_service, NULL, 0);
}

static ptrdiff_t
next_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
          unsigned flags)
{
    struct next *n = next_of(state);
    size_t used = again ? 1 : len;

    n->reads++;
    memcpy(n->bytes + n->count, data, used);
    n->count += used;
    if (again && next_count < 3) {
        struct service_handler handler = {.stream = next_service->stream, .instance = n};
        struct service *deeper;

        assert_int_equal(service_upgrade(((struct conn *)c)->service, &handler, &deeper), 0);
        assert_int_equal(conn_upgrade((struct conn *)c, deeper, NULL, 0), 0);
    }
    return (ptrdiff_t)used;
}

static int
next_eof(struct goevd_conn *c, void *state)
{
    next_of(state)->eofs++;
    return -1;
}

static int
next_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    next_of(state)->timeouts++;
    return 0;
}

static int
next_stop(struct goevd_conn *c, void *state)
{
    next_of(state)->stops++;
    return -1;
}

static void
next_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    next_of(state)->closed++;
    next_of(state)->reason = reason;
}

static const struct goevd_stream stream_next = {
    .conn_size = 64,
    .on_open = next_open,
    .on_read = next_read,
    .on_eof = next_eof,
    .on_timeout = next_timeout,
    .on_stop = next_stop,
    .on_close = next_close,
};

static ptrdiff_t
read_upgrade(struct seen *s, const char *data, size_t len)
{
    assert_int_equal(conn_timer_arm(s->c, 1, 20 * NS_PER_MS, 0), 0);
    conn_deadline(s->c, 20 * NS_PER_MS);
    conn_need(s->c, 50); /* the next one knows nothing of that */
    conn_write(s->c, "101", 3);
    assert_int_equal(upgrade(s->c), 0);
    assert_int_equal(upgrade(s->c), -EPIPE); /* it has been given away */
    return 2;
}

/* The state there begins with a pointer that next_of() then takes for its own. */
static ptrdiff_t
read_upgrade_with_state(struct seen *s, const char *data, size_t len)
{
    static struct next *const kept_state[8] = {&next[2]};

    assert_int_equal(sizeof(kept_state), stream_next.conn_size);
    assert_int_equal(conn_upgrade(s->c, next_service, kept_state, stream_next.conn_size + 1),
                     -EINVAL);
    assert_int_equal(conn_upgrade(s->c, next_service, kept_state, stream_next.conn_size), 0);
    return (ptrdiff_t)len;
}

static int
upgrade_now(struct seen *s)
{
    return upgrade(s->c);
}

static int
timeout_upgrade(struct seen *s, uint64_t cookie)
{
    return upgrade(s->c);
}

static int
setup(void **state)
{
    struct service_handler handler = {.stream = &stream_next}, same = handler;
    struct service *twice;

    fixture_setup(state);
    memset(next, 0, sizeof(next));
    next_count = 0;
    again = false;
    fixture_start(&stream_full, &transport_plain);
    assert_int_equal(service_upgrade(service, &handler, &next_service), 0);
    assert_int_equal(service_upgrade(service, &same, &twice), 0);
    assert_ptr_equal(twice, next_service);
    return 0;
}

static int
teardown(void **state)
{
    int r = fixture_teardown(state);

    for (unsigned i = 0; i < next_count; i++)
        if (next[i].opened != 1 || next[i].closed != 1)
            r = -1;
    return r;
}

static void
test_conn_upgrade_hands_the_tail_over(void **state)
{
    int fd = peer_unix();

    script.read = read_upgrade;
    peer_say(fd, "abcd");
    until(next[0].count == 2);
    assert_string_equal(next[0].bytes, "cd");
    assert_int_equal(seen[0].closed, 1);
    assert_int_equal(seen[0].reason, GOEVD_REASON_UPGRADED);
    assert_string_equal(seen[0].bytes, "ab");
    assert_memory_equal(peer_hear(fd, 3), "101", 3);
    peer_say(fd, "ef");
    until(next[0].count == 4);
    rounds_within(80);
    assert_int_equal(seen[0].timeouts + next[0].timeouts, 0); /* cancelled */
    fd_close(fd);
    until(next[0].closed);
    assert_int_equal(next[0].reason, GOEVD_REASON_EOF);
    assert_int_equal(next[0].eofs, 1);
}

static void
test_conn_upgrade_with_a_state(void **state)
{
    int fd = peer_unix();

    script.read = read_upgrade_with_state;
    peer_say(fd, "ab");
    until(next[2].opened);
    assert_int_equal(next_count, 0);
    fd_close(fd);
    until(next[2].closed);
}

static void
test_conn_upgrade_without_a_tail_forgets_the_need(void **state)
{
    int fd = peer_unix();

    script.read = read_upgrade;
    peer_say(fd, "ab");
    until(next[0].opened);
    peer_say(fd, "cd");
    until(next[0].count == 2);
    fd_close(fd);
}

static void
test_conn_upgrade_from_an_upgraded_handler(void **state)
{
    int fd = peer_unix();

    again = true;
    script.read = read_upgrade;
    peer_say(fd, "abcdef");
    until(next_count == 3 && next[2].count > 0);
    assert_string_equal(next[0].bytes, "c");
    assert_string_equal(next[1].bytes, "d");
    assert_int_equal(next[2].bytes[0], 'e');
    assert_int_equal(next[0].reason, GOEVD_REASON_UPGRADED);
    assert_int_equal(next[1].reason, GOEVD_REASON_UPGRADED);
    fd_close(fd);
    until(next[2].closed);
}

static void
test_conn_upgrade_at_open(void **state)
{
    int fd;

    script.open = upgrade_now;
    fd = peer_unix();
    assert_int_equal(next[0].opened, 1);
    assert_int_equal(seen[0].closed, 1);
    peer_say(fd, "x");
    until(next[0].count == 1);
    fd_close(fd);
}

/* The bytes and their end have both come: each goes to the new one, in order. */
static void
test_conn_upgrade_with_the_end_behind_the_tail(void **state)
{
    int fd = peer_unix();

    script.read = script_leave;
    leave.keep = 100;
    peer_say(fd, "abcd");
    until(seen[0].reads == 1);
    script.read = read_upgrade;
    shutdown(fd, SHUT_WR);
    until(next[0].closed);
    assert_string_equal(next[0].bytes, "cd");
    assert_int_equal(next[0].eofs, 1);
    assert_int_equal(next[0].reason, GOEVD_REASON_EOF);
    fd_close(fd);
}

static void
test_conn_upgrade_from_on_eof_tells_the_new_one(void **state)
{
    int fd = peer_unix();

    script.eof = upgrade_now;
    shutdown(fd, SHUT_WR);
    until(next[0].closed);
    assert_int_equal(next[0].eofs, 1);
    fd_close(fd);
}

static int
open_paused(struct seen *s)
{
    conn_pause(s->c);
    return conn_timer_arm(s->c, 1, 20 * NS_PER_MS, 0);
}

static void
test_conn_upgrade_lifts_the_pause(void **state)
{
    int fd;

    script.open = open_paused;
    script.timeout = timeout_upgrade;
    fd = peer_unix();
    calm();
    until(next[0].opened);
    peer_say(fd, "x");
    until(next[0].count == 1);
    fd_close(fd);
}

static void
test_conn_upgrade_while_stopping_tells_the_new_one(void **state)
{
    int fd = peer_unix();

    script.stop = upgrade_now;
    limits.linger_timeout_ns = 0;
    net_stop(net, NULL, NULL);
    until(next[0].closed);
    assert_int_equal(seen[0].stops, 1);
    assert_int_equal(next[0].stops, 1);
    assert_int_equal(next[0].reason, GOEVD_REASON_STOP);
    fd_close(fd);
}

static void
close_upgrade(struct seen *s)
{
    if (s->reason != GOEVD_REASON_UPGRADED)
        assert_int_equal(upgrade(s->c), -EPIPE);
}

static void
test_conn_upgrade_is_refused_when_closing(void **state)
{
    int fd = peer_unix();

    script.close = close_upgrade;
    fd_close(fd);
    until(seen[0].closed);
    assert_int_equal(next_count, 0);
}

static ptrdiff_t
upgrade_and_close(struct seen *s, const char *data, size_t len)
{
    upgrade(s->c);
    conn_close(s->c, GOEVD_CLOSE_NOW, GOEVD_REASON_HANDLER);
    return 0;
}

static void
test_conn_upgrade_and_close_is_a_close(void **state)
{
    int fd = peer_unix();

    script.read = upgrade_and_close;
    peer_say(fd, "x");
    until(seen[0].closed);
    assert_int_equal(seen[0].reason, GOEVD_REASON_HANDLER);
    assert_int_equal(next_count, 0);
    fd_close(fd);
}

/* Dead while on the list of work: its memory goes back where it began. */
static ptrdiff_t
upgrade_listed(struct seen *s, const char *data, size_t len)
{
    conn_pause(s->c);
    conn_resume(s->c);
    upgrade(s->c);
    return 0;
}

static void
test_conn_upgrade_dies_on_the_list(void **state)
{
    for (unsigned i = 0; i < 3; i++) {
        int fd = peer_unix();

        script.read = upgrade_listed;
        peer_say(fd, "x");
        until(next_count == i + 1 && next[i].reads);
        conn_close(seen[i].c, GOEVD_CLOSE_NOW, GOEVD_REASON_HANDLER);
        net_close_all(net);
        assert_int_equal(next[i].closed, 1);
        fd_close(fd);
    }
    calm();
    assert_int_equal(service->slab.objects, 0);
    assert_int_equal(next_service->own_states.objects, 0);
}

#define UPGRADE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UPGRADE_TEST(test_conn_upgrade_hands_the_tail_over),
        UPGRADE_TEST(test_conn_upgrade_with_a_state),
        UPGRADE_TEST(test_conn_upgrade_without_a_tail_forgets_the_need),
        UPGRADE_TEST(test_conn_upgrade_from_an_upgraded_handler),
        UPGRADE_TEST(test_conn_upgrade_at_open),
        UPGRADE_TEST(test_conn_upgrade_with_the_end_behind_the_tail),
        UPGRADE_TEST(test_conn_upgrade_from_on_eof_tells_the_new_one),
        UPGRADE_TEST(test_conn_upgrade_lifts_the_pause),
        UPGRADE_TEST(test_conn_upgrade_while_stopping_tells_the_new_one),
        UPGRADE_TEST(test_conn_upgrade_is_refused_when_closing),
        UPGRADE_TEST(test_conn_upgrade_and_close_is_a_close),
        UPGRADE_TEST(test_conn_upgrade_dies_on_the_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
