/* The limit that goevd is measured against: what a plain epoll loop costs that reads, finds the
 * ends of requests and answers them with canned bytes, and does nothing else that a server must.
 *
 *   floor --port N [--threads N] [--pin CPU,CPU…] [--steer]
 *
 * Each thread has its own SO_REUSEPORT socket, epoll and connections. --pin ties thread i to the
 * i-th CPU; --steer gives a new connection to the thread of the CPU that received it. It keeps no
 * timers, no output queue and no counters; a reply that the socket does not take whole ends the
 * connection. It listens on 127.0.0.1 and runs until it is killed.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS_MAX 64
#define EVENTS_MAX 512
#define FDS_MAX 131072
#define ACCEPTS_MAX 64
#define REPLIES_MAX 256
#define READ_BYTES 65536
#define TAIL_MAX 3 /* bytes of "\r\n\r\n" that an earlier read may have brought */

/* As long as goevd's answers to GET /plaintext. */
#define REPLY(connection)                                                                          \
    "HTTP/1.1 200 OK\r\n"                                                                          \
    "Server: goevd\r\n"                                                                            \
    "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"                                                      \
    "Content-Type: text/plain\r\n"                                                                 \
    "Content-Length: 13\r\n" connection "\r\n"                                                     \
    "Hello, World!"

static const char reply[] = REPLY("");
static const char last_reply[] = REPLY("Connection: close\r\n");
#define REPLY_LEN (sizeof(reply) - 1)
#define LAST_REPLY_LEN (sizeof(last_reply) - 1)

struct tail {
    unsigned char len;
    char bytes[TAIL_MAX];
};

struct thread {
    pthread_t id;
    int cpu; /* -1: any */
    int listen_fd;
    int epoll_fd;
    char room[TAIL_MAX]; /* the tail is laid in front of what is read */
    char data[READ_BYTES];
};

static struct tail tails[FDS_MAX];
static char replies[REPLIES_MAX * REPLY_LEN];

static void
die(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Count the requests that end between start and end; *ret_rest is where the unended one begins. */
static unsigned
count_requests(const char *start, const char *end, const char **ret_rest, bool *ret_close)
{
    const char *from = start;
    const char *p = start;
    unsigned count = 0;

    while ((p = memchr(p, '\n', (size_t)(end - p)))) {
        p++;
        if (p - from >= 4 && memcmp(p - 4, "\r\n\r\n", 4) == 0) {
            from = p;
            count++;
        } else if (end - p >= 17 && (*p | 0x20) == 'c' &&
                   strncasecmp(p, "connection: close", 17) == 0) {
            *ret_close = true;
        }
    }
    *ret_rest = from;
    return count;
}

/* False: the connection has had its last reply, or did not take one. */
static bool
send_replies(int fd, unsigned count, bool closing)
{
    if (closing && count == 1) {
        (void)!write(fd, last_reply, LAST_REPLY_LEN);
        return false;
    }
    while (count > 0) {
        unsigned n = count < REPLIES_MAX ? count : REPLIES_MAX;

        if (write(fd, replies, n * REPLY_LEN) != (ssize_t)(n * REPLY_LEN))
            return false;
        count -= n;
    }
    return true;
}

static void
serve(struct thread *t, int fd)
{
    struct tail *tail = &tails[fd];
    ssize_t got = read(fd, t->data, READ_BYTES);
    const char *start = t->data - tail->len;
    const char *end = t->data + got;
    const char *rest;
    bool closing = false;
    unsigned count;

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        close(fd);
        return;
    }
    if (tail->len > 0)
        memcpy(t->data - tail->len, tail->bytes, tail->len);
    count = count_requests(start, end, &rest, &closing);
    tail->len = (unsigned char)(end - rest < TAIL_MAX ? end - rest : TAIL_MAX);
    if (tail->len > 0)
        memcpy(tail->bytes, end - tail->len, tail->len);
    if (!send_replies(fd, count, closing))
        close(fd);
}

static void
accept_some(struct thread *t)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct epoll_event event = {.events = EPOLLIN};
        int fd = accept4(t->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0)
            return;
        if (fd >= FDS_MAX) {
            close(fd);
            continue;
        }
        tails[fd].len = 0;
        event.data.fd = fd;
        if (epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
            die("epoll_ctl");
    }
}

