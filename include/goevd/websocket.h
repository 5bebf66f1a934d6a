/* goevd/websocket.h - the contract between goevd's websocket plugin and WebSocket applications.
 *
 * SPDX-License-Identifier: MIT
 *
 * An application is a plugin that offers the interface GOEVD_WEBSOCKET: callbacks that get whole
 * messages. The option `application` of the websocket plugin names it. That plugin implements the
 * rest of RFC 6455: the handshake, frames, pings, closing, and the checks of all these.
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

/* Types of messages: the opcodes of RFC 6455. */
enum goevd_websocket_type {
    GOEVD_WEBSOCKET_TEXT = 1, /* UTF-8 */
    GOEVD_WEBSOCKET_BINARY = 2,
    GOEVD_WEBSOCKET_PING = 9 /* only for goevd_websocket_post() */
};

/* Flags of on_fragment and of goevd_websocket_send_fragment(). */
enum goevd_websocket_fragment_flags {
    GOEVD_WEBSOCKET_FIRST = 1 << 0, /* a message begins */
    GOEVD_WEBSOCKET_LAST = 1 << 1   /* the message ends with these bytes, perhaps none */
};

#define GOEVD_WEBSOCKET_CONTROL_MAX 125        /* bytes of a ping */
#define GOEVD_WEBSOCKET_REASON_MAX 123         /* bytes of the reason of a close */
#define GOEVD_WEBSOCKET_ROOM_MAX 255           /* bytes of the name of a room */
#define GOEVD_WEBSOCKET_FRAGMENT_MAX (1 << 30) /* bytes of a part of a message that is sent */

/* Policy for a connection that reads slower than messages are published, once its backlog is
 * full. */
enum goevd_websocket_slow {
    GOEVD_WEBSOCKET_SLOW_CLOSE = 0,   /* close it with 1013 */
    GOEVD_WEBSOCKET_SLOW_DROP_OLDEST, /* drop the messages that have waited longest */
    GOEVD_WEBSOCKET_SLOW_DROP_NEWEST  /* drop the new messages */
};

/* The id of a connection, for any thread, also after the connection has closed. */
struct goevd_websocket_id {
    struct goevd_websocket_host *host;
    uint64_t number;
};

/* Which side began to close; an argument of on_close. */
enum goevd_websocket_who {
    GOEVD_WEBSOCKET_PEER = 0,  /* the peer, with a close frame */
    GOEVD_WEBSOCKET_SELF,      /* the application, or goevd because it stops */
    GOEVD_WEBSOCKET_VIOLATION, /* the plugin: the peer broke the protocol or a limit */
    GOEVD_WEBSOCKET_LOST,      /* neither: the connection ended without a close frame */
    GOEVD_WEBSOCKET_CUT        /* as SELF, but the connection ended before the peer's close frame had
                                  come: what was sent last may be lost */
};

struct goevd_websocket;

typedef void (*goevd_websocket_call_fn)(struct goevd_websocket_conn *w, void *state, void *arg);

/* Messages in, messages out: the callbacks of a WebSocket application.
 *
 * Every callback runs on the poller that owns the connection, and never inside another callback of
 * the same connection. `state` is conn_size zeroed bytes that live as long as the connection.
 */
struct goevd_websocket_app {
    struct goevd_version version; /* GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket_app) */
    uint32_t websocket_minor;     /* the lowest minor version of struct goevd_websocket it needs */
    uint32_t conn_size;           /* bytes of state for each connection, 0 to 65536 */
    const struct goevd_websocket **websocket; /* &goevd_websocket; set before any callback */

    /* A client asks for a connection, and its handshake is valid. Nothing can be sent yet. NULL:
     * accept every client.
     *
     * state    becomes the state of the connection. If the client is gone before on_open, goevd
     *          drops it without a callback, so it should own nothing yet.
     * Returns  0: accept, and on_open follows; 300 to 599: refuse with that status; negative:
     *          refuse with 500.
     */
    int (*on_request)(struct goevd_websocket_request *q, void *state);

    /* The handshake is done. Negative: close with 1011. May be NULL. */
    int (*on_open)(struct goevd_websocket_conn *w, void *state);

