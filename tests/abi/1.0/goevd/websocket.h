/* goevd/websocket.h - the contract between goevd's websocket plugin and WebSocket applications.
 *
 * SPDX-License-Identifier: MIT
 *
 * An application is a plugin that offers the interface GOEVD_WEBSOCKET: a vtable whose functions
 * get whole messages. The websocket plugin, which names it in its option `application`, does what
 * RFC 6455 asks for around them: the handshake, frames, pings, closing, and the checks of all that.
 *
 * Threads and errors are as in goevd/plugin.h.
 */
#ifndef GOEVD_WEBSOCKET_H
#define GOEVD_WEBSOCKET_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GOEVD_WEBSOCKET "goevd.websocket"

#define GOEVD_WEBSOCKET_ABI_MAJOR 1
#define GOEVD_WEBSOCKET_ABI_MINOR 0

#define GOEVD_WEBSOCKET_VERSION_OF(type)                                                           \
    {                                                                                              \
        GOEVD_WEBSOCKET_ABI_MAJOR, GOEVD_WEBSOCKET_ABI_MINOR, (uint32_t)sizeof(type)               \
    }

struct goevd_websocket_conn;    /* a connection; never keep the pointer past on_close */
struct goevd_websocket_request; /* a handshake; never keep the pointer past on_request */

/* What a message is; the opcodes of RFC 6455. */
enum goevd_websocket_type {
    GOEVD_WEBSOCKET_TEXT = 1, /* UTF-8 */
    GOEVD_WEBSOCKET_BINARY = 2
};

/* Who has begun to close; given to on_close. */
enum goevd_websocket_who {
    GOEVD_WEBSOCKET_PEER = 0,  /* with a close frame */
    GOEVD_WEBSOCKET_SELF,      /* the application, or goevd, which stops */
    GOEVD_WEBSOCKET_VIOLATION, /* the plugin: the peer has broken the protocol or a limit */
    GOEVD_WEBSOCKET_LOST       /* nobody: the connection has ended without a close frame */
};

struct goevd_websocket;

/* Messages in, messages out: what a plugin implements to speak WebSocket.
 *
 * Every callback runs on the poller that owns the connection, and never inside another callback of
 * the same connection. `state` is conn_size zeroed bytes that live as long as the connection.
 */
struct goevd_websocket_app {
    struct goevd_version version; /* GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket_app) */
    uint32_t websocket_minor;     /* the lowest minor version of struct goevd_websocket it needs */
    uint32_t conn_size;           /* bytes of state for each connection, 0 to 65536 */
    const struct goevd_websocket **websocket; /* &goevd_websocket; set before any callback */

    /* A client asks for a connection, and all that RFC 6455 says of that is well. Nothing can be
     * sent yet. NULL: all are welcome.
     *
     * state  what is left here is that of the connection. It is dropped where the client is gone
     *        before on_open, so it should own nothing yet.
     * Returns 0: go on, then on_open follows. 400 to 599: refuse with that status. Negative: with
     *        500. */
    int (*on_request)(struct goevd_websocket_request *q, void *state);

    /* The handshake is done. Negative: close with 1011. May be NULL. */
    int (*on_open)(struct goevd_websocket_conn *w, void *state);

    /* A message has come; only this one must be set.
     *
     * type   enum goevd_websocket_type.
     * data   len bytes, valid until return; of a text they are UTF-8.
     * Returns 0 or 1, as goevd_websocket_send() does: the message is done with. -ENOBUFS, if a
     *        function has just returned that: the message comes again after on_drained. -EMSGSIZE:
     *        close with 1009. Another negative value: close with 1011. */
    int (*on_message)(struct goevd_websocket_conn *w, void *state, int type, const char *data,
                      size_t len);

    /* The peer has taken most of what was sent, after a function had returned 1 or -ENOBUFS. */
    void (*on_drained)(struct goevd_websocket_conn *w, void *state);

