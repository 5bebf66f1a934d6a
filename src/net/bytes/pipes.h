/* Pipes through which splice(2) moves bytes from socket to socket, kept by a poller for the next
 * use.
 *
 * A pipe has two descriptors, so the number of pipes has a limit, and pipes that were not needed
 * for some seconds are closed. */
#pragma once

#include <stddef.h>

#include "ev/poller.h"

#define PIPES_MAX 64                   /* of a poller */
#define PIPE_BYTES ((size_t)256 << 10) /* asked of the kernel for each, which may give less */

struct pipes;

struct pipe {
    struct pipes *pipes;
    struct pipe *next;
    int in, out; /* written to, read from */
};

struct pipes {
    struct poller *poller;
    struct pipe *idle;
    unsigned idle_count;
    unsigned idle_least; /* the fewest that were idle since the timer was armed */
    unsigned count;      /* all of them */
    struct timer timer;
};

void pipes_init(struct pipes *pipes, struct poller *p);

/* All pipes are idle. A zeroed one does nothing. */
void pipes_fini(struct pipes *pipes);

/* An empty pipe that never waits; NULL: there are as many as there may be, or no descriptor is
 * left. */
struct pipe *pipes_take(struct pipes *pipes);

/* Give it back. One that is not empty is closed. */
void pipe_give(struct pipe *p, bool empty);
