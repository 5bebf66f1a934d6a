#include "process/signals.h"

#include <errno.h>
#include <sys/signalfd.h>

int
signals_open(bool children, sigset_t *ret_before)
{
    sigset_t mask;
    int fd;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGHUP);
    sigaddset(&mask, SIGUSR1);
    if (children)
        sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, ret_before);
    fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}
