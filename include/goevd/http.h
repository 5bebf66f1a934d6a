/* goevd/http.h - the contract between goevd's http plugin and HTTP handlers.
 *
 * SPDX-License-Identifier: MIT
 *
 * A handler is a plugin that offers the interface GOEVD_HTTP: callbacks that get requests and reply
 * to them. A route of the http plugin names it. That plugin reads and checks the requests (RFC
 * 9110, RFC 9112) and frames the replies, so that no handler parses or counts a byte.
 *
 * A request and its reply are one object, struct goevd_http_request. It belongs to a poller, and
 * exists from on_request to on_close. A handler replies in on_request or at any later time; the
 * requests that the client has sent after it wait. If a callback ends the request (by a whole reply
 * or an error), goevd ends it after the callback. So r and its state are always valid until
 * on_close returns.
 *
 * Threads and errors are as in goevd/plugin.h. Text from the client is not NUL-terminated.
 */
#ifndef GOEVD_HTTP_H
#define GOEVD_HTTP_H

#include <string.h>

#include <goevd/conn.h>
#include <goevd/plugin.h>
#include <goevd/work.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GOEVD_HTTP "goevd.http"

#define GOEVD_HTTP_ABI_MAJOR 1
#define GOEVD_HTTP_ABI_MINOR 0

#define GOEVD_HTTP_VERSION_OF(type)                                                                \
    {                                                                                              \
        GOEVD_HTTP_ABI_MAJOR, GOEVD_HTTP_ABI_MINOR, (uint32_t)sizeof(type)                         \
    }

struct goevd_http_request; /* a request and its reply */

/* Methods that reach handlers. */
enum goevd_http_method {
    GOEVD_HTTP_GET = 0,
    GOEVD_HTTP_HEAD,
    GOEVD_HTTP_POST,
    GOEVD_HTTP_PUT,
    GOEVD_HTTP_DELETE,
    GOEVD_HTTP_PATCH,
    GOEVD_HTTP_OPTIONS
};

/* The version of HTTP that a request came by. */
enum goevd_http_version { GOEVD_HTTP_1_0 = 10, GOEVD_HTTP_1_1 = 11, GOEVD_HTTP_2 = 20 };

/* How goevd_http_read() delivers a body. */
enum goevd_http_read_flags {
    GOEVD_HTTP_GATHER = 1 << 0 /* the whole body at once, when it is complete */
};

/* Flags of on_body. */
enum goevd_http_body_flags {
    GOEVD_HTTP_LAST = 1 << 0 /* the body ends with these bytes, perhaps none */
};

/* Why a request ended; an argument of on_close. */
enum goevd_http_reason {
    GOEVD_HTTP_REASON_DONE = 0, /* the whole reply is queued or sent */
    GOEVD_HTTP_REASON_GONE,     /* the client or goevd closed the connection first */
    GOEVD_HTTP_REASON_REFUSED,  /* its body was malformed, too large, too slow, or cut off */
    GOEVD_HTTP_REASON_FAILED,   /* a callback returned a negative value, or the content was not
                                   as long as announced */
    GOEVD_HTTP_REASON_UPGRADED, /* a stream handler has taken the connection over */
    GOEVD_HTTP_REASON_COUNT
};

/* The id of a request, for any thread, also after the request has ended. */
struct goevd_http_id {
    struct goevd_self *host; /* of the http plugin */
    uint64_t number;
};

#define GOEVD_HTTP_LENGTH_UNKNOWN UINT64_MAX
#define GOEVD_HTTP_USER_MAX 511 /* bytes of the name of a user */

struct goevd_http;

/* Requests in, replies out: the callbacks of an HTTP handler.
 *
 * Every callback runs on the poller that owns the request, and never inside another callback of the
 * same request. `state` is request_size zeroed bytes of this handler for this request. A negative
 * return value ends the request: with status 500 if no reply has begun, otherwise by closing the
 * connection in the midst of the reply.
 */
struct goevd_http_handler {
    struct goevd_version version;   /* GOEVD_HTTP_VERSION_OF(struct goevd_http_handler) */
    uint32_t http_minor;            /* the lowest minor version of struct goevd_http it needs */
    uint32_t request_size;          /* bytes of state for each request, 0 to 65536 */
    const struct goevd_http **http; /* &goevd_http; set before any callback */

    /* The head of a request is complete. Reply, read the body, pass the request to the next handler
     * of the route, or return and do one of these later. Only this callback is required. */
    int (*on_request)(struct goevd_http_request *r, void *state);

