#include "net/conn/transport.h"

#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "base/sys.h"
#include "net/conn/conn.h"

/* recv(2) and send(2) reach the socket with fewer steps than read(2) and write(2), and
 * MSG_NOSIGNAL turns SIGPIPE into EPIPE. */

ssize_t
transport_plain_read(struct conn *c, void *buf, size_t len)
{
    ssize_t n;

    do
        n = sys_recv(c->watch.fd, buf, len, 0);
    while (unlikely(n < 0 && errno == EINTR));
    return n < 0 ? -errno : n;
}

ssize_t
transport_plain_write(struct conn *c, const void *data, size_t len)
{
    ssize_t n;

    do
        n = sys_send(c->watch.fd, data, len, MSG_NOSIGNAL);
    while (unlikely(n < 0 && errno == EINTR));
    return n < 0 ? -errno : n;
}

ssize_t
transport_plain_writev(struct conn *c, const struct iovec *iov, int count, bool more)
{
    struct msghdr message = {.msg_iovlen = (size_t)count};
    ssize_t n;

    memcpy(&message.msg_iov, &iov, sizeof(iov)); /* sendmsg(2) writes nothing through it */
    do
        n = sendmsg(c->watch.fd, &message, more ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t
transport_plain_send_file(struct conn *c, int fd, off_t offset, size_t len)
{
    ssize_t n;

    do
        n = sendfile(c->watch.fd, fd, &offset, len);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EINVAL || errno == ENOSYS ? -EOPNOTSUPP : -errno;
    return n;
}

int
transport_plain_shutdown(struct conn *c)
{
    return shutdown(c->watch.fd, SHUT_WR) < 0 ? -errno : 0;
}

const struct transport transport_plain = {
    .name = "plain",
    .read = transport_plain_read,
    .write = transport_plain_write,
    .writev = transport_plain_writev,
    .send_file = transport_plain_send_file,
    .raw = true,
    .shutdown = transport_plain_shutdown,
};

static bool
lent_was_useless(const struct conn *c)
{
    enum goevd_reason reason = (enum goevd_reason)(c->flags >> CONN_REASON_SHIFT);
    bool ended = reason == GOEVD_REASON_EOF || reason == GOEVD_REASON_RESET;

    return c->flags & CONN_REJECTED || (ended && c->bytes_in == 0);
}

static void
lent_fini(struct conn *c)
{
    struct transport_owner **owner = conn_transport_state(c);
    bool clean = c->flags & CONN_GIVEN_BACK && !(c->flags & CONN_EOF) && !c->tail && !c->outq;
    int fd = -1;

    if (clean) {
        fd = c->watch.fd;
        c->watch.fd = -1;
    }
    (*owner)->returned(*owner, fd, lent_was_useless(c));
}

const struct transport transport_lent = {
    .name = "lent",
    .state_bytes = 16, /* a pointer; the handler's state behind it is aligned to 16 */
    .read = transport_plain_read,
    .write = transport_plain_write,
    .writev = transport_plain_writev,
    .send_file = transport_plain_send_file,
    .raw = true,
    .shutdown = transport_plain_shutdown,
    .fini = lent_fini,
};
