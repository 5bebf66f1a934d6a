/* goevd/stream.h - the callbacks of a plugin that serves connections.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_STREAM_H
#define GOEVD_STREAM_H

#include <goevd/version.h>

struct goevd_conn;   /* a connection; not valid after its on_close has returned */
struct goevd_poller; /* a poller: one thread and its objects */

/* Why a connection ended; an argument of on_close. */
enum goevd_reason {
    GOEVD_REASON_HANDLER = 0, /* the handler closed it, or a callback returned a negative value */
    GOEVD_REASON_EOF,         /* the peer closed it, and the handler did not go on */
    GOEVD_REASON_RESET,       /* the peer reset it (ECONNRESET, EPIPE) */
    GOEVD_REASON_ERROR,       /* another error of the socket */
    GOEVD_REASON_IDLE,        /* nothing was read or written for the listener's idle_timeout */
    GOEVD_REASON_FULL,        /* the unread tail reached the listener's limit */
    GOEVD_REASON_STOP,        /* goevd stops or reloads */
    GOEVD_REASON_UPGRADED,    /* another handler has taken the connection over */
    GOEVD_REASON_RELEASED,    /* the handler has returned it to its pool */
    GOEVD_REASON_FRAME,       /* the peer sent a frame that is too long, malformed or cut off */
    GOEVD_REASON_SLOW,        /* the peer read less than the listener's output_rate */
    GOEVD_REASON_COUNT
};

/* Flags of on_read. */
enum goevd_read_flags {
    GOEVD_READ_FULL = 1 << 0, /* the tail is at its limit: unread bytes now close the connection */
    GOEVD_READ_EOF = 1 << 1   /* these are the last bytes; on_eof follows once they are consumed, or
                                 at once if they are not */
};

/* How to close; flags of goevd_conn_close(). */
enum goevd_close_flags {
    GOEVD_CLOSE_FLUSH = 0,    /* send the queued output, within the listener's close_timeout */
    GOEVD_CLOSE_NOW = 1 << 0, /* drop the queued output */
    GOEVD_CLOSE_DONE = 1 << 1 /* the peer sends nothing more: do not linger for it */
};

/* Flags of a stream handler. */
enum goevd_stream_flags {
    /* The output of a connection does not depend on its own input, as in a relay. Reading goes on
     * while output is above the high mark. The handler pauses the connection that the output comes
     * from. */
    GOEVD_STREAM_DUPLEX = 1 << 0
};

/* The cookie of the deadline in on_timeout. */
#define GOEVD_DEADLINE UINT64_MAX

struct goevd_framing; /* goevd/framing.h */

#define GOEVD_STREAM "goevd.stream"

/* Bytes in, bytes out: the callbacks of a plugin that serves connections.
 *
 * Each callback runs on the poller that owns the connection, and never inside another callback of
 * the same connection. `state` is conn_size zeroed bytes that live as long as the connection. A
 * negative return value closes the connection, as goevd_conn_close(c, GOEVD_CLOSE_FLUSH) does. Only
 * on_read is required; with a framing, only on_frame.
 */
struct goevd_stream {
    struct goevd_version version;
    size_t conn_size; /* bytes of state for each connection, 0 to 65536 */

    /* The transport is ready. Negative: close; on_close follows. */
    int (*on_open)(struct goevd_conn *c, void *state);

    /* Bytes have come.
     *
     * data     len bytes, valid until return: first unconsumed bytes of earlier calls, then new
     *          bytes from data + fresh on. fresh == len: no new bytes, a call after a resume or
     *          drain.
     * flags    enum goevd_read_flags.
     * Returns  bytes consumed, 0 to len. The rest comes again with the bytes that follow.
     */
    ptrdiff_t (*on_read)(struct goevd_conn *c, void *state, const char *data, size_t len,
                         size_t fresh, unsigned flags);

    /* The peer has sent its last byte (shutdown(2), SHUT_WR). 0: go on writing; the handler closes.
     * NULL: flush and close. It is not called if the output has ended before; then
     * on_close(GOEVD_REASON_EOF) follows. */
    int (*on_eof)(struct goevd_conn *c, void *state);

