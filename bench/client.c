/* A load that is the same each time: so many connections, so many requests, then it ends or holds
 * the connections open.
 *
 *   client --port N [--connections N] [--requests N] [--depth N] [--hold] [--upgrade]
 *
 * The connections are opened first. Then, round after round, each sends --depth requests in one
 * write, and when all have, each reads its replies, until there were --requests (one for each
 * connection if not given). With --hold it prints "holding" and waits for its standard input to
 * end. All replies must be as long as the first one is. With --upgrade the request is a WebSocket
 * handshake.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEPTH_MAX 256
#define BUFFER_BYTES 65536
#define CONNECTIONS_A_SOURCE 5000 /* each source address has some 28,000 ports */

static const char request[] = "GET /plaintext HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
static const char handshake[] =
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct client {
    long port;
    long connections;
    long requests;
    long depth;
    bool hold;
    bool upgrade;
    int *fds;
    size_t reply_len;
};

static void
die(const char *what)
{
    fprintf(stderr, "client: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
    exit(1);
}

/* A connection from 127.0.0.2 or one of the addresses after it. */
static int
client_connect(const struct client *c, long i)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)c->port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in from = {.sin_family = AF_INET};
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(i / CONNECTIONS_A_SOURCE));
    if (fd < 0)
        die("socket");
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0 ||
        bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0)
        die("bind");
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        die("connect");
    return fd;
}

static void
send_requests(const struct client *c, int fd, long count)
{
    const char *one = c->upgrade ? handshake : request;
    size_t one_len = (c->upgrade ? sizeof(handshake) : sizeof(request)) - 1;
    char data[DEPTH_MAX * sizeof(handshake)];
    size_t len = 0;

    for (; count > 0; count--) {
        memcpy(data + len, one, one_len);
        len += one_len;
    }
    errno = 0;
    if (write(fd, data, len) != (ssize_t)len)
        die("write");
}

/* The length of one reply: read it, and believe its Content-Length. */
static size_t
learn_reply(const struct client *c, int fd)
{
    char data[BUFFER_BYTES + 1];
    size_t len = 0;

    for (;;) {
        ssize_t got = read(fd, data + len, BUFFER_BYTES - len);
        const char *body, *field;

        if (got <= 0)
            die("read");
        len += (size_t)got;
        data[len] = '\0';
        body = strstr(data, "\r\n\r\n");
        field = strcasestr(data, "\r\nContent-Length:");
        if (!body || (!field && !c->upgrade))
            continue;
        if (strncmp(data, c->upgrade ? "HTTP/1.1 101 " : "HTTP/1.1 200 ", 13) != 0)
            die("the first reply is not 200, or 101");
        if (len == (size_t)(body + 4 - data) + (c->upgrade ? 0 : strtoul(field + 17, NULL, 10)))
            return len;
    }
}

static void
read_replies(const struct client *c, int fd, long count)
{
    static char data[BUFFER_BYTES];
    size_t left = (size_t)count * c->reply_len;

    while (left > 0) {
        ssize_t got = read(fd, data, left < sizeof(data) ? left : sizeof(data));

        if (got <= 0)
            die("read");
        left -= (size_t)got;
    }
}

static long
share(const struct client *c, long left)
{
    return left < c->depth ? left : c->depth;
}

/* Rounds over all connections: first all write, then all read. The first request teaches the
 * length of a reply and counts as one. */
static void
client_run(struct client *c)
{
    long sent = 1, answered = 1, first = c->connections > 1 ? 1 : 0;

    send_requests(c, c->fds[0], 1);
    c->reply_len = learn_reply(c, c->fds[0]);
    for (; answered < c->requests; first = 0) {
        for (long i = first; i < c->connections && sent < c->requests; i++) {
            send_requests(c, c->fds[i], share(c, c->requests - sent));
            sent += share(c, c->requests - sent);
        }
        for (long i = first; i < c->connections && answered < sent; i++) {
            long count = share(c, sent - answered);

            read_replies(c, c->fds[i], count);
            answered += count;
        }
    }
}

static void
usage(void)
{
    fprintf(stderr,
            "usage: client --port N [--connections N] [--requests N] [--depth 1..%d] "
            "[--hold] [--upgrade]\n",
            DEPTH_MAX);
    exit(2);
}

static void
client_options(struct client *c, int argc, char **argv)
{
    static const struct option names[] = {{"port", required_argument, NULL, 'p'},
                                          {"connections", required_argument, NULL, 'c'},
                                          {"requests", required_argument, NULL, 'r'},
                                          {"depth", required_argument, NULL, 'd'},
                                          {"hold", no_argument, NULL, 'h'},
                                          {"upgrade", no_argument, NULL, 'u'},
                                          {0}};
    int flag;

    while ((flag = getopt_long(argc, argv, "", names, NULL)) != -1) {
        long number = optarg ? strtol(optarg, NULL, 10) : 0;

        if (flag == 'p')
            c->port = number;
        else if (flag == 'c')
            c->connections = number;
        else if (flag == 'r')
            c->requests = number;
        else if (flag == 'd')
            c->depth = number;
        else if (flag == 'h')
            c->hold = true;
        else if (flag == 'u')
            c->upgrade = true;
        else
            usage();
    }
    if (c->requests == 0)
        c->requests = c->connections;
    if (c->port < 1 || c->port > 65535 || c->connections < 1 || c->requests < 1 || c->depth < 1 ||
        c->depth > DEPTH_MAX)
        usage();
}

static void
raise_fd_limit(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int
main(int argc, char **argv)
{
    struct client c = {.connections = 1, .depth = 1};
    char byte;

    client_options(&c, argc, argv);
    raise_fd_limit();
    c.fds = calloc((size_t)c.connections, sizeof(*c.fds));
    if (!c.fds)
        die("calloc");
    for (long i = 0; i < c.connections; i++)
        c.fds[i] = client_connect(&c, i);
    client_run(&c);
    if (c.hold) {
        puts("holding");
        fflush(stdout);
        while (read(STDIN_FILENO, &byte, 1) > 0)
            ;
    }
    free(c.fds);
    return 0;
}
