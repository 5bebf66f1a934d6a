/* A load of lines, or of WebSocket messages: connections that each send --depth of them in one
 * write, wait until all are answered, and send again, for --seconds or until there were --rounds.
 *
 *   lines --port N [--connections N] [--depth N] [--seconds N | --rounds N]
 *         [--line TEXT] [--answer TEXT]
 *   lines --port N [--connections N] [--depth N] [--seconds N | --rounds N]
 *         --websocket PATH [--size N]
 *
 * Each line gets --answer (by default it comes back itself), and each message, of --size letters,
 * itself in one frame; anything else ends the load. Prints
 *
 *   RESULT lines microseconds p50 p99 p99.9 longest
 *
 * where the last four are of the times from a write to the last answer to it, in microseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "websocket/message/frame.h"
#include "websocket/message/mask.h"

#define EVENTS_MAX 64
#define BUFFER_BYTES 65536

struct text {
    char *data;
    size_t len;
};

struct conn {
    int fd;
    size_t written, answered; /* bytes of this round */
    uint64_t begun_ns;
};

struct load {
    long port, connections, depth, seconds, size;
    long rounds_wanted; /* 0: as many as there is time for */
    const char *line, *answer;
    const char *path;           /* of WebSocket; NULL: lines */
    struct text request, reply; /* of a whole round */
    int epoll;
    uint64_t end_ns;
    long active; /* connections */
    struct conn *conns;
    uint32_t *rounds_us;
    size_t rounds, rounds_max;
};

static void
die(const char *what)
{
    fprintf(stderr, "lines: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
    exit(1);
}

static uint64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct text
repeat(const char *line, long times)
{
    size_t len = strlen(line) + 1;
    struct text t = {malloc(len * (size_t)times + 1), len * (size_t)times};

    if (!t.data)
        die("malloc");
    for (long i = 0; i < times; i++)
        sprintf(t.data + (size_t)i * len, "%s\n", line);
    return t;
}

/* Frames as a client sends them, each with another mask, or as a server does. */
static struct text
frames(size_t size, long times, bool masked)
{
    struct text t = {malloc((WS_FRAME_HEAD_MAX + size) * (size_t)times), 0};

    if (!t.data)
        die("malloc");
    for (long i = 0; i < times; i++) {
        char *at = t.data + t.len;
        size_t head = ws_frame_write(at, WS_FRAME_TEXT, size);
        uint32_t mask = masked ? (uint32_t)(i + 1) * 0x9e3779b9 : 0;

        if (masked) {
            at[1] = (char)(at[1] | 0x80);
            memcpy(at + head, &mask, sizeof(mask));
            head += sizeof(mask);
        }
        memset(at + head, 'x', size);
        ws_mask_apply(at + head, at + head, size, mask);
        t.len += head + size;
    }
    return t;
}

/* ---- One connection -------------------------------------------------------------------------- */

static void
conn_watch(const struct load *l, struct conn *c, int op, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};

    if (epoll_ctl(l->epoll, op, c->fd, &event) < 0)
        die("epoll_ctl");
}

static void
conn_write(const struct load *l, struct conn *c)
{
    ssize_t n = write(c->fd, l->request.data + c->written, l->request.len - c->written);

    if (n < 0 && errno != EAGAIN)
        die("write");
    c->written += n > 0 ? (size_t)n : 0;
}

