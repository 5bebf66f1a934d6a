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
struct goevd_websocket_host;    /* the instance of websocket that hosts an application */
struct goevd_websocket_request; /* a handshake; never keep the pointer past on_request */

/* What a message is; the opcodes of RFC 6455. */
enum goevd_websocket_type {
    GOEVD_WEBSOCKET_TEXT = 1, /* UTF-8 */
    GOEVD_WEBSOCKET_BINARY = 2,
    GOEVD_WEBSOCKET_PING = 9 /* for goevd_websocket_post() alone */
};

/* Flags of on_fragment and of goevd_websocket_send_fragment(). */
enum goevd_websocket_fragment_flags {
    GOEVD_WEBSOCKET_FIRST = 1 << 0, /* a message begins */
    GOEVD_WEBSOCKET_LAST = 1 << 1   /* it ends with these bytes, perhaps none */
};

#define GOEVD_WEBSOCKET_CONTROL_MAX 125        /* bytes of a ping */
#define GOEVD_WEBSOCKET_REASON_MAX 123         /* bytes of the reason of a close */
#define GOEVD_WEBSOCKET_ROOM_MAX 255           /* bytes of the name of a room */
#define GOEVD_WEBSOCKET_FRAGMENT_MAX (1 << 30) /* bytes of a part of a message that is sent */

/* What becomes of a connection that takes less than is published, once its backlog is full. */
enum goevd_websocket_slow {
    GOEVD_WEBSOCKET_SLOW_CLOSE = 0,   /* it is closed with 1013 */
    GOEVD_WEBSOCKET_SLOW_DROP_OLDEST, /* it loses the messages that have waited longest */
    GOEVD_WEBSOCKET_SLOW_DROP_NEWEST  /* it loses what is published */
};

/* Names a connection in any thread, also when it is over. */
struct goevd_websocket_id {
    struct goevd_websocket_host *host;
    uint64_t number;
};

/* Who has begun to close; given to on_close. */
enum goevd_websocket_who {
    GOEVD_WEBSOCKET_PEER = 0,  /* with a close frame */
    GOEVD_WEBSOCKET_SELF,      /* the application, or goevd, which stops */
    GOEVD_WEBSOCKET_VIOLATION, /* the plugin: the peer has broken the protocol or a limit */
    GOEVD_WEBSOCKET_LOST       /* nobody: the connection has ended without a close frame */
};

struct goevd_websocket;

typedef void (*goevd_websocket_call_fn)(struct goevd_websocket_conn *w, void *state, void *arg);

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

    /* A message has come. This one must be set, or on_fragment.
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

    /* Bytes of a message have come: set, it is called in the place of on_message, and no message is
     * gathered. `message_max` holds all the same.
     *
     * data   len bytes, valid until return: what came of one frame, or all of it. Of a text they
     *        are UTF-8 together with those before; a character may be cut in two.
     * flags  enum goevd_websocket_fragment_flags.
     * Returns as on_message does; after -ENOBUFS the same bytes come again. */
    int (*on_fragment)(struct goevd_websocket_conn *w, void *state, int type, const char *data,
                       size_t len, unsigned flags);

    /* The application's instance has its host, for goevd_websocket_publish(). From create of that
     * host [main], before any poller runs. Negative: goevd does not start. NULL: nobody asks.
     *
     * instance what the application's create has made. */
    int (*on_host)(void *instance, struct goevd_websocket_host *host);
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

    struct goevd_websocket_id (*id)(const struct goevd_websocket_conn *w);
    int (*call)(struct goevd_websocket_id id, goevd_websocket_call_fn fn, void *arg);
    int (*post)(struct goevd_websocket_id id, int type, const void *data, size_t len,
                goevd_release_fn done, void *arg);
    int (*post_close)(struct goevd_websocket_id id, unsigned code, const char *reason);

    struct goevd_websocket_host *(*host)(const struct goevd_websocket_conn *w);
    int (*join)(struct goevd_websocket_conn *w, const char *room, size_t len);
    int (*leave)(struct goevd_websocket_conn *w, const char *room, size_t len);
    int (*publish)(struct goevd_websocket_host *host, const char *room, size_t room_len, int type,
                   const void *data, size_t len);
    int (*set_slow)(struct goevd_websocket_conn *w, int slow, size_t backlog);
    int (*send_fragment)(struct goevd_websocket_conn *w, int type, const void *data, size_t len,
                         unsigned flags);
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
 *          -EBUSY while a message goes out by goevd_websocket_send_fragment(); -EINVAL for another
 *          type.
 * Source   RFC 6455 section 5.6.
 */
static inline int
goevd_websocket_send(struct goevd_websocket_conn *w, int type, const void *data, size_t len)
{
    return goevd_websocket->send(w, type, data, len);
}

/* Send a part of a message, in a frame of its own: for one that is made as it goes out and is never
 * in memory as a whole. After 1 or -ENOBUFS the next part waits for on_drained.
 *
 * Until the last part is sent pings may go between, and a close frame ends it; no other message
 * may. What is published meanwhile waits as it does for who is slow. Where compression was agreed
 * upon the message is compressed, whatever its length, and each part can be read when it comes.
 *
 * type     enum goevd_websocket_type, that of the first part counts. Text must be UTF-8 as a whole;
 *          a part may end within a character.
 * data     copied; the caller keeps it.
 * len      bytes, at most GOEVD_WEBSOCKET_FRAGMENT_MAX; 0 too.
 * flags    enum goevd_websocket_fragment_flags; with both it is goevd_websocket_send().
 * Thread   [poller]
 * Returns  as goevd_websocket_send() does, where a part that was not queued changes nothing: others
 *          may follow; -EBUSY for a first part before the last one of a message; -EINVAL for
 *          another part where none has begun.
 * Source   RFC 6455 section 5.4, RFC 7692 section 6.1.
 */
