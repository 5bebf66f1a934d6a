#include "net/bytes/pipes.h"

#include <assert.h>
#include <fcntl.h>
#include <unistd.h>

#define IDLE_NS (5 * NS_PER_S)

static struct pipe *
pipe_open(struct pipes *pipes)
{
    struct pipe *p;
    int fds[2];

    if (pipes->count == PIPES_MAX)
        return NULL;
    p = malloc(sizeof(*p));
    if (!p)
        return NULL;
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
        free(p);
        return NULL;
    }
    /* Beyond the limits of pipe(7) it stays at the size that it has. */
    (void)fcntl(fds[1], F_SETPIPE_SZ, (int)PIPE_BYTES);
    *p = (struct pipe){.pipes = pipes, .in = fds[1], .out = fds[0]};
    pipes->count++;
    return p;
}

static void
pipe_close(struct pipe *p)
{
    p->pipes->count--;
    close(p->in);
    close(p->out);
    free(p);
}

static struct pipe *
pipes_pop(struct pipes *pipes)
{
    struct pipe *p = pipes->idle;

    pipes->idle = p->next;
    pipes->idle_count--;
    pipes->idle_least = MIN(pipes->idle_least, pipes->idle_count);
    return p;
}

static void
pipes_watch_idle(struct pipes *pipes, uint64_t now_ns)
{
    pipes->idle_least = pipes->idle_count;
    /* Without memory the pipes stay until the next one is given back. */
    if (pipes->idle_count > 0)
        (void)timer_arm(&pipes->poller->timers, &pipes->timer, now_ns + IDLE_NS);
}

static void
pipes_due(struct timer *t, uint64_t now_ns)
{
    struct pipes *pipes = container_of(t, struct pipes, timer);

    for (unsigned n = pipes->idle_least; n > 0; n--)
        pipe_close(pipes_pop(pipes));
    pipes_watch_idle(pipes, now_ns);
}

void
pipes_init(struct pipes *pipes, struct poller *p)
{
    *pipes = (struct pipes){.poller = p, .timer = {.fn = pipes_due}};
}

void
pipes_fini(struct pipes *pipes)
{
    if (!pipes->poller)
        return;
    timer_cancel(&pipes->poller->timers, &pipes->timer);
    while (pipes->idle)
        pipe_close(pipes_pop(pipes));
    assert(pipes->count == 0);
}

struct pipe *
pipes_take(struct pipes *pipes)
{
    return pipes->idle ? pipes_pop(pipes) : pipe_open(pipes);
}

void
pipe_give(struct pipe *p, bool empty)
{
    struct pipes *pipes = p->pipes;

    if (!empty) {
        pipe_close(p);
        return;
    }
    p->next = pipes->idle;
    pipes->idle = p;
    pipes->idle_count++;
    if (!timer_armed(&pipes->timer))
        pipes_watch_idle(pipes, pipes->poller->now_ns);
}