    /* Bytes of the body, after goevd_http_read(): a part of it, or all.
     *
     * data     len bytes, valid until return: first the bytes that the last call did not take.
     * flags    enum goevd_http_body_flags.
     * Returns  bytes taken, 0 to len. If that is less than len, goevd reads nothing from the client
     *          until goevd_http_resume(); then the rest comes again with the bytes that follow. A
     *          gathered body counts as taken.
     */
    ptrdiff_t (*on_body)(struct goevd_http_request *r, void *state, const char *data, size_t len,
                         unsigned flags);

    /* The output queue fell to the low mark after a function had returned 1 or -ENOBUFS. */
    int (*on_drained)(struct goevd_http_request *r, void *state);

    /* The time of goevd_http_timer() is due. */
    int (*on_timeout)(struct goevd_http_request *r, void *state);

    /* The last callback of a request; always called once on_request has run. Nothing can be written
     * any more. */
    void (*on_close)(struct goevd_http_request *r, void *state, enum goevd_http_reason reason);

    /* Methods that it answers on every route, also where `methods` of the route leaves them out: bits
     * 1 << enum goevd_http_method. Such a request passes those handlers of the route alone that have
     * its bit, and is answered with 405 behind the last of them. */
    uint32_t methods;
};

typedef void (*goevd_http_call_fn)(struct goevd_http_request *r, void *state, void *arg);
typedef void (*goevd_http_done_fn)(struct goevd_http_request *r, void *state, void *arg,
                                   int result);

/* The functions of http. Call them through the wrappers below, which document them. */
struct goevd_http {
    struct goevd_version version;

    enum goevd_http_method (*method)(const struct goevd_http_request *r);
    enum goevd_http_version (*version_of)(const struct goevd_http_request *r);
    struct goevd_str (*scheme)(const struct goevd_http_request *r);
    struct goevd_str (*target)(const struct goevd_http_request *r);
    struct goevd_str (*path)(const struct goevd_http_request *r);
    struct goevd_str (*raw_path)(const struct goevd_http_request *r);
    struct goevd_str (*query)(const struct goevd_http_request *r);
    struct goevd_str (*param)(const struct goevd_http_request *r, const char *name);
    struct goevd_str (*header)(const struct goevd_http_request *r, const char *name);
    bool (*header_at)(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                      struct goevd_str *ret_value);
    uint64_t (*length)(const struct goevd_http_request *r);
    socklen_t (*peer_address)(const struct goevd_http_request *r,
                              struct sockaddr_storage *ret_address);
    socklen_t (*local_address)(const struct goevd_http_request *r,
                               struct sockaddr_storage *ret_address);
    void *(*instance)(const struct goevd_http_request *r);
    void *(*local)(const struct goevd_http_request *r);
    struct goevd_poller *(*poller)(const struct goevd_http_request *r);
    struct goevd_http_id (*id)(struct goevd_http_request *r);

    int (*read)(struct goevd_http_request *r, uint64_t max, unsigned flags);
    void (*resume)(struct goevd_http_request *r);
    int (*next)(struct goevd_http_request *r);

    int (*add_header)(struct goevd_http_request *r, const char *name, const char *value,
                      size_t len);
    int (*interim)(struct goevd_http_request *r, int status);
    int (*reply)(struct goevd_http_request *r, int status, const char *type, size_t type_len,
                 const void *body, size_t len);
    int (*start)(struct goevd_http_request *r, int status, const char *type, uint64_t length);
    int (*write)(struct goevd_http_request *r, const void *data, size_t len);
    int (*write_shared)(struct goevd_http_request *r, const void *data, size_t len,
                        goevd_release_fn release, void *arg);
    int (*write_file)(struct goevd_http_request *r, int fd, off_t offset, size_t len,
                      goevd_release_fn release, void *arg);
    int (*trailer)(struct goevd_http_request *r, const char *name, const char *value, size_t len);
    int (*end)(struct goevd_http_request *r);
    void (*abort)(struct goevd_http_request *r);

    bool (*wants_upgrade)(const struct goevd_http_request *r, const char *protocol);
    int (*upgrade)(struct goevd_http_request *r, const char *protocol, struct goevd_plugin *to,
                   const void *state, size_t len);
    int (*upgrade_required)(struct goevd_http_request *r, const char *protocol);

    int (*timer)(struct goevd_http_request *r, uint64_t delay_ns);
    int (*call)(struct goevd_self *self, struct goevd_http_id id, goevd_http_call_fn fn, void *arg);
    int (*send)(struct goevd_self *self, struct goevd_http_id id, int status, const char *type,
                const void *body, size_t len, goevd_release_fn done, void *arg);
    int (*submit)(struct goevd_self *self, struct goevd_http_request *r, unsigned flags,
                  goevd_job_fn job, goevd_http_done_fn done, void *arg);