static inline int
goevd_websocket_send_fragment(struct goevd_websocket_conn *w, int type, const void *data,
                              size_t len, unsigned flags)
{
    return goevd_websocket->send_fragment(w, type, data, len, flags);
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
 * waited once ours has been handed to the socket. No message comes any more.
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

/* ---- From other threads ---------------------------------------------------------------------- */

/* A name for w that other threads can use, and that is never another connection's.
 * Thread   [poller]
 */
static inline struct goevd_websocket_id
goevd_websocket_conn_id(const struct goevd_websocket_conn *w)
{
    return goevd_websocket->id(w);
}

/* Run a function on the poller of a connection, where it may do all that a callback may: send,
 * join a room, close.
 *
 * fn       runs exactly once if 0 is returned; w and state are NULL if the connection is over.
 * Thread   [any]
 * Returns  as goevd_call() does; -ENOMEM.
 */
static inline int
goevd_websocket_call(struct goevd_websocket_id id, goevd_websocket_call_fn fn, void *arg)
{
    return goevd_websocket->call(id, fn, arg);
}

/* Send a message or a ping from any thread. Those of one thread to one connection keep their order.
 *
 * type     enum goevd_websocket_type.
 * data     copied; the caller keeps it.
 * done     exactly once if 0 is returned, on a poller: with what goevd_websocket_send() said, where
 *          1 and -ENOBUFS mean that on_drained follows, or -EPIPE if the connection is over. NULL:
 *          nobody asks.
 * Thread   [any]
 * Returns  as goevd_call() does; -EINVAL for another type or too long a ping; -ENOMEM.
 */
static inline int
goevd_websocket_post(struct goevd_websocket_id id, int type, const void *data, size_t len,
                     goevd_release_fn done, void *arg)
{
    return goevd_websocket->post(id, type, data, len, done, arg);
}

/* Begin to close from any thread, behind what this one has sent before.
 *
 * reason   copied; NULL: none.
 * Thread   [any]
 * Returns  as goevd_call() does; -EINVAL as goevd_websocket_close() does; -ENOMEM.
 */
static inline int
goevd_websocket_post_close(struct goevd_websocket_id id, unsigned code, const char *reason)
{
    return goevd_websocket->post_close(id, code, reason);
}

/* ---- Rooms ----------------------------------------------------------------------------------- */

/* The instance of websocket that hosts the application of w.
 * Thread   [poller]
 */
static inline struct goevd_websocket_host *
goevd_websocket_conn_host(const struct goevd_websocket_conn *w)
{
    return goevd_websocket->host(w);
}

/* Be in a room from now on, until goevd_websocket_leave() or the end. A room is there as long as
 * somebody is in it. From another thread: by goevd_websocket_call().
 *
 * room     its name, 1 to GOEVD_WEBSOCKET_ROOM_MAX bytes of any kind; copied.
 * Thread   [poller]
 * Returns  0, also if w is in it; -EINVAL for another length; -ENOSPC if w is in as many rooms as
 *          `rooms_max` allows; -EPIPE once a close frame was sent; -ENOMEM.
 */
static inline int
goevd_websocket_join(struct goevd_websocket_conn *w, const char *room, size_t len)
{
    return goevd_websocket->join(w, room, len);
}

/* Be in a room no longer.
 * Thread   [poller]
 * Returns  0; -ENOENT if w is not in it.
 */
static inline int
goevd_websocket_leave(struct goevd_websocket_conn *w, const char *room, size_t len)
{
    return goevd_websocket->leave(w, room, len);
}

/* Send a message to all who are in a room, on every poller, soon. What one thread publishes comes
 * in order. Who takes less than is published has a backlog, bounded by `room_backlog_max`; when
 * that is full, `room_slow` says what happens, or goevd_websocket_set_slow() has said it. What
 * goevd_websocket_send() sends may overtake a backlog, and a close frame ends it.
 *
 * room     its name, as for goevd_websocket_join(); NULL: to all connections of the host.
 * type     text or binary, as for goevd_websocket_send().
 * data     copied once for all.
 * Thread   [any]
 * Returns  0; -EAGAIN if as much as `publish_max` allows has not reached all pollers yet; -EINVAL
 *          for another type or length of name; -ENOMEM.
 */
static inline int
goevd_websocket_publish(struct goevd_websocket_host *host, const char *room, size_t room_len,
                        int type, const void *data, size_t len)
{
    return goevd_websocket->publish(host, room, room_len, type, data, len);
}

/* Say what becomes of w when it takes less than is published, to whatever room: from now on, in the
 * place of `room_slow` and `room_backlog_max`, which are for connections of which nothing is said.
 *
 * slow     enum goevd_websocket_slow.
 * backlog  bytes that may wait for it, where each message counts 64 more than it has; more than
 *          `room_backlog_max` are as many as that, so SIZE_MAX leaves it. What waits already stays
 *          until the next message is published.
 * Thread   [poller]
 * Returns  0; -EINVAL for another policy; -EPIPE once a close frame was sent; -ENOMEM.
 */
static inline int
goevd_websocket_set_slow(struct goevd_websocket_conn *w, int slow, size_t backlog)
{
    return goevd_websocket->set_slow(w, slow, backlog);
}

/* ---- Layout, for 64-bit machines: what has shipped does not move ----------------------------- */

#if UINTPTR_MAX == UINT64_MAX
GOEVD_STATIC_ASSERT(sizeof(struct goevd_websocket_app) == 80, "goevd_websocket_app has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_websocket) == 200, "goevd_websocket has moved");
#endif

#ifdef __cplusplus
}
#endif

#endif