    /* A message has come. Either this callback or on_fragment is required.
     *
     * type     enum goevd_websocket_type.
     * data     len bytes, valid until return; a text is UTF-8.
     * Returns  0 or 1, as goevd_websocket_send(): the message is done; -ENOBUFS, if a function has
     *          just returned that: the message comes again after on_drained; -EMSGSIZE: close with
     *          1009; another negative value: close with 1011.
     */
    int (*on_message)(struct goevd_websocket_conn *w, void *state, int type, const char *data,
                      size_t len);

    /* The output queue fell to the low mark after a function had returned 1 or -ENOBUFS. */
    void (*on_drained)(struct goevd_websocket_conn *w, void *state);

    /* The last callback of a connection; always called once on_open has run. Nothing can be sent
     * any more.
     *
     * code     of the first close frame, RFC 6455 section 7.4; 1005 if it had none; 1006 without
     *          a close frame.
     * reason   of that frame, if it was the peer's: UTF-8, valid until return.
     * who      enum goevd_websocket_who.
     */
    void (*on_close)(struct goevd_websocket_conn *w, void *state, unsigned code,
                     struct goevd_str reason, int who);

    /* Bytes of a message have come. If it is set, it is called instead of on_message, and no
     * message is gathered. `message_max` limits the message all the same.
     *
     * data     len bytes, valid until return: a part of one frame, or all of it. A text is UTF-8 as
     *          a whole; a part may end within a character.
     * flags    enum goevd_websocket_fragment_flags.
     * Returns  as on_message does; after -ENOBUFS the same bytes come again.
     */
    int (*on_fragment)(struct goevd_websocket_conn *w, void *state, int type, const char *data,
                       size_t len, unsigned flags);

    /* The instance gets its host, for goevd_websocket_publish(). Called in create of the host
     * [main], before any poller runs. Negative: goevd does not start. NULL: not needed.
     *
     * instance  the pointer that create of the application stored in *ret_instance.
     */
    int (*on_host)(void *instance, struct goevd_websocket_host *host);
};

/* The functions of websocket. Call them through the wrappers below, which document them. */
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

    int (*request_add_header)(struct goevd_websocket_request *q, const char *name,
                              const char *value);
    int (*request_refuse)(struct goevd_websocket_request *q, int status, const char *type,
                          const void *body, size_t len);
};

/* Define the table of this plugin, once, in one source file: GOEVD_WEBSOCKET_TABLE; */
#define GOEVD_WEBSOCKET_TABLE const struct goevd_websocket *goevd_websocket = NULL

extern GOEVD_HIDDEN const struct goevd_websocket *goevd_websocket;

/* The instance of the application.
 *
 * Thread   [poller]
 * Returns  the pointer that create stored in *ret_instance.
 */
static inline void *
goevd_websocket_instance(const struct goevd_websocket_conn *w)
{
    return goevd_websocket->instance(w);
}

/* The storage of that instance on the connection's poller.
 *
 * Thread   [poller]
 * Returns  the pointer that poller_start stored in *ret_local; NULL without it.
 */
static inline void *
goevd_websocket_local(const struct goevd_websocket_conn *w)
{
    return goevd_websocket->local(w);
}

/* The connection below w, for its addresses, its poller and its output queue. Only the functions
 * here may write to it.
 *
 * Thread   [poller]
 * Returns  the connection, valid until on_close returns.
 */
static inline struct goevd_conn *
goevd_websocket_stream(const struct goevd_websocket_conn *w)
{
    return goevd_websocket->stream(w);
}

/* Send a message in one frame. It is compressed if that was agreed upon and makes it shorter. The
 * messages that one callback sends leave together when it returns.
 *
 * type     enum goevd_websocket_type. A text must be UTF-8, which is not checked.
 * data     len bytes; copied.
 * Thread   [poller]
 * Returns  0; 1 if much is queued: on_drained follows; -ENOBUFS if the queue would exceed its cap:
 *          on_drained follows; -EMSGSIZE if the message alone exceeds the cap; -ENOMEM; -EPIPE once
 *          a close frame was sent; -EBUSY during a message of goevd_websocket_send_fragment();
 *          -EINVAL for another type. After an error nothing of it is queued.
 * Calls    no handler before it returns.
 * Source   RFC 6455 section 5.6.
 */