    unsigned (*coding)(const struct goevd_http_request *r, const char *coding);
    socklen_t (*client_address)(const struct goevd_http_request *r,
                                struct sockaddr_storage *ret_address);
    struct goevd_str (*log_id)(const struct goevd_http_request *r);
    bool (*trailer_at)(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                       struct goevd_str *ret_value);
    int (*set_user)(struct goevd_http_request *r, const char *name, size_t len);
    struct goevd_str (*user)(const struct goevd_http_request *r);
    void (*check)(const struct goevd_http_request *r, const char *function, const void *caller);
    void (*close_after)(struct goevd_http_request *r);
    struct goevd_str (*traceparent)(const struct goevd_http_request *r, bool *ret_continued);
    struct goevd_str (*tls)(const struct goevd_http_request *r, enum goevd_tls_fact fact);
};

/* Define the table of this plugin, once, in one source file: GOEVD_HTTP_TABLE; */
#define GOEVD_HTTP_TABLE const struct goevd_http *goevd_http = NULL

extern GOEVD_HIDDEN const struct goevd_http *goevd_http;

/* ---- The request ----------------------------------------------------------------------------- */

/* The method. A handler gets HEAD if its route takes GET or HEAD. It may reply as to GET: the
 * content that it writes is not sent.
 *
 * Thread   [poller]
 * Returns  the method.
 * Source   RFC 9110 section 9.
 */
static inline enum goevd_http_method
goevd_http_method(const struct goevd_http_request *r)
{
    return goevd_http->method(r);
}

/* The version of HTTP that the request came by. A handler does the same in all versions, except
 * that HTTP/1.1 alone has upgrades.
 *
 * Thread   [poller]
 * Returns  the version; GOEVD_HTTP_1_1 also for a later 1.x.
 * Source   RFC 9110 section 2.5.
 */
static inline enum goevd_http_version
goevd_http_version(const struct goevd_http_request *r)
{
    return goevd_http->version_of(r);
}

/* Whether the connection that the request came by is secured. The connection between the client and
 * a proxy in front of goevd does not count.
 *
 * Thread   [poller]
 * Returns  "http" or "https", static.
 * Source   RFC 9110 section 4.2.
 */
static inline struct goevd_str
goevd_http_scheme(const struct goevd_http_request *r)
{
    return goevd_http->scheme(r);
}

/* The request target as it was sent, in any of its forms.
 *
 * Thread   [poller]
 * Returns  text, valid until on_close returns.
 * Source   RFC 9112 section 3.2.
 */
static inline struct goevd_str
goevd_http_target(const struct goevd_http_request *r)
{
    return goevd_http->target(r);
}

/* The path that routes are compared with: %XX is decoded, and empty and dot segments are removed.
 * It begins with "/" and has no NUL.
 *
 * Thread   [poller]
 * Returns  text, valid until on_close returns.
 * Source   RFC 3986 section 5.2.4.
 */
static inline struct goevd_str
goevd_http_path(const struct goevd_http_request *r)
{
    return goevd_http->path(r);
}

/* The path as it was sent.
 *
 * Thread   [poller]
 * Returns  text, valid until on_close returns.
 * Source   RFC 3986 section 3.3.
 */
static inline struct goevd_str
goevd_http_raw_path(const struct goevd_http_request *r)
{
    return goevd_http->raw_path(r);
}

/* The query, which follows the "?", as it was sent.
 *
 * Thread   [poller]
 * Returns  text, valid until on_close returns; data is NULL without a "?".
 * Source   RFC 3986 section 3.4.
 */
static inline struct goevd_str
goevd_http_query(const struct goevd_http_request *r)
{
    return goevd_http->query(r);
}

/* The part of the path that a {name} of the route matches.
 *
 * name     without the braces; "*" for the part that the "*" of the route matches.
 * Thread   [poller]
 * Returns  text, valid until on_close returns; data is NULL if the route has no such name.
 */
static inline struct goevd_str
goevd_http_param(const struct goevd_http_request *r, const char *name)
{
    return goevd_http->param(r, name);
}

/* The value of the first header of a name.
 *
 * name     in any case.
 * Thread   [poller]
 * Returns  text without white space around it, valid until on_close returns; data is NULL if there
 *          is no such header.
 * Source   RFC 9110 section 5.
 */
static inline struct goevd_str
goevd_http_header(const struct goevd_http_request *r, const char *name)
{
    return goevd_http->header(r, name);
}