    /* The output queue fell to the low mark after a write had returned 1 or -ENOBUFS. Unconsumed
     * bytes come again after this call. */
    int (*on_drained)(struct goevd_conn *c, void *state);

    /* A timer of this connection, or its deadline (cookie GOEVD_DEADLINE), is due. */
    int (*on_timeout)(struct goevd_conn *c, void *state, uint64_t cookie);

    /* goevd stops or reloads: finish begun work. 0: the handler closes, before the stop deadline.
     * NULL: flush and close. */
    int (*on_stop)(struct goevd_conn *c, void *state);

    /* The last callback of a connection; always called once on_open has run. No writes any more. */
    void (*on_close)(struct goevd_conn *c, void *state, enum goevd_reason reason);

    /* The end of a goevd_send() (goevd/threads.h), exactly once for each accepted send, perhaps
     * after the connection's on_close. 0: the socket has taken every byte; -EPIPE: the connection
     * was closed first; -ENOBUFS: the output cap. */
    void (*on_sent)(void *instance, uint64_t conn_id, uint64_t cookie, int result);

    /* A goevd_connect() (goevd/connect.h) has failed: no connection, and no other callback. It
     * runs on the poller that called goevd_connect(), or on the poller that was to serve if that
     * had no memory.
     *
     * state    filled by goevd_connect(); valid until return.
     * error    -ECONNREFUSED, -ENETUNREACH, … of connect(2), for the last address; -ETIMEDOUT;
     *          -EADDRNOTAVAIL: the name has no address, or no port is free; -EAGAIN: the name
     *          server does not answer; -ECANCELED: goevd_connect_cancel(), or goevd stops;
     *          -ENOMEM.
     */
    void (*on_connect_fail)(void *instance, struct goevd_poller *poller, void *state, int error);

    /* A listener with this handler has called accept4(2), and no connection exists yet: choose the
     * reactor that will serve it. It runs on the accepting poller. NULL: the listener's reactor.
     *
     * peer     address of the peer, len bytes. Behind a proxy (proxy_protocol) it is the proxy's:
     *          the serving poller reads the header later.
     * Returns  the number of a reactor, of goevd_reactor_find(); 0: the listener's; negative or
     *          unknown: the socket is closed without another callback.
     */
    int (*on_accept)(void *instance, struct goevd_poller *poller, const struct sockaddr *peer,
                     socklen_t len);

    unsigned flags; /* enum goevd_stream_flags */

    /* How input is cut into frames (goevd/framing.h). Then on_frame is called and on_read is NULL.
     * NULL: no frames. */
    const struct goevd_framing *framing;

    /* A whole frame has come; see goevd/framing.h. */
    int (*on_frame)(struct goevd_conn *c, void *state, const char *data, size_t len,
                    unsigned flags);

    /* The next bytes are no frame, and no frame follows; see goevd/framing.h. NULL: as if it
     * returned a negative value. */
    int (*on_frame_error)(struct goevd_conn *c, void *state, const char *data, size_t len,
                          int error);

    /* Bytes come in bulk: two reads in a row have filled the read buffer. The handler may pass them
     * on unread with goevd_conn_splice() (goevd/conn.h). If it does not, they are read and come to
     * on_read. NULL: all are read. */
    int (*on_bulk)(struct goevd_conn *c, void *state);

    /* The protocols that this handler offers to TLS clients (ALPN, RFC 7301), in the order in which
     * it prefers them, separated by commas: "h2,http/1.1". Called once for each listener with
     * `tls:`, after create. goevd_conn_tls(c, GOEVD_TLS_ALPN) is the one that was chosen. A client
     * that offers others is refused; one that offers none is served. NULL, or "" returned: nothing
     * is negotiated. */
    const char *(*alpn)(void *instance);
};

/* The layout on 64-bit machines. */
#if UINTPTR_MAX == UINT64_MAX
GOEVD_STATIC_ASSERT(sizeof(struct goevd_stream) == 144, "goevd_stream has moved");
#endif

#endif
