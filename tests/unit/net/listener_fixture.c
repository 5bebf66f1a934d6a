#include "unit/net/listener_fixture.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/fd.h"

/* ---- The server ------------------------------------------------------------------------------ */

struct reactor *reactor, *acceptor;
struct listener *listener;
struct address bound;
struct listener_config listener_config;
struct poller_config listener_pollers;
atomic_uint opened, closed;
atomic_int pauses, resumes, pause_error;

/* Greets with the number of its poller. */
static int
greet(struct goevd_conn *public, void *state)
{
    struct conn *c = (struct conn *)public;
    unsigned char index = (unsigned char)c->service->net->poller->index;

    assert(poller_current == c->service->net->poller);
    atomic_fetch_add(&opened, 1);
    return conn_write(c, &index, 1);
}

static ptrdiff_t
echo(struct goevd_conn *public, void *state, const char *data, size_t len, size_t fresh,
     unsigned flags)
{
    return conn_write((struct conn *)public, data, len) < 0 ? -1 : (ptrdiff_t)len;
}

static void
count_close(struct goevd_conn *public, void *state, enum goevd_reason reason)
{
    atomic_fetch_add(&closed, 1);
}

static const struct goevd_stream stream = {
    .conn_size = 8, .on_open = greet, .on_read = echo, .on_close = count_close};

static void
on_pause(struct listener *l, int error, void *arg)
{
    atomic_fetch_add(error ? &pauses : &resumes, 1);
    if (error)
        atomic_store(&pause_error, error);
}

static int
start(struct poller *p, void *arg, struct err *reterr)
{
    int r = net_new(p, listener_config.limits.conn.tail_max, reterr);

    if (r == 0 && arg == listener_config.serve)
        r = listener_serve(listener, p, NULL);
    if (r == 0 && arg == listener_config.accept)
        r = listener_accept(listener, p, reterr);
    return r;
}

static void
stop(struct poller *p, void *arg)
{
    if (arg == listener_config.accept)
        listener_close(listener, p);
    net_close_all(net_of(p));
    net_free(p);
}

static struct reactor *
reactor_of(unsigned pollers)
{
    struct reactor_config c = {
        .name = "test", .pollers = pollers, .stack_bytes = 256 << 10, .poller = listener_pollers};
    struct reactor *r;

    assert_int_equal(reactor_new(&c, &r, NULL), 0);
    return r;
}

int
listener_setup(void **state)
{
    listener_config = (struct listener_config){.name = "test",
                                               .mode = LISTENER_REUSEPORT,
                                               .stream = &stream,
                                               .transport = &transport_plain,
                                               .on_pause = on_pause,
                                               .limits = {.conn = {.close_timeout_ns = NS_PER_S,
                                                                   .tail_max = 4096,
                                                                   .output_low = 1000,
                                                                   .output_high = 8000,
                                                                   .output_max = 32000},
                                                          .connections_max = 10000,
                                                          .imbalance_percent = 20}};
    listener_pollers = (struct poller_config){.read_buffer_bytes = 4096,
                                              .write_buffer_bytes = 4096,
                                              .events_max = 64,
                                              .accepts_max = 16,
                                              .messages_max = 64,
                                              .mailbox_max = 100};
    opened = closed = 0;
    pauses = resumes = pause_error = 0;
    acceptor = NULL;
    return 0;
}

/* As the holder of the sockets does. */
static void
listener_fixture_steer(const int *fds, unsigned count)
{
    unsigned cpus[POLLERS_MAX], n;
    uint16_t by_poller[POLLERS_MAX];

    n = listener_steer_cpus(&listener_config, by_poller);
    for (unsigned i = 0; i < n; i++)
        cpus[i] = by_poller[i];
    if (n > 0 && listen_can_steer(fds, count))
        assert_int_equal(listen_steer(fds[0], cpus, n, NULL), 0);
}

void
listener_start(const char *text, unsigned pollers)
{
    struct listen_options options = {.backlog = 1024,
                                     .nodelay = true,
                                     .unix_mode = 0600,
                                     .unix_uid = UINT32_MAX,
                                     .unix_gid = UINT32_MAX};
    struct address address;
    struct err err = {0};
    unsigned count;
    int fds[16];

    reactor = reactor_of(pollers);
    listener_config.serve = listener_config.accept = reactor;
    if (listener_config.mode == LISTENER_ACCEPTOR)
        listener_config.accept = acceptor = reactor_of(1);
    assert_int_equal(address_parse(text, &address, &err), 0);
    count = listener_config.mode == LISTENER_REUSEPORT && address_is_tcp(&address) ? pollers : 1;
    if (listen_open(&address, &options, count, fds, &bound, &err) < 0)
        fail_msg("%s", err.text);
    listener_fixture_steer(fds, count);
    assert_int_equal(listener_new(&listener_config, &bound, fds, count, &listener, &err), 0);
    assert_int_equal(reactor_start(reactor, start, stop, reactor, &err), 0);
    if (acceptor)
        assert_int_equal(reactor_start(acceptor, start, stop, acceptor, &err), 0);
}

int
listener_teardown(void **state)
{
    struct listen_file file;

    if (acceptor)
        reactor_stop(acceptor);
    reactor_stop(reactor);
    reactor_free(acceptor);
    reactor_free(reactor);
    assert_int_equal(listener->admission.count, 0);
    listener_free(listener);
    if (listen_file_find(&bound, &file) == 0)
        listen_unlink(&bound, &file);
    assert_int_equal(opened, closed);
    return 0;
}

/* ---- Clients --------------------------------------------------------------------------------- */

int
client_socket(const struct address *a)
{
    struct timeval patience = {.tv_sec = 10};
    int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
}

void
client_connect(int fd, const struct address *a)
{
    assert_int_equal(connect(fd, &a->sa, a->len), 0);
}

int
client_open(const struct address *a)
{
    int fd = client_socket(a);

    client_connect(fd, a);
    return fd;
}

/* signal(7): with a time-out, whoever is stopped and goes on has been interrupted. */
ssize_t
client_receive(int fd, void *data, size_t len)
{
    ssize_t n;

    do
        n = recv(fd, data, len, MSG_WAITALL);
    while (n < 0 && errno == EINTR);
    return n;
}

/* The poller that greets, or -1 at the end. */
int
client_greeting(int fd)
{
    unsigned char index;
    ssize_t n = client_receive(fd, &index, 1);

    assert_true(n >= 0 || errno == ECONNRESET);
    return n == 1 ? index : -1;
}

void
client_echo(int fd)
{
    char answer[5] = "";

    assert_int_equal(send(fd, "ping", 4, MSG_NOSIGNAL), 4);
    assert_int_equal(client_receive(fd, answer, 4), 4);
    assert_string_equal(answer, "ping");
}

bool
client_waits(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}
