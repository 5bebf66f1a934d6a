#include "proto/proto.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

#define PROTO_HEAD offsetof(struct proto_message, hello)

bool
proto_is_same(const struct proto_listen *a, const struct proto_listen *b)
{
    return strcmp(a->systemd, b->systemd) == 0 && address_is_same(&a->address, &b->address);
}

int
proto_pair(int ret_fds[2], struct err *reterr)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0)
        return err_set_errno(reterr, -errno, "cannot make a socketpair for a worker");
    return 0;
}

static int
proto_send_flags(int fd, enum proto_type type, const void *body, size_t size, const int *fds,
                 unsigned fd_count, int flags)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(PROTO_FDS_CHUNK * sizeof(int))];
    } control;
    struct proto_message message = {.type = type, .size = (uint32_t)size};
    struct iovec iov = {&message, PROTO_HEAD + size};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

    assert(size <= sizeof(message) - PROTO_HEAD && fd_count <= PROTO_FDS_CHUNK);
    if (size > 0)
        memcpy(&message.hello, body, size);
    fd_attach(&header, &control.head, fds, fd_count);
    while (sendmsg(fd, &header, flags | MSG_NOSIGNAL) < 0)
        if (errno != EINTR)
            return errno == ECONNRESET ? -EPIPE : -errno;
    return 0;
}

int
proto_send(int fd, enum proto_type type, const void *body, size_t size, const int *fds,
           unsigned fd_count)
{
    return proto_send_flags(fd, type, body, size, fds, fd_count, 0);
}

int
proto_try_send(int fd, enum proto_type type, const void *body, size_t size, const int *fds,
               unsigned fd_count)
{
    return proto_send_flags(fd, type, body, size, fds, fd_count, MSG_DONTWAIT);
}

static unsigned
proto_take_fds(struct msghdr *header, int *ret_fds, unsigned fd_max)
{
    unsigned n = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (n < fd_max)
                ret_fds[n++] = fd;
            else
                fd_close(fd);
        }
    }
    return n;
}

static int
proto_receive_flags(int fd, struct proto_message *ret, int *ret_fds, unsigned fd_max,
                    unsigned *ret_fd_count, int flags)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(PROTO_FDS_ALL * sizeof(int))];
    } control;
    struct iovec iov = {ret, sizeof(*ret)};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof(control)};
    ssize_t n;

    memset(ret, 0, sizeof(*ret));
    do /* ECONNRESET comes once, where the other side has not read all, and before its last words */
        n = recvmsg(fd, &header, MSG_CMSG_CLOEXEC | flags);
    while (n < 0 && (errno == EINTR || errno == ECONNRESET));
    if (n < 0)
        return -errno;
    if (n == 0)
        return -EPIPE;
    *ret_fd_count = proto_take_fds(&header, ret_fds, fd_max);
    if (header.msg_flags & MSG_CTRUNC) /* the kernel found no room for all of them */
        return -EMFILE;
    /* A longer body comes from a newer side. The fields that it adds were cut off and are ignored.
     */
    return (size_t)n < PROTO_HEAD ? -EBADMSG : 0;
}

int
proto_receive(int fd, struct proto_message *ret, int *ret_fds, unsigned fd_max,
              unsigned *ret_fd_count)
{
    unsigned count = 0;
    int r = proto_receive_flags(fd, ret, ret_fds, fd_max, &count, 0);

    while (r == -EMFILE && count > 0)
        fd_close(ret_fds[--count]);
    if (ret_fd_count)
        *ret_fd_count = count;
    return r;
}

int
proto_try_receive(int fd, struct proto_message *ret, int ret_fds[PROTO_FDS_ALL],
                  unsigned *ret_fd_count)
{
    return proto_receive_flags(fd, ret, ret_fds, PROTO_FDS_ALL, ret_fd_count, MSG_DONTWAIT);
}