/* A header by its number, in the order in which the client sent them.
 *
 * index    from 0 on.
 * Thread   [poller]
 * Returns  true, with text that is valid until on_close returns; false if there are no more, and
 *          nothing is set.
 * Source   RFC 9110 section 5.3.
 */
static inline bool
goevd_http_header_at(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                     struct goevd_str *ret_value)
{
    return goevd_http->header_at(r, index, ret_name, ret_value);
}

/* The client's preference for a content coding. Only a handler that sends content in a coding needs
 * it: goevd itself may compress content that has none.
 *
 * coding   in lower case, such as "gzip"; "identity" is content without a coding.
 * Thread   [poller]
 * Returns  the quality value in thousandths; 0: the coding must not be sent. "identity" has 1 if
 *          the client does not name it, and so comes after each coding that the client accepts.
 * Source   RFC 9110 section 12.5.3.
 */
static inline unsigned
goevd_http_coding(const struct goevd_http_request *r, const char *coding)
{
    return goevd_http->coding(r, coding);
}

/* The length of the body.
 *
 * Thread   [poller]
 * Returns  bytes; 0 without a body; GOEVD_HTTP_LENGTH_UNKNOWN if only its end shows the length.
 * Source   RFC 9112 section 6.3.
 */
static inline uint64_t
goevd_http_length(const struct goevd_http_request *r)
{
    return goevd_http->length(r);
}

/* The address of the peer of the connection: of the client, or of a proxy that forwards requests.
 * It is that of goevd_conn_peer_address().
 *
 * ret_address  the address; of a unix socket only the family.
 * Thread       [poller]
 * Returns      its length in bytes.
 */
static inline socklen_t
goevd_http_peer_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    return goevd_http->peer_address(r, ret_address);
}

/* The address of the client. If the peer is a proxy that the option `forwarded` trusts, it is the
 * address that the proxy reports; otherwise it is the peer's.
 *
 * ret_address  the address; of a unix socket only the family.
 * Thread       [poller]
 * Returns      its length in bytes.
 * Source       RFC 7239.
 */
static inline socklen_t
goevd_http_client_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    return goevd_http->client_address(r, ret_address);
}

/* The id of the request in logs, which the option `request_id` makes or takes: 1 to 128 bytes of
 * visible ASCII. The reply has it already.
 *
 * Thread   [poller]
 * Returns  text, valid until on_close returns; data is NULL without that option.
 */
static inline struct goevd_str
goevd_http_log_id(const struct goevd_http_request *r)
{
    return goevd_http->log_id(r);
}

/* The trace of the request, as the option `trace` continues or begins it: the value of the header
 * traceparent for requests that the handler sends on behalf of this one. The id of the caller in it
 * is that of this request, and the access log has it.
 *
 * ret_continued  may be NULL. True if the client has begun the trace: then the request's headers
 *                tracestate belong to it, and are passed on unchanged. False: they are dropped.
 * Thread         [poller]
 * Returns        55 bytes, valid until on_close returns; data is NULL without that option.
 * Source         W3C Trace Context.
 */
static inline struct goevd_str
goevd_http_traceparent(const struct goevd_http_request *r, bool *ret_continued)
{
    return goevd_http->traceparent(r, ret_continued);
}

/* Set the name of the client, for later handlers of the route and for the access log. The handler
 * has verified the name.
 *
 * name     copied; any bytes. It replaces an earlier name.
 * len      1 to GOEVD_HTTP_USER_MAX.
 * Thread   [poller]
 * Returns  0; -EINVAL for another length; -ENOMEM.
 */
static inline int
goevd_http_set_user(struct goevd_http_request *r, const char *name, size_t len)
{
    return goevd_http->set_user(r, name, len);
}

/* The name of the client, as an earlier handler of the route, such as basic_auth, has verified it.
 *
 * Thread   [poller]
 * Returns  text, valid until on_close returns; data is NULL if no handler has set a name.
 */
static inline struct goevd_str
goevd_http_user(const struct goevd_http_request *r)
{
    return goevd_http->user(r);
}

/* The address that the client connected to, as goevd_conn_local_address().
 *
 * ret_address  the address.
 * Thread       [poller]
 * Returns      its length in bytes; 0 if the kernel does not know it.
 */
static inline socklen_t
goevd_http_local_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    return goevd_http->local_address(r, ret_address);
}

/* A fact about the TLS of the connection that the request came by, as goevd_conn_tls().
 *
 * Thread   [poller]
 * Returns  text, valid until on_close returns, and not NUL-terminated. data NULL: there is no such
 *          fact.
 */
static inline struct goevd_str
goevd_http_tls(const struct goevd_http_request *r, enum goevd_tls_fact fact)
{
    return goevd_http->tls(r, fact);
}