    /* The last callback of this connection, always, once on_open has run. Nothing can be sent any
     * more.
     *
     * code   of the close frame that was first, RFC 6455 section 7.4; 1005 if it had none, 1006 if
     *        there was no such frame.
     * reason of that frame, if it was the peer's: UTF-8, valid until return.
     * who    enum goevd_websocket_who. */
    void (*on_close)(struct goevd_websocket_conn *w, void *state, unsigned code,
                     struct goevd_str reason, int who);
};

/* The functions themselves; call them through the wrappers below, which document them. */
struct goevd_websocket {
    struct goevd_version version;

    void *(*instance)(const struct goevd_websocket_conn *w);
    void *(*local)(const struct goevd_websocket_conn *w);
    struct goevd_conn *(*stream)(const struct goevd_websocket_conn *w);
    int (*send)(struct goevd_websocket_conn *w, int type, const void *data, size_t len);
    int (*ping)(struct goevd_websocket_conn *w, const void *data, size_t len);
    int (*close)(struct goevd_websocket_conn *w, unsigned code, const char *reason);

    void *(*request_instance)(const struct goevd_websocket_request *q);
    struct goevd_str (*request_path)(const struct goevd_websocket_request *q);
    struct goevd_str (*request_query)(const struct goevd_websocket_request *q);
    struct goevd_str (*request_param)(const struct goevd_websocket_request *q, const char *name);
    struct goevd_str (*request_header)(const struct goevd_websocket_request *q, const char *name);
    bool (*request_header_at)(const struct goevd_websocket_request *q, size_t index,
                              struct goevd_str *ret_name, struct goevd_str *ret_value);
    struct goevd_str (*request_protocol)(const struct goevd_websocket_request *q);
    int (*request_choose)(struct goevd_websocket_request *q, const char *protocol);
};

/* The table of this plugin; GOEVD_WEBSOCKET_TABLE once, in one source file. */
#define GOEVD_WEBSOCKET_TABLE const struct goevd_websocket *goevd_websocket = NULL

extern GOEVD_HIDDEN const struct goevd_websocket *goevd_websocket;

/* The instance that is called: what its create has made.
 * Thread   [poller]
 */
static inline void *
goevd_websocket_instance(const struct goevd_websocket_conn *w)
{
    return goevd_websocket->instance(w);
}

/* What poller_start of that instance left in *ret_local on this poller.
 * Thread   [poller]
 */
static inline void *
goevd_websocket_local(const struct goevd_websocket_conn *w)
{
    return goevd_websocket->local(w);
}

/* The connection beneath, for its addresses, its poller and what is queued. Nothing may be written
 * to it but through the functions here.
 * Thread   [poller]
 */
static inline struct goevd_conn *
goevd_websocket_stream(const struct goevd_websocket_conn *w)
{
    return goevd_websocket->stream(w);
}

/* Send a message, in one frame, compressed if that was agreed upon and makes it shorter. What one
 * callback sends leaves together when it returns.
 *
 * type     enum goevd_websocket_type. Text must be UTF-8; that is not checked.
 * data     copied; the caller keeps it.
 * Thread   [poller]
 * Returns  as goevd_conn_write() does: 0; 1 if much is queued; -ENOBUFS at the cap and -EMSGSIZE
 *          beyond it, with nothing of it queued; -ENOMEM; -EPIPE once a close frame was sent;
 *          -EINVAL for another type.
 * Source   RFC 6455 section 5.6.
 */
static inline int
goevd_websocket_send(struct goevd_websocket_conn *w, int type, const void *data, size_t len)
{
    return goevd_websocket->send(w, type, data, len);
}

/* Send a ping. The answer is not told; a peer that answers none is found by `ping_interval`.
 *
 * len      bytes, at most 125.
 * Thread   [poller]
 * Returns  as goevd_websocket_send() does; -EINVAL if it is longer.
 * Source   RFC 6455 section 5.5.2.
 */