static inline int
goevd_websocket_send(struct goevd_websocket_conn *w, int type, const void *data, size_t len)
{
    return goevd_websocket->send(w, type, data, len);
}

/* Send a part of a message in a frame of its own, so that the whole message need not be in memory.
 * After 1 or -ENOBUFS the next part waits for on_drained.
 *
 * Until the last part is sent, pings may go between the parts, and a close frame ends the message.
 * No other message may be sent; published messages wait in the backlog, as for a slow client. If
 * compression was agreed upon, the message is compressed, whatever its length, and the client can
 * read each part as it comes.
 *
 * type     enum goevd_websocket_type, of the first part. A text must be UTF-8 as a whole; a part
 *          may end within a character.
 * data     len bytes; copied.
 * len      0 to GOEVD_WEBSOCKET_FRAGMENT_MAX.
 * flags    enum goevd_websocket_fragment_flags; with both it is goevd_websocket_send().
 * Thread   [poller]
 * Returns  as goevd_websocket_send() does; -EBUSY for a first part before the last part of a
 *          message; -EINVAL for another part if no message has begun. After an error other parts
 *          may follow.
 * Calls    no handler before it returns.
 * Source   RFC 6455 section 5.4, RFC 7692 section 6.1.
 */
static inline int
goevd_websocket_send_fragment(struct goevd_websocket_conn *w, int type, const void *data,
                              size_t len, unsigned flags)
{
    return goevd_websocket->send_fragment(w, type, data, len, flags);
}

/* Send a ping. The application does not see the pong. The option `ping_interval` finds peers that
 * do not reply.
 *
 * len      bytes, at most GOEVD_WEBSOCKET_CONTROL_MAX.
 * Thread   [poller]
 * Returns  as goevd_websocket_send() does; -EINVAL if it is longer.
 * Calls    no handler before it returns.
 * Source   RFC 6455 section 5.5.2.
 */
static inline int
goevd_websocket_ping(struct goevd_websocket_conn *w, const void *data, size_t len)
{
    return goevd_websocket->ping(w, data, len);
}

/* Begin to close: send a close frame after the messages before it. Then goevd waits for the peer's
 * close frame, for `close_timeout` from when the socket has taken ours. No message comes any more.
 *
 * code     1000 to 1003, 1007 to 1014 or 3000 to 4999.
 * reason   UTF-8, at most GOEVD_WEBSOCKET_REASON_MAX bytes; NULL: none.
 * Thread   [poller]
 * Returns  0; -EINVAL for another code or a longer reason; -EPIPE once a close frame was sent.
 * Calls    no handler before it returns.
 * Source   RFC 6455 section 7.1.2.
 */
static inline int
goevd_websocket_close(struct goevd_websocket_conn *w, unsigned code, const char *reason)
{
    return goevd_websocket->close(w, code, reason);
}

/* ---- The handshake --------------------------------------------------------------------------- */

/* The instance of the application. As all functions of a handshake, it may be called in on_request
 * only.
 *
 * Thread   [poller]
 * Returns  the pointer that create stored in *ret_instance.
 */
static inline void *
goevd_websocket_request_instance(const struct goevd_websocket_request *q)
{
    return goevd_websocket->request_instance(q);
}

/* The path of the request, as goevd_http_path() returns it.
 *
 * Thread   [poller]
 * Returns  text, valid until on_request returns.
 * Source   RFC 3986 section 5.2.4.
 */
static inline struct goevd_str
goevd_websocket_request_path(const struct goevd_websocket_request *q)
{
    return goevd_websocket->request_path(q);
}

/* The query, which follows the "?", as it was sent.
 *
 * Thread   [poller]
 * Returns  text, valid until on_request returns; data is NULL without a "?".
 * Source   RFC 3986 section 3.4.
 */
static inline struct goevd_str
goevd_websocket_request_query(const struct goevd_websocket_request *q)
{
    return goevd_websocket->request_query(q);
}

/* The part of the path that a {name} of the route matches, as goevd_http_param() returns it.
 *
 * Thread   [poller]
 * Returns  text, valid until on_request returns; data is NULL if the route has no such name.
 */