/* The instance that handles the request.
 *
 * Thread   [poller]
 * Returns  the pointer that create stored in *ret_instance.
 */
static inline void *
goevd_http_instance(const struct goevd_http_request *r)
{
    return goevd_http->instance(r);
}

/* The storage of that instance on the request's poller.
 *
 * Thread   [poller]
 * Returns  the pointer that poller_start stored in *ret_local; NULL without it.
 */
static inline void *
goevd_http_local(const struct goevd_http_request *r)
{
    return goevd_http->local(r);
}

/* The poller that owns a request.
 *
 * Thread   [poller]
 * Returns  the poller, valid until its poller_stop has returned.
 */
static inline struct goevd_poller *
goevd_http_poller(const struct goevd_http_request *r)
{
    return goevd_http->poller(r);
}

/* The id of a request, for goevd_http_call() and goevd_http_send().
 *
 * Thread   [poller]
 * Returns  an id that no other request of this process has had.
 */
static inline struct goevd_http_id
goevd_http_request_id(struct goevd_http_request *r)
{
    return goevd_http->id(r);
}

/* Read the body. This may be called once. The body comes in calls of on_body, and the last call has
 * GOEVD_HTTP_LAST; a request without a body gets that call with 0 bytes. A client that waits for
 * 100 (Continue) gets it now. If the handler does not read the body, goevd drops it after the
 * reply, or closes the connection.
 *
 * max      bytes, at most `body_max` of the configuration; 0: `body_max`. A longer body gets 413.
 * flags    enum goevd_http_read_flags.
 * Thread   [poller]
 * Returns  0; -EMSGSIZE if the body is known to be longer: 413 is the reply, and on_close follows;
 *          -EINVAL without on_body, or for the second call; -EPIPE once r has been answered;
 *          -ENOMEM, and r ends.
 * Calls    no handler before it returns.
 * Source   RFC 9110 sections 10.1.1 and 15.5.14.
 */
static inline int
goevd_http_read(struct goevd_http_request *r, uint64_t max, unsigned flags)
{
    return goevd_http->read(r, max, flags);
}

/* A trailer, which the client has sent after a body in chunks, by its number. Trailers are there
 * from the call of on_body with GOEVD_HTTP_LAST on. No trailer has the name of a header that
 * determines how the message is framed or for which host it is. For other names the handler decides
 * whether a trailer may stand for a header.
 *
 * index    from 0 on.
 * Thread   [poller]
 * Returns  true, with text that is valid until on_close returns; false if there are no more, and
 *          nothing is set.
 * Source   RFC 9110 section 6.5.
 */
static inline bool
goevd_http_trailer_at(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                      struct goevd_str *ret_value)
{
    return goevd_http->trailer_at(r, index, ret_name, ret_value);
}

/* Let on_body have the bytes that it did not take. Without such bytes it does nothing. It must not
 * be called in on_body.
 *
 * Thread   [poller]
 * Calls    no handler before it returns; on_body runs soon, from the poller's loop.
 */
static inline void
goevd_http_resume(struct goevd_http_request *r)
{
    goevd_http->resume(r);
}

/* Pass the request to the next handler of the route, with the headers that were added so far. This
 * handler gets no more callbacks but on_close. After the last handler of a route the reply is 404.
 *
 * Thread   [poller]
 * Returns  0; -EPIPE once a reply or the reading of the body has begun.
 * Calls    no handler before it returns; on_request of the next one runs soon.
 */
static inline int
goevd_http_next(struct goevd_http_request *r)
{
    return goevd_http->next(r);
}

/* ---- The reply ------------------------------------------------------------------------------- */

/* Add a header to a reply that has not begun, after those that were added before. goevd itself
 * sends `Date`, `Server`, `Content-Length`, `Transfer-Encoding`, `Connection`, `Keep-Alive` and
 * `Upgrade`.
 *
 * name     NUL-terminated; copied.
 * value    len bytes; copied.
 * Thread   [poller]
 * Returns  0; -EINVAL if name is no token or one of those, or if the value has a line break,
 *          another control character, or white space at an end; -EMSGSIZE above 16384 bytes of
 *          headers; -EPIPE once the reply has begun; -ENOMEM.
 * Source   RFC 9110 section 5.
 */
static inline int
goevd_http_add_header_bytes(struct goevd_http_request *r, const char *name, const char *value,
                            size_t len)
{
    return goevd_http->add_header(r, name, value, len);
}

/* Add a header with a value that ends with a NUL.
 *
 * Thread   [poller]
 * Returns  0; -EINVAL, -EMSGSIZE, -EPIPE, -ENOMEM as goevd_http_add_header_bytes() does.
 */
