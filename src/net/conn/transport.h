/* Transports of connections. Plain sockets are one; TLS is another
 * (net/tls); tests have one that injects faults.
 *
 * Every function takes the connection and runs on its poller. -EAGAIN means "not now": the poller
 * calls again when the socket is ready for the transport. */
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <goevd/conn.h>

#include "base/util.h"

struct conn;

struct transport {
    const char *name;
    size_t state_bytes; /* beside each connection, zeroed: conn_transport_state() */

    /* 0: ready; -EAGAIN: not yet; another error ends the connection before on_open. It may set a
     * deadline for itself, and is called again when that has passed. NULL: ready. */
    int (*handshake)(struct conn *c);

    /* Bytes, 0 at the end of input, or a negative errno. */
    ssize_t (*read)(struct conn *c, void *buf, size_t len);
    ssize_t (*write)(struct conn *c, const void *data, size_t len);
    /* With `more`, the bytes may be sent together with the next ones. */
    ssize_t (*writev)(struct conn *c, const struct iovec *iov, int count, bool more);

    /* From a file, at offset. -EOPNOTSUPP or NULL: the connection reads it and writes it itself. */
    ssize_t (*send_file)(struct conn *c, int fd, off_t offset, size_t len);

    /* Its bytes are those of the socket, so splice(2) may move them instead of the functions above.
     */
    bool raw;

    /* Of a transport that seals its input (TLS): writes only fill a buffer of the poller's,
     * and this sends the buffer by conn_send_sealed(), whose result it returns. The connection
     * calls it after one or more writes. NULL: writes reach the socket. */
    int (*flush)(struct conn *c);

    /* Output has ended: queue the bytes that end it, once, behind all others. They may be sealed
     * bytes at the front of the queue, and then shutdown() waits for them. NULL: shutdown() is
     * enough. */
    void (*finish)(struct conn *c);

    /* Bytes inside that epoll knows nothing of. NULL: never any. */
    size_t (*pending)(struct conn *c);

    /* EPOLLIN, EPOLLOUT that it needs on top of the connection's events. NULL: none. */
    uint32_t (*wants)(struct conn *c);

    /* No more bytes will be written. */
    int (*shutdown)(struct conn *c);

    /* The result of goevd_conn_tls(). NULL: the transport is not TLS. */
    struct goevd_str (*fact)(struct conn *c, enum goevd_tls_fact fact);

    /* Why the handshake failed: a negative errno, or 0. NULL: 0. */
    int (*error)(struct conn *c);

    /* Free the objects of the state. NULL: there are none. */
    void (*fini)(struct conn *c);
};

/* Bytes that come before those of any transport, such as the header of a proxy. */
struct prologue {
    const char *name;
    size_t state_bytes; /* behind the transport's state, zeroed: conn_prologue_state() */

    /* As transport.handshake, which follows it; 0 again once it has been read. */
    int (*read)(struct conn *c);

    /* The address of this side; 0: the socket's. */
    socklen_t (*local_address)(const struct conn *c, struct sockaddr_storage *ret_address);

    /* Free the memory that the state owns. */
    void (*fini)(struct conn *c);
};

extern const struct transport transport_plain;

/* Its functions, for transports that differ from it elsewhere. */
ssize_t transport_plain_read(struct conn *c, void *buf, size_t len);
ssize_t transport_plain_write(struct conn *c, const void *data, size_t len);
ssize_t transport_plain_writev(struct conn *c, const struct iovec *iov, int count, bool more);
ssize_t transport_plain_send_file(struct conn *c, int fd, off_t offset, size_t len);
int transport_plain_shutdown(struct conn *c);

/* A plain socket that is lent. Its state is a pointer to the owner, which is called when the
 * connection has ended: the fd is the owner's again if it was given back (conn_give_back()) and
 * nothing is left in either direction, and -1 if it is closed. `useless`: the handler has rejected
 * it (conn_reject()), or the peer ended it without a byte. */
struct transport_owner {
    void (*returned)(struct transport_owner *owner, int fd, bool useless);
};

extern const struct transport transport_lent;