static inline struct goevd_str
goevd_websocket_request_param(const struct goevd_websocket_request *q, const char *name)
{
    return goevd_websocket->request_param(q, name);
}

/* The value of the first header of a name.
 *
 * name     in any case.
 * Thread   [poller]
 * Returns  text, valid until on_request returns; data is NULL if there is no such header.
 * Source   RFC 9110 section 5.
 */
static inline struct goevd_str
goevd_websocket_request_header(const struct goevd_websocket_request *q, const char *name)
{
    return goevd_websocket->request_header(q, name);
}

/* A header by its number, in the order in which the client sent them.
 *
 * index    from 0 on.
 * Thread   [poller]
 * Returns  true, with text that is valid until on_request returns; false if there are no more, and
 *          nothing is set.
 * Source   RFC 9110 section 5.3.
 */
static inline bool
goevd_websocket_request_header_at(const struct goevd_websocket_request *q, size_t index,
                                  struct goevd_str *ret_name, struct goevd_str *ret_value)
{
    return goevd_websocket->request_header_at(q, index, ret_name, ret_value);
}

/* The subprotocol that the reply will name: the first offered one that is among `protocols` of the
 * configuration, or the one that was chosen since.
 *
 * Thread   [poller]
 * Returns  text, valid until on_request returns; data is NULL without a subprotocol.
 * Source   RFC 6455 section 1.9.
 */
static inline struct goevd_str
goevd_websocket_request_protocol(const struct goevd_websocket_request *q)
{
    return goevd_websocket->request_protocol(q);
}

/* Choose the subprotocol, whatever the configuration has. The client's offers are in the headers
 * Sec-WebSocket-Protocol.
 *
 * protocol one that the client offers; NULL: none.
 * Thread   [poller]
 * Returns  0; -ENOENT if the client does not offer it: the reply names no subprotocol then.
 * Source   RFC 6455 section 4.2.2.
 */
static inline int
goevd_websocket_request_choose(struct goevd_websocket_request *q, const char *protocol)
{
    return goevd_websocket->request_choose(q, protocol);
}

/* Add a header to the reply, whether it accepts the client or refuses it, such as WWW-Authenticate
 * with 401, or Set-Cookie.
 *
 * Thread   [poller]
 * Returns  as goevd_http_add_header().
 * Source   RFC 6455 section 4.2.2, RFC 9110 section 15.5.2.
 */
static inline int
goevd_websocket_request_add_header(struct goevd_websocket_request *q, const char *name,
                                   const char *value)
{
    return goevd_websocket->request_add_header(q, name, value);
}

/* Refuse with content, for `return goevd_websocket_request_refuse(…)`.
 *
 * status   300 to 599.
 * type     media type; NULL: no Content-Type.
 * body     len bytes; copied.
 * Thread   [poller]
 * Returns  the status; -EINVAL for another status or type; -EPIPE, -ENOMEM as goevd_http_reply()
 *          does.
 * Source   RFC 6455 section 4.2.2.
 */
static inline int
goevd_websocket_request_refuse(struct goevd_websocket_request *q, int status, const char *type,
                               const void *body, size_t len)
{
    return goevd_websocket->request_refuse(q, status, type, body, len);
}

/* ---- From other threads ---------------------------------------------------------------------- */

/* The id of a connection, for the functions that other threads may call.
 *
 * Thread   [poller]
 * Returns  an id that no other connection of this process has had.
 */
static inline struct goevd_websocket_id
goevd_websocket_conn_id(const struct goevd_websocket_conn *w)
{
    return goevd_websocket->id(w);
}

/* Run a function on the poller of a connection, as a callback of that connection.
 *
 * fn       runs exactly once if 0 is returned; w and state are NULL if the connection has closed.
 * Thread   [any]
 * Returns  0; -EAGAIN, -ECANCELED, -EINVAL, -ENOMEM as goevd_call() does.
 */
static inline int
goevd_websocket_call(struct goevd_websocket_id id, goevd_websocket_call_fn fn, void *arg)
{
    return goevd_websocket->call(id, fn, arg);
}

