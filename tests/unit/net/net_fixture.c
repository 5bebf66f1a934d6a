#include "unit/net/net_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <goevd/framing.h>

#include "base/fd.h"

struct script script;
struct leave leave;
struct seen seen[SEEN_MAX];
unsigned seen_count;
struct poller_config poller_config;
struct conn_limits limits;
struct poller *poller;
struct net *net;
struct service *service;

/* ---- The handler ----------------------------------------------------------------------------- */

static struct seen *
seen_of(struct goevd_conn *c, void *state)
{
    struct seen **of = state, *s = *of;

    if (!s) {
        assert_true(seen_count < SEEN_MAX);
        s = *of = &seen[seen_count++];
        s->c = (struct conn *)c;
        s->id = s->c->watch.id;
    }
    assert_ptr_equal(s->c, c);
    assert_int_equal(s->closed, 0); /* on_close was the last callback */
    assert_false(s->busy);          /* none inside another of the same connection */
    s->busy = true;
    return s;
}

static int
seen_leave(struct seen *s, int r)
{
    s->busy = false;
    return r;
}

static int
seen_open(struct goevd_conn *c, void *state)
{
    struct seen *s = seen_of(c, state);

    s->opened++;
    return seen_leave(s, script.open ? script.open(s) : 0);
}

static void
seen_keep(struct seen *s, const char *data, size_t len)
{
    s->bytes = realloc(s->bytes, s->count + len + 1);
    assert_non_null(s->bytes);
    memcpy(s->bytes + s->count, data, len);
    s->count += len;
    s->bytes[s->count] = '\0';
}

static ptrdiff_t
seen_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
          unsigned flags)
{
    struct seen *s = seen_of(c, state);
    ptrdiff_t used;

    assert_true(fresh <= len && len > 0);
    s->reads++;
    s->flags = flags;
    s->len = len;
    s->fresh = fresh;
    used = script.read ? script.read(s, data, len) : (ptrdiff_t)len;
    if (used > 0)
        seen_keep(s, data, (size_t)used);
    s->busy = false;
    return used;
}

static int
seen_frame(struct goevd_conn *c, void *state, const char *data, size_t len, unsigned flags)
{
    struct seen *s = seen_of(c, state);
    int r;

    s->frames++;
    s->flags = flags;
    s->len = len;
    r = script.frame ? script.frame(s, data, len) : 0;
    if (r >= 0) {
        seen_keep(s, data, len);
        seen_keep(s, "|", 1);
    }
    return seen_leave(s, r);
}

static int
seen_frame_error(struct goevd_conn *c, void *state, const char *data, size_t len, int error)
{
    struct seen *s = seen_of(c, state);

    s->errors++;
    s->error = error;
    s->len = len;
    return seen_leave(s, script.frame_error ? script.frame_error(s, data, len) : -1);
}

static int
seen_eof(struct goevd_conn *c, void *state)
{
    struct seen *s = seen_of(c, state);

    s->eofs++;
    return seen_leave(s, script.eof ? script.eof(s) : -1);
}

static int
seen_drained(struct goevd_conn *c, void *state)
{
    struct seen *s = seen_of(c, state);

    s->drained++;
    return seen_leave(s, script.drained ? script.drained(s) : 0);
}

static int
seen_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    struct seen *s = seen_of(c, state);

    s->timeouts++;
    s->cookie = cookie;
    return seen_leave(s, script.timeout ? script.timeout(s, cookie) : 0);
}

static int
seen_stop(struct goevd_conn *c, void *state)
{
    struct seen *s = seen_of(c, state);

    s->stops++;
    return seen_leave(s, script.stop ? script.stop(s) : -1);
}

static void
seen_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct seen *s = seen_of(c, state);

    s->reason = reason;
    if (script.close)
        script.close(s);
    s->closed++;
    s->busy = false;
}

const struct goevd_stream stream_full = {
    .conn_size = sizeof(struct seen *),
    .on_open = seen_open,
    .on_read = seen_read,
    .on_eof = seen_eof,
    .on_drained = seen_drained,
    .on_timeout = seen_timeout,
    .on_stop = seen_stop,
    .on_close = seen_close,
};

const struct goevd_stream *
stream_framed(const struct goevd_framing *framing)
{
    static struct goevd_stream framed;

    framed = stream_full;
    framed.on_read = NULL;
    framed.framing = framing;
    framed.on_frame = seen_frame;
    framed.on_frame_error = seen_frame_error;
    return &framed;
}

const struct goevd_stream stream_bare = {
    .conn_size = sizeof(struct seen *),
    .on_read = seen_read,
    .on_close = seen_close,
};

ptrdiff_t
script_echo(struct seen *s, const char *data, size_t len)
{
    return conn_write(s->c, data, len) < 0 ? -1 : (ptrdiff_t)len;
}

ptrdiff_t
script_leave(struct seen *s, const char *data, size_t len)
{
    if (leave.need)
        conn_need(s->c, leave.need);
    if (leave.pause)
        conn_pause(s->c);
    return len > leave.keep ? (ptrdiff_t)(len - leave.keep) : 0;
}

int
script_go_on(struct seen *s)
{
    return 0;
}

