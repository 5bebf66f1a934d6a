#include "floor.h"

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
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS_MAX 64
#define EVENTS_MAX 512
#define ACCEPTS_MAX 64

struct thread {
    pthread_t id;
    int cpu; /* -1: any */
    int listen_fd;
    int epoll_fd;
    struct floor_read read;
};

static void
die(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void
accept_some(struct thread *t)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct epoll_event event = {.events = EPOLLIN};
        int fd = accept4(t->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0)
            return;
        if (fd >= FLOOR_FDS_MAX) {
            close(fd);
            continue;
        }
        floor_open(fd);
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
                floor_serve(&t->read, events[i].data.fd);
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
floor_main(int argc, char **argv)
{
    static struct thread threads[THREADS_MAX];
    struct options o = {.threads = 1};

    options_read(&o, argc, argv);
    signal(SIGPIPE, SIG_IGN);
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