static inline int
goevd_http_add_header(struct goevd_http_request *r, const char *name, const char *value)
{
    return goevd_http->add_header(r, name, value, strlen(value));
}

/* Send an interim reply with the headers that were added so far, such as 103 with Link. The reply
 * that follows does not have these headers. A client of HTTP/1.0 gets no interim reply.
 *
 * status   102 to 199; goevd itself sends 100.
 * Thread   [poller]
 * Returns  0; -EINVAL for another status; -EPIPE once the reply has begun; -ENOMEM.
 * Source   RFC 9110 section 15.2, RFC 8297.
 */
static inline int
goevd_http_interim(struct goevd_http_request *r, int status)
{
    return goevd_http->interim(r, status);
}

/* Reply with the whole content at once. Replies to HEAD, and replies 204 and 304, have no content,
 * whatever is given. An error (400 to 599) without type and content gets its page of `error_pages`,
 * or its status as plain text.
 *
 * status   200 to 599.
 * type     of the content, NUL-terminated, for the header Content-Type; NULL: none.
 * body     len bytes, copied. goevd keeps the bytes that the client does not take at once, whatever
 *          their length.
 * Thread   [poller]
 * Returns  0; -EINVAL for another status or a type that is no header value; -EPIPE once a reply has
 *          begun; -ENOMEM, and no reply has begun.
 * Calls    no handler before it returns.
 * Source   RFC 9110 sections 6.4 and 15.
 */
static inline int
goevd_http_reply(struct goevd_http_request *r, int status, const char *type, const void *body,
                 size_t len)
{
    if (!type)
        type = "";
    return goevd_http->reply(r, status, type, strlen(type), body, len);
}

/* Reply 405 to a method that the handler does not take.
 *
 * allow    the methods that it takes, separated by commas.
 * Thread   [poller]
 * Returns  0; -EINVAL, -EMSGSIZE, -EPIPE, -ENOMEM as goevd_http_add_header() does.
 * Source   RFC 9110 section 15.5.6.
 */
static inline int
goevd_http_refuse_method(struct goevd_http_request *r, const char *allow)
{
    int result = goevd_http_add_header(r, "Allow", allow);

    return result < 0 ? result : goevd_http_reply(r, 405, NULL, NULL, 0);
}

/* Begin a reply. Its content comes by goevd_http_write() and ends with goevd_http_end().
 *
 * A 304 is given the type, the length and the headers of the 200 that the request would have had
 * without its conditions. They decide whether that would be compressed, which the ETag depends on;
 * type, length and coding are not sent.
 *
 * status   200 to 599.
 * type     as for goevd_http_reply().
 * length   bytes of the content; GOEVD_HTTP_LENGTH_UNKNOWN: the content goes out in chunks, or for
 *          HTTP/1.0 until the connection closes.
 * Thread   [poller]
 * Returns  0; 1 as goevd_http_write() does; -EINVAL, -EPIPE, -ENOMEM as goevd_http_reply() does.
 * Calls    no handler before it returns.
 * Source   RFC 9112 section 6.
 */
static inline int
goevd_http_start(struct goevd_http_request *r, int status, const char *type, uint64_t length)
{
    return goevd_http->start(r, status, type, length);
}

/* Write content.
 *
 * data     len bytes; copied.
 * Thread   [poller]
 * Returns  0; 1 if the client is slow: the content is queued, and the handler waits for on_drained
 *          before it writes more; -ENOBUFS if on_drained is still to come and the queue is full:
 *          nothing of it is queued; -EMSGSIZE if it is more than goevd_http_start() announced:
 *          nothing of it is sent, and the connection closes, which is counted; -EPIPE if no reply
 *          has begun, or it has ended; -ENOMEM.
 * Calls    no handler before it returns.
 */
static inline int
goevd_http_write(struct goevd_http_request *r, const void *data, size_t len)
{
    return goevd_http->write(r, data, len);
}

/* Write content without a copy.
 *
 * data     len bytes, valid and unchanged until release runs.
 * release  as for goevd_conn_write_shared(): called once, perhaps before this call returns or after
 *          on_close. If the call fails it is not called. NULL: the memory is static.
 * Thread   [poller]
 * Returns  0, 1, -ENOBUFS, -EMSGSIZE, -EPIPE, -ENOMEM as goevd_http_write() does.
 * Calls    release, perhaps; no handler before it returns.
 */
static inline int
goevd_http_write_shared(struct goevd_http_request *r, const void *data, size_t len,
                        goevd_release_fn release, void *arg)
{
    return goevd_http->write_shared(r, data, len, release, arg);
}