static inline int
goevd_websocket_ping(struct goevd_websocket_conn *w, const void *data, size_t len)
{
    return goevd_websocket->ping(w, data, len);
}

/* Begin to close: a close frame behind what was sent, then the peer's, for which `close_timeout` is
 * waited. No message comes any more.
 *
 * code     1000 to 1003, 1007 to 1014 or 3000 to 4999.
 * reason   UTF-8, at most 123 bytes; NULL: none.
 * Thread   [poller]
 * Returns  0; -EINVAL for another code or a longer reason; -EPIPE once a close frame was sent.
 * Source   RFC 6455 section 7.1.2.
 */
static inline int
goevd_websocket_close(struct goevd_websocket_conn *w, unsigned code, const char *reason)
{
    return goevd_websocket->close(w, code, reason);
}

/* ---- The handshake --------------------------------------------------------------------------- */

/* The instance that is asked: what its create has made.
 * Thread   [poller], from on_request, as all that follow.
 */
static inline void *
goevd_websocket_request_instance(const struct goevd_websocket_request *q)
{
    return goevd_websocket->request_instance(q);
}

/* The path of the request, as goevd_http_path() tells it.
 * Thread   [poller]
 * Returns  text that is valid until on_request returns, as for all that follow.
 */
static inline struct goevd_str
goevd_websocket_request_path(const struct goevd_websocket_request *q)
{
    return goevd_websocket->request_path(q);
}

/* What follows the "?", as it was sent. data is NULL where there is no "?".
 * Thread   [poller]
 */
static inline struct goevd_str
goevd_websocket_request_query(const struct goevd_websocket_request *q)
{
    return goevd_websocket->request_query(q);
}

/* What stands in the path for a {name} of the route, as goevd_http_param() tells it.
 * Thread   [poller]
 */
static inline struct goevd_str
goevd_websocket_request_param(const struct goevd_websocket_request *q, const char *name)
{
    return goevd_websocket->request_param(q, name);
}

/* The value of the first header of that name, whatever its case. data is NULL where there is none.
 * Thread   [poller]
 */
static inline struct goevd_str
goevd_websocket_request_header(const struct goevd_websocket_request *q, const char *name)
{
    return goevd_websocket->request_header(q, name);
}

/* A header by its place, from 0 on, in the order in which they were sent.
 * Thread   [poller]
 * Returns  true; false where there are no more, with nothing set.
 */
static inline bool
goevd_websocket_request_header_at(const struct goevd_websocket_request *q, size_t index,
                                  struct goevd_str *ret_name, struct goevd_str *ret_value)
{
    return goevd_websocket->request_header_at(q, index, ret_name, ret_value);
}

/* The subprotocol that the answer will name: the first one offered that is among `protocols` of the
 * configuration, or the one that was chosen since. data is NULL where there is none.
 * Thread   [poller]
 * Source   RFC 6455 section 1.9.
 */
static inline struct goevd_str
goevd_websocket_request_protocol(const struct goevd_websocket_request *q)
{
    return goevd_websocket->request_protocol(q);
}

/* Choose the subprotocol, whatever the configuration says. The offers are in the headers
 * Sec-WebSocket-Protocol.
 *
 * protocol one that the client offers; NULL: none.
 * Thread   [poller]
 * Returns  0; -ENOENT if it is not offered, and there is none then.
 * Source   RFC 6455 section 4.2.2.
 */
static inline int
goevd_websocket_request_choose(struct goevd_websocket_request *q, const char *protocol)
{
    return goevd_websocket->request_choose(q, protocol);
}

/* ---- Layout, for 64-bit machines: what has shipped does not move ----------------------------- */

#if UINTPTR_MAX == UINT64_MAX
GOEVD_STATIC_ASSERT(sizeof(struct goevd_websocket_app) == 64, "goevd_websocket_app has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_websocket) == 120, "goevd_websocket has moved");
#endif

#ifdef __cplusplus
}
#endif

#endif