static void *
thread_run(void *arg)
{
    struct thread *t = arg;
    struct epoll_event events[EVENTS_MAX];
    cpu_set_t cpus;

    if (t->cpu >= 0) {
        CPU_ZERO(&cpus);
        CPU_SET((unsigned)t->cpu, &cpus);
        if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
            die("sched_setaffinity");
    }
    for (;;) {
        int n = epoll_wait(t->epoll_fd, events, EVENTS_MAX, -1);

        if (n < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < n; i++)
            if (events[i].data.fd == t->listen_fd)
                accept_some(t);
            else
                serve(t, events[i].data.fd);
    }
    return NULL;
}

static void
thread_open(struct thread *t, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct epoll_event event = {.events = EPOLLIN};
    const int on = 1;

    t->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (t->listen_fd < 0 || t->epoll_fd < 0)
        die("socket, epoll_create1");
    if (setsockopt(t->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        setsockopt(t->listen_fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ||
        setsockopt(t->listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
        die("setsockopt");
    if (bind(t->listen_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        die("bind");
    if (listen(t->listen_fd, 4096) < 0)
        die("listen");
    event.data.fd = t->listen_fd;
    if (epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, t->listen_fd, &event) < 0)
        die("epoll_ctl");
}

/* Socket number = receiving CPU mod threads, for the whole SO_REUSEPORT group of fd. */
static void
steer(int fd, unsigned threads)
{
    struct sock_filter code[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(SKF_AD_OFF + SKF_AD_CPU)},
        {BPF_ALU | BPF_MOD | BPF_K, 0, 0, threads},
        {BPF_RET | BPF_A, 0, 0, 0},
    };
    struct sock_fprog program = {.len = 3, .filter = code};

    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) < 0)
        die("SO_ATTACH_REUSEPORT_CBPF");
}

struct options {
    long threads;
    long port;
    bool steered;
    unsigned cpu_count;
    int cpus[THREADS_MAX];
};

static void
options_pin(struct options *o, char *list)
{
    for (char *cpu = strtok(list, ","); cpu && o->cpu_count < THREADS_MAX; cpu = strtok(NULL, ","))
        o->cpus[o->cpu_count++] = (int)strtol(cpu, NULL, 10);
}

static void
options_read(struct options *o, int argc, char **argv)
{
    static const struct option names[] = {{"threads", required_argument, NULL, 't'},
                                          {"port", required_argument, NULL, 'p'},
                                          {"pin", required_argument, NULL, 'c'},
                                          {"steer", no_argument, NULL, 's'},
                                          {0}};
    int flag;

    while ((flag = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (flag == 't')
            o->threads = strtol(optarg, NULL, 10);
        else if (flag == 'p')
            o->port = strtol(optarg, NULL, 10);
        else if (flag == 'c')
            options_pin(o, optarg);
        else if (flag == 's')
            o->steered = true;
        else
            exit(2);
    }
    if (o->threads < 1 || o->threads > THREADS_MAX || o->port < 1 || o->port > 65535) {
        fprintf(stderr, "usage: floor --port N [--threads 1..%d] [--pin CPU,CPU...] [--steer]\n",
                THREADS_MAX);
        exit(2);
    }
}

int
main(int argc, char **argv)
{
    struct options o = {.threads = 1};
    struct thread *threads;

    options_read(&o, argc, argv);
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < REPLIES_MAX; i++)
        memcpy(replies + i * REPLY_LEN, reply, REPLY_LEN);
    threads = calloc((size_t)o.threads, sizeof(*threads));
    if (!threads)
        die("calloc");
    for (long i = 0; i < o.threads; i++) {
        threads[i].cpu = o.cpu_count > 0 ? o.cpus[(unsigned)i % o.cpu_count] : -1;
        thread_open(&threads[i], (uint16_t)o.port);
    }
    if (o.steered)
        steer(threads[0].listen_fd, (unsigned)o.threads);
    for (long i = 0; i < o.threads; i++)
        if (pthread_create(&threads[i].id, NULL, thread_run, &threads[i]) != 0)
            die("pthread_create");
    for (long i = 0; i < o.threads; i++)
        pthread_join(threads[i].id, NULL);
    return 0;
}
