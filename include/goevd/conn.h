/* goevd/conn.h - more about a connection: addresses, socket options, counters, other ways to write.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_CONN_H
#define GOEVD_CONN_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A fact about the TLS of a connection. */
enum goevd_tls_fact {
    GOEVD_TLS_VERSION = 1, /* such as TLSv1.3 */
    GOEVD_TLS_CIPHER = 2,  /* such as TLS_AES_256_GCM_SHA384 */
    GOEVD_TLS_NAME = 3,    /* the host name that the client has asked for (SNI) */
    GOEVD_TLS_ALPN = 4,    /* the protocol that was negotiated */
    GOEVD_TLS_RESUMED = 5, /* "resumed" if the handshake continued an earlier session */
    GOEVD_TLS_CUT = 6,     /* "cut" if the input ended without close_notify: bytes may be missing */

    /* Facts of the client's certificate, which was verified; none if the client sent none. */
    GOEVD_TLS_CLIENT_SUBJECT = 7,      /* CN=alice,O=example: RFC 4514 */
    GOEVD_TLS_CLIENT_ISSUER = 8,       /* likewise */
    GOEVD_TLS_CLIENT_NAMES = 9,        /* its subjectAltName: DNS:a.example, email:alice@example */
    GOEVD_TLS_CLIENT_SERIAL = 10,      /* hexadecimal */
    GOEVD_TLS_CLIENT_FINGERPRINT = 11, /* SHA-256, hexadecimal in lower case */
    GOEVD_TLS_CLIENT_CERTIFICATE = 12, /* as a whole, in DER */
};

/* The functions below, in the table that goevd_host->conn points to. */
struct goevd_host_conn {
    struct goevd_version version;

    const char *(*conn_listener)(struct goevd_conn *c);
    socklen_t (*conn_peer_address)(struct goevd_conn *c, struct sockaddr_storage *ret_address);
    socklen_t (*conn_local_address)(struct goevd_conn *c, struct sockaddr_storage *ret_address);
    int (*conn_setsockopt)(struct goevd_conn *c, int level, int name, const void *value,
                           socklen_t len);
    uint64_t (*conn_bytes_in)(struct goevd_conn *c);
    uint64_t (*conn_bytes_out)(struct goevd_conn *c);
    void (*conn_need)(struct goevd_conn *c, size_t len);
    int (*conn_write_now)(struct goevd_conn *c, const void *data, size_t len);
    int (*conn_splice)(struct goevd_conn *from, struct goevd_conn *to, size_t *ret_moved);
    int (*conn_write_shared)(struct goevd_conn *c, const void *data, size_t len,
                             goevd_release_fn release, void *arg);
    int (*conn_write_file)(struct goevd_conn *c, int fd, off_t offset, size_t len,
                           goevd_release_fn release, void *arg);
    struct goevd_str (*conn_tls)(struct goevd_conn *c, enum goevd_tls_fact fact);
};

/* The name of the listener that accepted a connection.
 *
 * Thread   [poller]
 * Returns  text, valid as long as the process; NULL for a connection that goevd has opened.
 */
static inline const char *
goevd_conn_listener(struct goevd_conn *c)
{
    return goevd_host->conn->conn_listener(c);
}

/* The address of the client, as of accept4(2). Behind a proxy (proxy_protocol of the listener) it
 * is the client's address from the proxy's header.
 *
 * ret_address  the address; of a unix socket only the family.
 * Thread       [poller]
 * Returns      its length in bytes.
 * Source       accept4(2), haproxy's proxy-protocol.txt.
 */
static inline socklen_t
goevd_conn_peer_address(struct goevd_conn *c, struct sockaddr_storage *ret_address)
{
    return goevd_host->conn->conn_peer_address(c, ret_address);
}

/* The address that the client connected to. Behind a proxy it is the address from the proxy's
 * header.
 *
 * ret_address  the address.
 * Thread       [poller]
 * Returns      its length in bytes; 0 if the kernel does not know it.
 * Source       getsockname(2), haproxy's proxy-protocol.txt.
 */
static inline socklen_t
goevd_conn_local_address(struct goevd_conn *c, struct sockaddr_storage *ret_address)
{
    return goevd_host->conn->conn_local_address(c, ret_address);
}

/* Set an option of a connection's socket.
 *
 * value    len bytes; copied.
 * Thread   [poller]
 * Returns  0; a negative errno.
 * Source   setsockopt(2).
 */
static inline int
goevd_conn_setsockopt(struct goevd_conn *c, int level, int name, const void *value, socklen_t len)
{
    return goevd_host->conn->conn_setsockopt(c, level, name, value, len);
}

