#include "unit/net/net_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "net/proxy/proxied.h"

#define LINE "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"
#define BYTES                                                                                      \
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\300\0\2\1\306\63\144\2\334\4\1\273" /* the same            \
                                                                             */
#define TOLD_FROM "192.0.2.1:56324"
#define TOLD_TO "198.51.100.2:443"

static struct cidr cidrs[2];
static struct proxy_policy policy;
static unsigned bad;
static int bad_error;

static void
on_bad(const struct conn *c, int error, void *arg)
{
    assert_ptr_equal(arg, &policy);
    assert_false(c->flags & CONN_OPENED);
    bad++;
    bad_error = error;
}

/* Proxies are on 127.0.0.0/8 and on unix sockets. */
static void
start(void)
{
    cidr_parse("127.0.0.0/8", &cidrs[0], NULL);
    cidr_parse("unix", &cidrs[1], NULL);
    policy = (struct proxy_policy){.cidrs = cidrs,
                                   .cidr_count = 2,
                                   .timeout_ns = 10 * NS_PER_S,
                                   .header_max = 512,
                                   .on_bad = on_bad,
                                   .on_bad_arg = &policy};
    bad = 0;
    bad_error = 0;
    limits.linger_timeout_ns = 0;
    fixture_start(&stream_full, &transport_plain);
    service_begin_with(service, &prologue_proxied);
    service->proxy = &policy;
}

static uint64_t
outcomes(enum net_proxy outcome)
{
    return metric_get(&net->metrics->proxy[outcome]);
}

static const char *
address_text(socklen_t len, const struct sockaddr_storage *a)
{
    static char text[ADDRESS_TEXT_MAX];

    return address_format((const struct sockaddr *)a, len, text, sizeof(text));
}

static void
check_addresses(const struct seen *s, const char *peer, const char *local)
{
    struct sockaddr_storage a;
    socklen_t len = conn_peer_address(s->c, &a);

    assert_string_equal(address_text(len, &a), peer);
    len = conn_local_address(s->c, &a);
    assert_string_equal(address_text(len, &a), local);
}

/* Those of the other end of fd. */
static void
check_own_addresses(const struct seen *s, int fd)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof(a);
    char peer[ADDRESS_TEXT_MAX], local[ADDRESS_TEXT_MAX];

    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    strcpy(peer, address_text(len, &a));
    len = sizeof(a);
    assert_int_equal(getpeername(fd, (struct sockaddr *)&a, &len), 0);
    strcpy(local, address_text(len, &a));
    check_addresses(s, peer, local);
}

/* What on_open sees. */
static int
open_told(struct seen *s)
{
    check_addresses(s, TOLD_FROM, TOLD_TO);
    return 0;
}

/* ---- Headers that are true ------------------------------------------------------------------- */

static const struct {
    const char *data;
    size_t len;
} headers[] = {{LINE, sizeof(LINE) - 1}, {BYTES, sizeof(BYTES) - 1}};

static void
test_proxied_addresses_are_those_of_the_header(void **state)
{
    int (*const peers[])(void) = {peer_tcp, peer_unix};

    start();
    script.open = open_told;
    for (size_t i = 0; i < 4; i++) {
        int fd = peers[i / 2]();

        peer_send(fd, headers[i % 2].data, headers[i % 2].len);
        until(seen_count == i + 1);
        assert_int_equal(seen[i].c->bytes_in, 0);
        check_addresses(&seen[i], TOLD_FROM, TOLD_TO);
        fd_close(fd);
        until(seen[i].closed);
    }
    assert_int_equal(outcomes(NET_PROXY_READ), 4);
    assert_int_equal(bad, 0);
}

/* In one piece with the header, in every way to cut the two in two, and byte by byte. */
static void
check_behind(size_t which, size_t cut)
{
    char data[256];
    size_t len = headers[which].len + 5;
    const struct seen *s = &seen[seen_count];
    int fd = which ? peer_tcp() : peer_unix();

    memcpy(data, headers[which].data, headers[which].len);
    memcpy(data + headers[which].len, "hello", 5);
    if (cut > 0)
        peer_send(fd, data, cut);
    if (cut > 0)
        calm();
    peer_send(fd, data + cut, len - cut);
    until(s->count == 5);
    assert_memory_equal(s->bytes, "hello", 5);
    assert_int_equal(s->opened, 1);
    fd_close(fd);
    until(s->closed);
}

static void
test_proxied_takes_no_byte_behind_the_header(void **state)
{
    start();
    script.open = open_told;
    for (size_t which = 0; which < 2; which++)
        for (size_t cut = 0; cut < headers[which].len + 5; cut++)
            check_behind(which, cut);
}