static void
conn_begin(const struct load *l, struct conn *c)
{
    c->begun_ns = now_ns();
    c->written = c->answered = 0;
    conn_write(l, c);
    if (c->written < l->request.len)
        conn_watch(l, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

static void
ws_conn_end(struct load *l, struct conn *c, uint64_t now)
{
    if (l->rounds == l->rounds_max) {
        l->rounds_max = l->rounds_max ? l->rounds_max * 2 : 65536;
        l->rounds_us = realloc(l->rounds_us, l->rounds_max * sizeof(*l->rounds_us));
        if (!l->rounds_us)
            die("realloc");
    }
    l->rounds_us[l->rounds++] = (uint32_t)((now - c->begun_ns) / 1000);
}

static void
conn_read(struct load *l, struct conn *c)
{
    static char data[BUFFER_BYTES];
    ssize_t n = read(c->fd, data, sizeof(data));

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        die("read");
    errno = 0;
    if ((size_t)n > l->reply.len - c->answered ||
        memcmp(data, l->reply.data + c->answered, (size_t)n) != 0) {
        fprintf(stderr, "lines: %.*s", (int)(n < 200 ? n : 200), data);
        die("another answer");
    }
    c->answered += (size_t)n;
}

/* Whether another round is to begin; the others have one on the way. */
static bool
load_goes_on(const struct load *l, uint64_t now)
{
    if (l->rounds_wanted == 0)
        return now < l->end_ns;
    return l->rounds + (size_t)l->active - 1 < (size_t)l->rounds_wanted;
}

static void
conn_event(struct load *l, struct conn *c, uint32_t events)
{
    if (events & EPOLLOUT) {
        conn_write(l, c);
        if (c->written == l->request.len)
            conn_watch(l, c, EPOLL_CTL_MOD, EPOLLIN);
    }
    if (events & ~(uint32_t)EPOLLOUT)
        conn_read(l, c);
    if (c->answered == l->reply.len) {
        uint64_t now = now_ns();

        ws_conn_end(l, c, now);
        if (load_goes_on(l, now))
            conn_begin(l, c);
        else
            l->active--;
    }
}

static void
conn_upgrade(const struct load *l, const struct conn *c)
{
    char data[1024] = "";
    size_t len = 0;
    ssize_t n;

    dprintf(c->fd,
            "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            l->path);
    while (strstr(data, "\r\n\r\n") == NULL) {
        n = read(c->fd, data + len, sizeof(data) - 1 - len);
        if (n <= 0)
            die("read");
        len += (size_t)n;
    }
    errno = 0;
    if (strncmp(data, "HTTP/1.1 101 ", 13) != 0)
        die("the handshake was refused");
}

static void
conn_open(const struct load *l, struct conn *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)l->port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int on = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        die("connect");
    if (l->path)
        conn_upgrade(l, c);
    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0)
        die("fcntl");
    if (setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
        die("setsockopt");
    conn_watch(l, c, EPOLL_CTL_ADD, EPOLLIN);
}

/* ---- All of them ----------------------------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void
load_report(const struct load *l, uint64_t lasted_ns)
{
    const double shares[] = {0.5, 0.99, 0.999, 1};

    qsort(l->rounds_us, l->rounds, sizeof(*l->rounds_us), compare);
    printf("RESULT %zu %llu", l->rounds * (size_t)l->depth, (unsigned long long)lasted_ns / 1000);
    for (size_t i = 0; i < sizeof(shares) / sizeof(*shares); i++)
        printf(" %u", l->rounds_us[(size_t)((double)(l->rounds - 1) * shares[i])]);
    printf("\n");
}

static void
load_run(struct load *l)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t begun = now_ns();

    l->end_ns = begun + (uint64_t)l->seconds * 1000000000;
    for (l->active = 0; l->active < l->connections; l->active++)
        conn_begin(l, &l->conns[l->active]);
    while (l->active > 0) {
        int n = epoll_wait(l->epoll, events, EVENTS_MAX, -1);

        if (n < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < n; i++)
            conn_event(l, events[i].data.ptr, events[i].events);
    }
    load_report(l, now_ns() - begun);
}

static void
load_options(struct load *l, int argc, char **argv)
{
    static const struct option names[] = {
        {"port", required_argument, NULL, 'p'},      {"connections", required_argument, NULL, 'c'},
        {"depth", required_argument, NULL, 'd'},     {"seconds", required_argument, NULL, 's'},
        {"line", required_argument, NULL, 'l'},      {"answer", required_argument, NULL, 'a'},
        {"websocket", required_argument, NULL, 'w'}, {"size", required_argument, NULL, 'z'},
        {"rounds", required_argument, NULL, 'r'},    {0}};
    long *numbers[] = {['p'] = &l->port,    ['c'] = &l->connections, ['d'] = &l->depth,
                       ['s'] = &l->seconds, ['z'] = &l->size,        ['r'] = &l->rounds_wanted};
    int flag;

    while ((flag = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (flag == 'l')
            l->line = optarg;
        else if (flag == 'a')
            l->answer = optarg;
        else if (flag == 'w')
            l->path = optarg;
        else if (flag != '?')
            *numbers[flag] = strtol(optarg, NULL, 10);
        else
            exit(2);
    }
    if (l->port < 1 || l->port > 65535 || l->connections < 1 || l->depth < 1 || l->seconds < 1 ||
        l->size < 1) {
        fprintf(stderr, "lines: a port is needed, and numbers above 0\n");
        exit(2);
    }
}

int
main(int argc, char **argv)
{
    struct load l = {.connections = 1, .depth = 1, .seconds = 1, .size = 64, .line = "hello"};

    load_options(&l, argc, argv);
    l.request = l.path ? frames((size_t)l.size, l.depth, true) : repeat(l.line, l.depth);
    l.reply = l.path ? frames((size_t)l.size, l.depth, false)
                     : repeat(l.answer ? l.answer : l.line, l.depth);
    l.conns = calloc((size_t)l.connections, sizeof(*l.conns));
    l.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!l.conns || l.epoll < 0)
        die("epoll_create1");
    for (long i = 0; i < l.connections; i++)
        conn_open(&l, &l.conns[i]);
    load_run(&l);
    free(l.request.data);
    free(l.reply.data);
    free(l.conns);
    free(l.rounds_us);
    return 0;
}