/* The bytes that a connection has read from its socket so far.
 *
 * Thread   [poller]
 * Returns  their number.
 */
static inline uint64_t
goevd_conn_bytes_in(struct goevd_conn *c)
{
    return goevd_host->conn->conn_bytes_in(c);
}

/* The bytes that a connection's socket has taken so far.
 *
 * Thread   [poller]
 * Returns  their number.
 */
static inline uint64_t
goevd_conn_bytes_out(struct goevd_conn *c)
{
    return goevd_host->conn->conn_bytes_out(c);
}

/* Do not call on_read before len unconsumed bytes are there. The hint holds until on_read runs
 * next. A handler that has a framing needs none.
 *
 * len      bytes; the listener's tail_max counts if it is less.
 * Thread   [poller]
 */
static inline void
goevd_conn_need(struct goevd_conn *c, size_t len)
{
    goevd_host->conn->conn_need(c, len);
}

/* Write bytes that are worth a system call of their own. If nothing is queued, the socket gets them
 * at once, and only the remainder is copied. A relay saves the copy of the bytes that it has just
 * read.
 *
 * data     len bytes; copied as far as the socket does not take them.
 * Thread   [poller]
 * Returns  0: the socket has taken all; 1: some are queued, and the queue counts as above the high
 *          mark; else an error of goevd_conn_write(), and nothing of it is queued, or -EPIPE.
 * Calls    no handler before it returns.
 * Source   send(2).
 */
static inline int
goevd_conn_write_now(struct goevd_conn *c, const void *data, size_t len)
{
    return goevd_host->conn->conn_write_now(c, data, len);
}

/* Move bytes from the socket of one connection to the socket of another, without a copy to user
 * space. If `to` does not take all of them, the remainder waits in its output queue, as after
 * goevd_conn_write_now(), and on_drained runs when it has left.
 *
 * from       the connection whose on_bulk runs.
 * to         a connection of the same poller.
 * ret_moved  bytes that `from` has lost; 0 after an error, except -EPIPE.
 * Thread     [poller]
 * Returns    0: the socket of `to` has taken them; 1: some are queued, and the queue counts as
 * above the high mark; -EBUSY: `to` has bytes in a pipe, or `from` unconsumed ones; -EOPNOTSUPP:
 * the transport of one has no such way; -EMFILE: no pipe is free; -EAGAIN: nothing was moved;
 *            -EPIPE: `to` is closing.
 * Calls      no handler before it returns.
 * Source     splice(2).
 */
static inline int
goevd_conn_splice(struct goevd_conn *from, struct goevd_conn *to, size_t *ret_moved)
{
    return goevd_host->conn->conn_splice(from, to, ret_moved);
}

/* Queue memory without a copy.
 *
 * data     len bytes, valid and unchanged until release runs.
 * release  called once on the poller of c: with 0 when the socket has taken every byte, or with
 *          -EPIPE when the connection has closed first; perhaps before this call returns. If the
 *          call fails it is not called. NULL: the memory is static.
 * Thread   [poller]
 * Returns  as goevd_conn_write() does.
 * Calls    release, perhaps; no handler before it returns.
 * Source   send(2).
 */
static inline int
goevd_conn_write_shared(struct goevd_conn *c, const void *data, size_t len,
                        goevd_release_fn release, void *arg)
{
    return goevd_host->conn->conn_write_shared(c, data, len, release, arg);
}

/* Queue a part of a file. Its bytes do not count against the marks and the cap; the part itself
 * counts 256 bytes. The work pool reads pages that are not in the page cache.
 *
 * fd       a regular file, open until release runs; its file position is not used.
 * release  as for goevd_conn_write_shared(); -EIO if the file has ended early or cannot be read,
 *          which closes c.
 * Thread   [poller]
 * Returns  as goevd_conn_write() does.
 * Calls    release, perhaps; no handler before it returns.
 * Source   sendfile(2).
 */
static inline int
goevd_conn_write_file(struct goevd_conn *c, int fd, off_t offset, size_t len,
                      goevd_release_fn release, void *arg)
{
    return goevd_host->conn->conn_write_file(c, fd, offset, len, release, arg);
}

/* A fact about the TLS of a connection.
 *
 * Thread   [poller]
 * Returns  text, valid until the connection is closed, and not NUL-terminated. data NULL: there is
 *          no such fact; for GOEVD_TLS_VERSION: the connection does not use TLS.
 */
static inline struct goevd_str
goevd_conn_tls(struct goevd_conn *c, enum goevd_tls_fact fact)
{
    return goevd_host->conn->conn_tls(c, fact);
}

#ifdef __cplusplus
}
#endif

#endif