static void
test_proxied_header_byte_by_byte(void **state)
{
    start();
    script.open = open_told;
    for (size_t which = 0; which < 2; which++) {
        int fd = peer_tcp();

        for (size_t i = 0; i < headers[which].len; i++) {
            assert_int_equal(seen_count, which);
            peer_send(fd, headers[which].data + i, 1);
            turn(100);
        }
        until(seen_count == which + 1);
        peer_say(fd, "x");
        until(seen[which].count == 1);
        fd_close(fd);
    }
}

static void
test_proxied_header_that_tells_nothing_leaves_the_sockets_addresses(void **state)
{
    static const char unknown[] = "PROXY UNKNOWN 1.2.3.4\r\n";
    static const char local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0";
    int fds[2];

    start();
    fds[0] = peer_tcp();
    fds[1] = peer_tcp();
    peer_send(fds[0], unknown, sizeof(unknown) - 1);
    until(seen_count == 1);
    check_own_addresses(&seen[0], fds[0]);
    peer_send(fds[1], local, sizeof(local));
    until(seen_count == 2);
    check_own_addresses(&seen[1], fds[1]);
    fd_close(fds[0]);
    fd_close(fds[1]);
}

static void
test_proxied_tells_the_proxys_address_too(void **state)
{
    struct sockaddr_storage a, own;
    socklen_t len = sizeof(own);
    int fd;

    start();
    fd = peer_tcp();
    peer_say(fd, LINE);
    until(seen_count == 1);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
    assert_int_equal(conn_proxy_address(seen[0].c, &a), len);
    assert_memory_equal(&a, &own, len);
    fd_close(fd);
}

static void
test_proxied_header_at_its_limit(void **state)
{
    char header[1024] = "\r\n\r\n\0\r\nQUIT\n\x21\0";
    int fd;

    start();
    header[14] = (char)((policy.header_max - 16) >> 8);
    header[15] = (char)(policy.header_max - 16);
    header[16] = 4; /* NOOP */
    header[17] = (char)((policy.header_max - 19) >> 8);
    header[18] = (char)(policy.header_max - 19);
    fd = peer_tcp();
    peer_send(fd, header, policy.header_max);
    peer_say(fd, "x");
    until(seen_count == 1 && seen[0].count == 1);
    fd_close(fd);
    policy.header_max--;
    fd = peer_tcp();
    peer_send(fd, header, 16); /* its length is enough */
    until(net->conns == 0);
    assert_int_equal(bad_error, -EMSGSIZE);
    assert_int_equal(outcomes(NET_PROXY_MALFORMED), 1);
    assert_int_equal(seen_count, 1);
    fd_close(fd);
}

/* ---- Not a proxy ----------------------------------------------------------------------------- */

static void
test_proxied_header_of_somebody_else_is_data(void **state)
{
    int fd;

    start();
    policy.cidrs = &cidrs[1];
    policy.cidr_count = 1;
    fd = peer_tcp();
    until(seen_count == 1); /* before a byte has come */
    check_own_addresses(&seen[0], fd);
    peer_say(fd, LINE);
    until(seen[0].count == strlen(LINE));
    assert_memory_equal(seen[0].bytes, LINE, strlen(LINE));
    check_own_addresses(&seen[0], fd);
    assert_int_equal(outcomes(NET_PROXY_READ), 0);
    fd_close(fd);
}

/* ---- Headers that lie, or do not come -------------------------------------------------------- */

static void
test_proxied_without_a_header_is_closed_and_counted(void **state)
{
    static const char *const wrong[] = {"GET / HTTP/1.1\r\n\r\n", "PROXY TCP4 1.2.3.4\r\n",
                                        "\r\n\r\nx", "PROXY TCP4 1.2.3.4 1.2.3.4 99999 1\r\n"};

    start();
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        int fd = i % 2 ? peer_tcp() : peer_unix();

        calm();
        peer_say(fd, wrong[i]);
        until(net->conns == 0);
        assert_true(peer_drain(fd, NULL, 0) <= 0);
        assert_int_equal(bad, i + 1);
        assert_int_equal(bad_error, -EBADMSG);
        assert_int_equal(outcomes(NET_PROXY_MALFORMED), i + 1);
        fd_close(fd);
    }
    assert_int_equal(seen_count, 0);
    assert_int_equal(metric_get(&net->metrics->closed[GOEVD_REASON_ERROR]), ARRAY_LEN(wrong));
}

static void
test_proxied_silence_has_an_end(void **state)
{
    uint64_t begin;
    int silent, half;

    start();
    policy.timeout_ns = 60 * NS_PER_MS;
    begin = clock_now_ns();
    silent = peer_tcp();
    half = peer_unix();
    peer_send(half, LINE, 20);
    until(net->conns == 0);
    assert_true(clock_now_ns() - begin >= 50 * NS_PER_MS);
    assert_int_equal(outcomes(NET_PROXY_TIMEOUT), 2);
    assert_int_equal(bad, 2);
    assert_int_equal(bad_error, -ETIMEDOUT);
    assert_int_equal(seen_count, 0);
    fd_close(silent);
    fd_close(half);
}

