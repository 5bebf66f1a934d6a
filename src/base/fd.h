/* File descriptors. */
#pragma once

#include <sys/socket.h>

#include "base/util.h"

/* Close and return -1, for `fd = fd_close(fd)`. Negative fds are left alone; errno is kept. */
int fd_close(int fd);

static inline void
fd_closep(int *fd)
{
    *fd = fd_close(*fd);
}

/* Close the variable's fd when it goes out of scope. */
#define _cleanup_fd_ __attribute__((cleanup(fd_closep)))

/* Make room in the process's table for fds below count, as far as RLIMIT_NOFILE allows, while it
 * has but one thread. Where threads share the table, the kernel lets the thread that makes it grow
 * wait for all CPUs (synchronize_rcu): several milliseconds, in which a poller serves no
 * connection. */
void fd_reserve(unsigned count);

int fd_set_nonblock(int fd, bool nonblock);
int fd_set_cloexec(int fd, bool cloexec);

/* Whether a file can be written to at this absolute path, or made there, as far as permissions
 * tell. Nothing is opened. 0; a negative errno. */
int fd_check_path(const char *path);

/* Let a message to a unix socket carry fds; without any it stays as it is. `room` has
 * CMSG_SPACE(count * sizeof(int)) bytes, and lasts until the message is sent. */
void fd_attach(struct msghdr *header, struct cmsghdr *room, const int *fds, unsigned count);