/* ---- Beginning and end ----------------------------------------------------------------------- */

int
fixture_setup(void **state)
{
    signal(SIGPIPE, SIG_IGN); /* as poller threads block it: sendfile(2) cannot do without */
    memset(seen, 0, sizeof(seen));
    seen_count = 0;
    script = (struct script){0};
    faults = (struct faults){0};
    leave = (struct leave){0};
    poller_config = (struct poller_config){.read_buffer_bytes = 16384,
                                           .write_buffer_bytes = 4096,
                                           .events_max = 64,
                                           .accepts_max = 16,
                                           .messages_max = 64,
                                           .mailbox_max = 1000,
                                           .buffers_kept_max = 32768};
    limits = (struct conn_limits){.idle_timeout_ns = 60 * NS_PER_S,
                                  .close_timeout_ns = 60 * NS_PER_S,
                                  .linger_timeout_ns = 60 * NS_PER_S,
                                  .tail_max = 1000,
                                  .frame_max = 900,
                                  .output_low = 1000,
                                  .output_high = 8000,
                                  .output_max = 32000};
    return 0;
}

void
fixture_start(const struct goevd_stream *stream, const struct transport *transport)
{
    struct service_handler handler = {.stream = stream};

    assert_int_equal(poller_new(&poller_config, &poller, NULL), 0);
    poller_current = poller;
    assert_int_equal(net_new(poller, limits.tail_max, NULL), 0);
    net = net_of(poller);
    assert_int_equal(service_new(net, &handler, transport, &limits, &service), 0);
}

int
fixture_teardown(void **state)
{
    unsigned open = 0;

    if (!poller)
        return 0;
    script = (struct script){0};
    calm();
    net_close_all(net);
    net_free(poller);
    service_free(service);
    poller_free(poller);
    poller = NULL;
    for (unsigned i = 0; i < seen_count; i++) {
        open += seen[i].closed != 1 || seen[i].opened > 1;
        free(seen[i].bytes);
    }
    if (open)
        print_error("%u connections without their one on_open and on_close\n", open);
    return open ? -1 : 0;
}

/* ---- The other end --------------------------------------------------------------------------- */

int
peer_unix(void)
{
    struct sockaddr sa = {.sa_family = AF_UNIX};
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(conn_open(service, fds[0], &sa, NULL), 0);
    return fds[1];
}

int
peer_tcp(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    int on = 1, fd, accepted, listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(listening, (struct sockaddr *)&in, len), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&in, &len), 0);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&in, len), 0);
    len = sizeof(in);
    accepted = accept4(listening, (struct sockaddr *)&in, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(accepted >= 0);
    fd_close(listening);
    fd_set_nonblock(fd, true);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    assert_int_equal(conn_open(service, accepted, (struct sockaddr *)&in, NULL), 0);
    return fd;
}

void
peer_send(int fd, const void *data, size_t len)
{
    assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

void
peer_say(int fd, const char *text)
{
    peer_send(fd, text, strlen(text));
}

const char *
peer_hear(int fd, size_t len)
{
    static char heard[1 << 19];
    size_t have = 0;

    assert_true(len < sizeof(heard));
    memset(heard, 0, len + 1);
    until(({
        ssize_t n = recv(fd, heard + have, len - have, 0);
        assert_true(n > 0 || (n < 0 && errno == EAGAIN) || have == len);
        have += n > 0 ? (size_t)n : 0;
        have == len;
    }));
    return heard;
}

ssize_t
peer_drain(int fd, char *ret, size_t size)
{
    char scrap[65536];
    size_t have = 0;
    ssize_t n;

    until(({
        while ((n = recv(fd, scrap, sizeof(scrap), 0)) > 0) {
            if (ret && have < size)
                memcpy(ret + have, scrap, MIN((size_t)n, size - have));
            have += (size_t)n;
        }
        n == 0 || errno != EAGAIN;
    }));
    return n == 0 ? (ssize_t)have : -errno;
}

bool
peer_ended(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK) == 0;
}

char
pattern(size_t i)
{
    return (char)('!' + (i * 7 + i / 89) % 90);
}

void
pattern_fill(char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        data[i] = pattern(i);
}

bool
pattern_is(const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (data[i] != pattern(i))
            return false;
    return true;
}

/* ---- Turning --------------------------------------------------------------------------------- */

void
turn(int timeout_ms)
{
    assert_int_equal(poller_round(poller, timeout_ms), 0);
}

void
calm(void)
{
    uint64_t before;
    int left = 10000;

    do {
        before = poller->metrics->events + poller->metrics->timers + poller->metrics->messages;
        turn(0);
        assert_true(--left > 0);
    } while (poller->tasks || before != poller->metrics->events + poller->metrics->timers +
                                            poller->metrics->messages);
}

uint64_t
rounds_within(unsigned ms)
{
    uint64_t begin = poller->metrics->rounds, end = clock_now_ns() + ms * NS_PER_MS;

    for (uint64_t now = clock_now_ns(); now < end; now = clock_now_ns())
        turn((int)((end - now) / NS_PER_MS) + 1);
    return poller->metrics->rounds - begin;
}