/* Write a part of a file as content.
 *
 * fd       a regular file, open until release runs; its file position is not used.
 * release  as for goevd_http_write_shared(); -EIO if the file has ended early or cannot be read,
 *          which closes the connection.
 * Thread   [poller]
 * Returns  0, 1, -ENOBUFS, -EMSGSIZE, -EPIPE, -ENOMEM as goevd_http_write() does.
 * Calls    release, perhaps; no handler before it returns.
 * Source   sendfile(2).
 */
static inline int
goevd_http_write_file(struct goevd_http_request *r, int fd, off_t offset, size_t len,
                      goevd_release_fn release, void *arg)
{
    return goevd_http->write_file(r, fd, offset, len, release, arg);
}

/* Add a trailer, a header that is sent after the content.
 *
 * name     NUL-terminated; copied, as is the value.
 * Thread   [poller]
 * Returns  0; -ENOTSUP unless the content goes out in chunks; -EPIPE if no reply has begun, or it
 *          has ended; -EINVAL, -EMSGSIZE, -ENOMEM as goevd_http_add_header_bytes() does.
 * Source   RFC 9110 section 6.5.
 */
static inline int
goevd_http_trailer(struct goevd_http_request *r, const char *name, const char *value)
{
    return goevd_http->trailer(r, name, value, strlen(value));
}

/* End the reply that goevd_http_start() began. If less was written than was announced, the
 * connection closes, so that the client notices, and this is counted.
 *
 * Thread   [poller]
 * Returns  0; -EPIPE if no reply has begun, or it has ended; -ENOMEM.
 * Calls    no handler before it returns.
 */
static inline int
goevd_http_end(struct goevd_http_request *r)
{
    return goevd_http->end(r);
}

/* Close the connection after the reply that has yet to begin. HTTP/1.1 announces it with
 * `Connection: close`; HTTP/2 does nothing.
 *
 * Thread   [poller]
 * Source   RFC 9112 section 9.6.
 */
static inline void
goevd_http_close_after(struct goevd_http_request *r)
{
    goevd_http->close_after(r);
}

/* Close the connection, before a reply or in the midst of it. on_close(GOEVD_HTTP_REASON_FAILED)
 * follows.
 *
 * Thread   [poller]
 */
static inline void
goevd_http_abort(struct goevd_http_request *r)
{
    goevd_http->abort(r);
}

/* ---- Other protocols ------------------------------------------------------------------------- */

/* Whether the client offers to change to a protocol.
 *
 * protocol a name in lower case, such as "websocket".
 * Thread   [poller]
 * Returns  true if it does.
 * Source   RFC 9110 section 7.8.
 */
static inline bool
goevd_http_wants_upgrade(const struct goevd_http_request *r, const char *protocol)
{
    return goevd_http->wants_upgrade(r, protocol);
}

/* Reply 101 with the headers that were added, and pass the connection to a stream handler, with the
 * bytes that the client has sent after the request. on_close(GOEVD_HTTP_REASON_UPGRADED) and then
 * on_open of that handler follow soon.
 *
 * to       a plugin that an option of this handler names; NULL: this plugin, with the same
 *          instance.
 * state    the first bytes of the connection's state there, as in this request's own state. They
 *          stay valid until on_close, whose reason shows whether the stream handler has taken them.
 * len      bytes, at most conn_size of that handler; the rest is zeroed.
 * Thread   [poller]
 * Returns  0; -ENOTSUP if that plugin has no GOEVD_STREAM interface; -EINVAL if len is too large;
 *          -EPROTO unless goevd_http_wants_upgrade(), or if the request has a body; -EPIPE once a
 *          reply has begun; -EMSGSIZE if the headers are too long with the request's id; -ENOMEM.
 * Calls    no handler before it returns.
 * Source   RFC 9110 section 15.2.2.
 */
static inline int
goevd_http_upgrade(struct goevd_http_request *r, const char *protocol, struct goevd_plugin *to,
                   const void *state, size_t len)
{
    return goevd_http->upgrade(r, protocol, to, state, len);
}

/* Reply 426: the resource is served over that protocol only.
 *
 * protocol a name, such as "websocket".
 * Thread   [poller]
 * Returns  0; -EINVAL, -EPIPE, -ENOMEM as goevd_http_reply() does.
 * Source   RFC 9110 section 15.5.22.
 */
static inline int
goevd_http_upgrade_required(struct goevd_http_request *r, const char *protocol)
{
    return goevd_http->upgrade_required(r, protocol);
}

/* ---- Later ----------------------------------------------------------------------------------- */