/* Send a message or a ping from any thread. Those of one thread to one connection keep their order.
 *
 * type     enum goevd_websocket_type.
 * data     len bytes; copied.
 * done     called exactly once if 0 is returned, on a poller: with the result of
 *          goevd_websocket_send(), of which 1 and -ENOBUFS mean that on_drained follows, or with
 *          -EPIPE if the connection has closed. NULL: not needed.
 * Thread   [any]
 * Returns  0; -EAGAIN, -ECANCELED, -ENOMEM as goevd_call() does; -EINVAL for another type or too
 *          long a ping.
 */
static inline int
goevd_websocket_post(struct goevd_websocket_id id, int type, const void *data, size_t len,
                     goevd_release_fn done, void *arg)
{
    return goevd_websocket->post(id, type, data, len, done, arg);
}

/* Begin to close from any thread, after the earlier sends of this thread.
 *
 * code     as for goevd_websocket_close().
 * reason   copied; NULL: none.
 * Thread   [any]
 * Returns  0; -EAGAIN, -ECANCELED, -ENOMEM as goevd_call() does; -EINVAL as goevd_websocket_close()
 *          does.
 */
static inline int
goevd_websocket_post_close(struct goevd_websocket_id id, unsigned code, const char *reason)
{
    return goevd_websocket->post_close(id, code, reason);
}

/* ---- Rooms ----------------------------------------------------------------------------------- */

/* The instance of websocket that hosts the application of w.
 *
 * Thread   [poller]
 * Returns  the host that on_host got.
 */
static inline struct goevd_websocket_host *
goevd_websocket_conn_host(const struct goevd_websocket_conn *w)
{
    return goevd_websocket->host(w);
}

/* Enter a room, until goevd_websocket_leave() or the end of the connection. A room exists while a
 * connection is in it. Another thread enters a connection by goevd_websocket_call().
 *
 * room     name, len bytes of any kind, 1 to GOEVD_WEBSOCKET_ROOM_MAX; copied.
 * Thread   [poller]
 * Returns  0, also if w is in the room; -EINVAL for another length; -ENOSPC if w is in as many
 *          rooms as `rooms_max` allows; -EPIPE once a close frame was sent; -ENOMEM.
 */
static inline int
goevd_websocket_join(struct goevd_websocket_conn *w, const char *room, size_t len)
{
    return goevd_websocket->join(w, room, len);
}

/* Leave a room.
 *
 * Thread   [poller]
 * Returns  0; -ENOENT if w is not in it.
 */
static inline int
goevd_websocket_leave(struct goevd_websocket_conn *w, const char *room, size_t len)
{
    return goevd_websocket->leave(w, room, len);
}

/* Send a message to all connections in a room, on every poller, soon. The messages of one thread
 * come in order. A connection that reads slower than messages are published has a backlog, bounded
 * by `room_backlog_max`. If that is full, `room_slow` decides, or goevd_websocket_set_slow() for
 * this connection. A message of goevd_websocket_send() may overtake the backlog, and a close frame
 * ends it.
 *
 * room     name, as for goevd_websocket_join(); NULL: all connections of the host.
 * type     text or binary, as for goevd_websocket_send().
 * data     len bytes; copied once for all.
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

/* Set the policy if w reads slower than messages are published, in all rooms, from now on. It
 * replaces `room_slow` and `room_backlog_max` for w.
 *
 * slow     enum goevd_websocket_slow.
 * backlog  bytes that may wait, where each message counts 64 more than it has; at most
 *          `room_backlog_max`, which SIZE_MAX therefore keeps. Messages that wait already stay
 *          until the next one is published.
 * Thread   [poller]
 * Returns  0; -EINVAL for another policy; -EPIPE once a close frame was sent; -ENOMEM.
 */
static inline int
goevd_websocket_set_slow(struct goevd_websocket_conn *w, int slow, size_t backlog)
{
    return goevd_websocket->set_slow(w, slow, backlog);
}

/* The layout on 64-bit machines. */
#if UINTPTR_MAX == UINT64_MAX
GOEVD_STATIC_ASSERT(sizeof(struct goevd_websocket_app) == 80, "goevd_websocket_app has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_websocket) == 216, "goevd_websocket has moved");
#endif

#ifdef __cplusplus
}
#endif

#endif
