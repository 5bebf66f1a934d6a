/* The signals that goevd handles, as a file descriptor. */
#pragma once

#include <signal.h>
#include <stdbool.h>

/* Before any thread exists, so that all of them have these blocked: SIGTERM, SIGINT, SIGHUP,
 * SIGUSR1, and SIGCHLD if it has children. A broken pipe is an error of write(2), and no signal.
 * ret_before (may be NULL) gets the earlier mask. Returns the fd of signalfd(2), or -errno. */
int signals_open(bool children, sigset_t *ret_before);