/* Let on_timeout run later, unless r is over by then. It replaces an earlier time.
 *
 * delay_ns from now.
 * Thread   [poller]
 * Returns  0; -EINVAL without on_timeout; -ENOMEM; -EPIPE once the connection is closing.
 */
static inline int
goevd_http_timer(struct goevd_http_request *r, uint64_t delay_ns)
{
    return goevd_http->timer(r, delay_ns);
}

/* Run a function on the poller of a request, as a callback of that request.
 *
 * self     of this plugin.
 * fn       runs exactly once if 0 is returned. Its r is NULL if the request is over, or has been
 *          passed to another handler.
 * Thread   [any]
 * Returns  0; -EAGAIN, -ECANCELED, -EINVAL, -ENOMEM as goevd_call() does.
 */
static inline int
goevd_http_call(struct goevd_self *self, struct goevd_http_id id, goevd_http_call_fn fn, void *arg)
{
    return goevd_http->call(self, id, fn, arg);
}

/* Reply from any thread, as goevd_http_reply() does.
 *
 * body     len bytes; copied.
 * done     called exactly once if 0 is returned, on a poller: with the result of
 *          goevd_http_reply(), or with -EPIPE if the request is over. NULL: not needed.
 * Thread   [any]
 * Returns  0; -EAGAIN, -ECANCELED, -EINVAL, -ENOMEM as goevd_call() does.
 */
static inline int
goevd_http_send(struct goevd_self *self, struct goevd_http_id id, int status, const char *type,
                const void *body, size_t len, goevd_release_fn done, void *arg)
{
    return goevd_http->send(self, id, status, type, body, len, done, arg);
}

/* Run a job on a thread of the work pool, as goevd_submit() does, and then `done` on this poller,
 * as a callback of the request.
 *
 * flags    GOEVD_SUBMIT_COMPUTE, GOEVD_SUBMIT_FILES or 0.
 * job      must not use the request: arg has its data.
 * done     runs exactly once if 0 is returned: with the result of the job, or with -ECANCELED. Its
 *          r is NULL if the request is over, or has been passed to another handler.
 * Thread   [poller]
 * Returns  0; -EAGAIN, -ECANCELED, -ENOMEM as goevd_submit() does. After an error nothing runs.
 */
static inline int
goevd_http_submit(struct goevd_self *self, struct goevd_http_request *r, unsigned flags,
                  goevd_job_fn job, goevd_http_done_fn done, void *arg)
{
    return goevd_http->submit(self, r, flags, job, done, arg);
}

/* For a handler that hosts other plugins: check a request that one of them gave to a function of
 * the handler's own, as goevd_check_conn() checks a connection. A wrong pointer ends the worker.
 *
 * function name of that function, such as goevd_websocket_request_path; static.
 * caller   the code that called it: __builtin_return_address(0).
 * Thread   [any]
 */
static inline void
goevd_http_check(const struct goevd_http_request *r, const char *function, const void *caller)
{
    goevd_http->check(r, function, caller);
}

/* Whether a text is an origin as browsers send it: a scheme, a host in lower case, and a port if it
 * is not the usual one, as in https://example.org. It has no path. It is for options, and may be
 * called in create.
 *
 * Thread   [any]
 * Returns  true if it is.
 * Source   RFC 6454 section 7.
 */
static inline bool
goevd_http_origin_valid(const char *text)
{
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789-._+";
    const char *p = text + strspn(text, lower);
    size_t len;

    if (p == text || strncmp(p, "://", 3) != 0)
        return false;
    p += 3;
    len = *p == '[' ? strspn(p + 1, "abcdef0123456789:.") : strspn(p, lower);
    if (len == 0 || (*p == '[' && p[len + 1] != ']'))
        return false;
    p += *p == '[' ? len + 2 : len;
    if (strncmp(p, ":443", 5) == 0 || strncmp(p, ":80", 4) == 0)
        return strncmp(text, p[1] == '4' ? "https:" : "http:", p[1] == '4' ? 6 : 5) != 0;
    if (*p == ':' && p[1] != '\0')
        p += 1 + strspn(p + 1, "0123456789");
    return *p == '\0';
}

/* The layout on 64-bit machines. */
#if UINTPTR_MAX == UINT64_MAX
GOEVD_STATIC_ASSERT(sizeof(struct goevd_http_id) == 16, "goevd_http_id has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_http_handler) == 72, "goevd_http_handler has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_http, read) == 144, "read has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_http, reply) == 184, "reply has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_http, timer) == 272, "timer has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_http, client_address) == 312, "client_address has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_http) == 384, "goevd_http has moved");
#endif

#ifdef __cplusplus
}
#endif

#endif