/* A byte now and then does not win time. */
static void
test_proxied_trickle_has_an_end(void **state)
{
    int fd;

    start();
    policy.timeout_ns = 60 * NS_PER_MS;
    fd = peer_tcp();
    for (size_t i = 0; net->conns > 0; i++) {
        assert_true(i < strlen(LINE) - 1);
        send(fd, &LINE[i], 1, MSG_NOSIGNAL);
        rounds_within(10);
    }
    assert_int_equal(outcomes(NET_PROXY_TIMEOUT), 1);
    fd_close(fd);
}

static void
test_proxied_time_for_the_header_ends_with_it(void **state)
{
    int fd;

    start();
    policy.timeout_ns = 60 * NS_PER_MS;
    fd = peer_tcp();
    peer_say(fd, LINE);
    until(seen_count == 1);
    rounds_within(150);
    assert_int_equal(seen[0].timeouts, 0);
    assert_int_equal(seen[0].closed, 0);
    assert_int_equal(outcomes(NET_PROXY_TIMEOUT), 0);
    fd_close(fd);
}

static int
open_deadline(struct seen *s)
{
    conn_deadline(s->c, 30 * NS_PER_MS);
    return 0;
}

static void
test_proxied_deadline_of_the_handler_follows(void **state)
{
    int fd;

    start();
    script.open = open_deadline;
    script.timeout = NULL;
    fd = peer_tcp();
    peer_say(fd, LINE);
    until(seen_count == 1 && seen[0].timeouts == 1);
    assert_int_equal(seen[0].cookie, GOEVD_DEADLINE);
    assert_int_equal(seen[0].closed, 0);
    fd_close(fd);
}

static void
test_proxied_end_before_the_header_is_counted(void **state)
{
    int nothing, half;

    start();
    nothing = peer_tcp();
    half = peer_tcp();
    calm();
    peer_send(half, LINE, 20);
    calm();
    fd_close(nothing);
    fd_close(half);
    until(net->conns == 0);
    assert_int_equal(outcomes(NET_PROXY_CLOSED), 2);
    assert_int_equal(bad, 0); /* health checks do so */
    assert_int_equal(seen_count, 0);
}

static void
test_proxied_slow_header_holds_nobody_else(void **state)
{
    int slow, quick;

    start();
    slow = peer_tcp();
    peer_send(slow, LINE, 20);
    calm();
    assert_true(rounds_within(50) <= 3); /* half a header does not spin */
    quick = peer_tcp();
    peer_say(quick, LINE "x");
    until(seen_count == 1 && seen[0].count == 1);
    peer_say(slow, &LINE[20]);
    until(seen_count == 2);
    fd_close(slow);
    fd_close(quick);
}

/* It is on its way: no client is lost to a reload. */
static void
test_proxied_stop_waits_for_a_header(void **state)
{
    int fd;

    start();
    fd = peer_tcp();
    peer_send(fd, LINE, 20);
    calm();
    net_stop(net, NULL, NULL);
    calm();
    assert_int_equal(net->conns, 1);
    peer_say(fd, &LINE[20]);
    until(seen_count == 1 && seen[0].stops == 1);
    assert_int_equal(seen[0].opened, 1);
    fd_close(fd);
}

static void
test_proxied_stop_waits_no_longer_than_its_time(void **state)
{
    int fd;

    start();
    policy.timeout_ns = 60 * NS_PER_MS;
    fd = peer_tcp();
    net_stop(net, NULL, NULL);
    until(net->conns == 0);
    assert_int_equal(outcomes(NET_PROXY_TIMEOUT), 1);
    fd_close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        NET_TEST(test_proxied_addresses_are_those_of_the_header),
        NET_TEST(test_proxied_takes_no_byte_behind_the_header),
        NET_TEST(test_proxied_header_byte_by_byte),
        NET_TEST(test_proxied_header_that_tells_nothing_leaves_the_sockets_addresses),
        NET_TEST(test_proxied_tells_the_proxys_address_too),
        NET_TEST(test_proxied_header_at_its_limit),
        NET_TEST(test_proxied_header_of_somebody_else_is_data),
        NET_TEST(test_proxied_without_a_header_is_closed_and_counted),
        NET_TEST(test_proxied_silence_has_an_end),
        NET_TEST(test_proxied_trickle_has_an_end),
        NET_TEST(test_proxied_time_for_the_header_ends_with_it),
        NET_TEST(test_proxied_deadline_of_the_handler_follows),
        NET_TEST(test_proxied_end_before_the_header_is_counted),
        NET_TEST(test_proxied_slow_header_holds_nobody_else),
        NET_TEST(test_proxied_stop_waits_for_a_header),
        NET_TEST(test_proxied_stop_waits_no_longer_than_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
