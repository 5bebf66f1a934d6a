/* goevd/http.h - the contract between goevd's http plugin and HTTP handlers.
 *
 * SPDX-License-Identifier: MIT
 *
 * A handler is a plugin that offers the interface GOEVD_HTTP: a vtable whose functions get requests
 * and answer them. It is named by a route of the http plugin, which reads and checks the requests
 * (RFC 9110, RFC 9112) and frames the replies, so that no handler parses or counts a byte.
 *
 * A request and its reply are one object, struct goevd_http_request. It belongs to a poller, and is
 * there from on_request to on_close. It may be answered in on_request or at any time after it; the
 * requests that the client has sent behind it wait. In a callback of a request, what ends it (a
 * whole reply, an error) is carried out after the callback; so r and its state are always valid
 * until on_close returns.
 *
 * Threads and errors are as in goevd/plugin.h. Text from the client is not NUL-terminated.
 */
#ifndef GOEVD_HTTP_H
#define GOEVD_HTTP_H

#include <string.h>

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

/* The version of HTTP that a request has come by. */
enum goevd_http_version { GOEVD_HTTP_1_0 = 10, GOEVD_HTTP_1_1 = 11, GOEVD_HTTP_2 = 20 };

/* How goevd_http_read() delivers a body. */
enum goevd_http_read_flags {
    GOEVD_HTTP_GATHER = 1 << 0 /* all of it at once, when it is complete */
};

/* Flags of on_body. */
enum goevd_http_body_flags {
    GOEVD_HTTP_LAST = 1 << 0 /* with these bytes, perhaps none, the body is complete */
};

/* Why a request is over; given to on_close. */
enum goevd_http_reason {
    GOEVD_HTTP_REASON_DONE = 0, /* the whole reply is on its way */
    GOEVD_HTTP_REASON_GONE,     /* the connection has ended first, by the client or by goevd */
    GOEVD_HTTP_REASON_REFUSED,  /* its body is malformed, too large, too slow, or ends early */
    GOEVD_HTTP_REASON_FAILED,   /* a callback returned a negative value, or what was written is
                                   not as long as was announced */
    GOEVD_HTTP_REASON_UPGRADED, /* the connection is a stream handler's now */
    GOEVD_HTTP_REASON_COUNT
};

/* Names a request in any thread, also when it is over. */
struct goevd_http_id {
    struct goevd_self *host; /* of the http plugin */
    uint64_t number;
};

#define GOEVD_HTTP_LENGTH_UNKNOWN UINT64_MAX
#define GOEVD_HTTP_USER_MAX 511 /* bytes of the name of a user */

struct goevd_http;

/* Requests in, replies out: what a plugin implements to answer HTTP.
 *
 * Every callback runs on the poller that owns the request, and never inside another callback of the
 * same request. `state` is request_size bytes of this handler's for this request, zeroed. Where one
 * of them but on_close returns a negative value, the request ends: with status 500 if no reply has
 * begun, else by closing the connection in the midst of it.
 */
struct goevd_http_handler {
    struct goevd_version version;   /* GOEVD_HTTP_VERSION_OF(struct goevd_http_handler) */
    uint32_t http_minor;            /* the lowest minor version of struct goevd_http it needs */
    uint32_t request_size;          /* bytes of state for each request, 0 to 65536 */
    const struct goevd_http **http; /* &goevd_http; set before any callback */

    /* The head of a request is complete. Reply, ask for its body, let the next handler of the route
     * have it, or return and do one of these later. Only this one must be set. */
    int (*on_request)(struct goevd_http_request *r, void *state);

    /* A part of the body that goevd_http_read() has asked for, or all of it.
     *
     * data   len bytes, valid until return. They begin with what the last call left.
     * flags  enum goevd_http_body_flags.
     * Returns how many bytes were taken. Where that is less than len, nothing is read from the
     *        client until goevd_http_resume(); then the rest comes again with what follows. What is
     *        gathered counts as taken.
     */
    ptrdiff_t (*on_body)(struct goevd_http_request *r, void *state, const char *data, size_t len,
                         unsigned flags);

    /* The client has taken most of what was written, after a function had returned 1 or -ENOBUFS.
     */
    int (*on_drained)(struct goevd_http_request *r, void *state);

    /* The time of goevd_http_timer() has come. */
    int (*on_timeout)(struct goevd_http_request *r, void *state);

    /* The last callback for this request; always, once, after on_request. Nothing can be written
     * any more. */
    void (*on_close)(struct goevd_http_request *r, void *state, enum goevd_http_reason reason);
};

typedef void (*goevd_http_call_fn)(struct goevd_http_request *r, void *state, void *arg);
typedef void (*goevd_http_done_fn)(struct goevd_http_request *r, void *state, void *arg,
                                   int result);

/* The functions themselves; call them through the wrappers below, which document them. */
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
    int (*submit)(struct goevd_self *self, struct goevd_http_request *r, goevd_job_fn job,
                  goevd_http_done_fn done, void *arg);

    unsigned (*coding)(const struct goevd_http_request *r, const char *coding);
    socklen_t (*client_address)(const struct goevd_http_request *r,
                                struct sockaddr_storage *ret_address);
    struct goevd_str (*trace_id)(const struct goevd_http_request *r);
    bool (*trailer_at)(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                       struct goevd_str *ret_value);
    int (*set_user)(struct goevd_http_request *r, const char *name, size_t len);
    struct goevd_str (*user)(const struct goevd_http_request *r);
    void (*check)(const struct goevd_http_request *r, const char *function, const void *caller);
};

/* The table of this plugin; GOEVD_HTTP_TABLE once, in one source file. */
#define GOEVD_HTTP_TABLE const struct goevd_http *goevd_http = NULL

extern GOEVD_HIDDEN const struct goevd_http *goevd_http;

/* ---- The request ----------------------------------------------------------------------------- */

/* The method. A handler gets HEAD where its route takes GET or HEAD; it may answer as to GET, for
 * what it writes as content is left out.
 * Thread   [poller]
 * Source   RFC 9110 section 9.
 */
static inline enum goevd_http_method
goevd_http_method(const struct goevd_http_request *r)
{
    return goevd_http->method(r);
}

/* The version of HTTP that the request has come by. What handlers do is the same in all of them;
 * only upgrades are of HTTP/1.1 alone.
 * Thread   [poller]
 * Returns  GOEVD_HTTP_1_1 also for a later 1.x, as RFC 9110 section 2.5 has it.
 * Source   RFC 9110 section 2.5.
 */
static inline enum goevd_http_version
goevd_http_version(const struct goevd_http_request *r)
{
    return goevd_http->version_of(r);
}

/* How the client has reached this server: whether the connection that the request has come by is
 * secured. What a proxy in front of goevd has done does not count.
 * Thread   [poller]
 * Returns  "http" or "https".
 * Source   RFC 9110 section 4.2.
 */
static inline struct goevd_str
goevd_http_scheme(const struct goevd_http_request *r)
{
    return goevd_http->scheme(r);
}

/* The request target as it was sent, in whichever form.
 * Thread   [poller]
 * Returns  text that is valid until on_close returns, as for all that follow.
 * Source   RFC 9112 section 3.2.
 */
static inline struct goevd_str
goevd_http_target(const struct goevd_http_request *r)
{
    return goevd_http->target(r);
}

/* The path as routes see it: %XX decoded, empty and dot segments removed. It begins with "/" and
 * has no NUL.
 * Thread   [poller]
 * Source   RFC 3986 section 5.2.4.
 */
static inline struct goevd_str
goevd_http_path(const struct goevd_http_request *r)
{
    return goevd_http->path(r);
}

/* The path as it was sent.
 * Thread   [poller]
 */
static inline struct goevd_str
goevd_http_raw_path(const struct goevd_http_request *r)
{
    return goevd_http->raw_path(r);
}

/* What follows the "?", as it was sent. data is NULL where there is no "?".
 * Thread   [poller]
 * Source   RFC 3986 section 3.4.
 */
static inline struct goevd_str
goevd_http_query(const struct goevd_http_request *r)
{
    return goevd_http->query(r);
}

/* What stands in the path for a {name} of the route; "*" for what its "*" stands for.
 * Thread   [poller]
 * Returns  text from the path; data is NULL where the route has no such name.
 */
static inline struct goevd_str
goevd_http_param(const struct goevd_http_request *r, const char *name)
{
    return goevd_http->param(r, name);
}

/* The value of the first header of that name, whatever its case.
 * Thread   [poller]
 * Returns  it without white space around it; data is NULL where there is no such header.
 * Source   RFC 9110 section 5.
 */
static inline struct goevd_str
goevd_http_header(const struct goevd_http_request *r, const char *name)
{
    return goevd_http->header(r, name);
}

/* A header by its place, from 0 on, in the order in which they were sent.
 * Thread   [poller]
 * Returns  true; false where there are no more, with nothing set.
 */
static inline bool
goevd_http_header_at(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                     struct goevd_str *ret_value)
{
    return goevd_http->header_at(r, index, ret_name, ret_value);
}

/* How much the client wants a content coding. For who sends content in one; goevd itself may
 * compress what has none.
 *
 * coding   in lower case, such as "gzip"; "identity" is content as it is.
 * Thread   [poller]
 * Returns  its quality value in thousandths; 0: it must not be sent. "identity" has 1 where the
 *          client does not speak of it, and so comes after every coding that it takes.
 * Source   RFC 9110 section 12.5.3.
 */
static inline unsigned
goevd_http_coding(const struct goevd_http_request *r, const char *coding)
{
    return goevd_http->coding(r, coding);
}

/* Bytes of the body: 0 where there is none, GOEVD_HTTP_LENGTH_UNKNOWN where only its end will tell.
 * Thread   [poller]
 * Source   RFC 9112 section 6.3.
 */
static inline uint64_t
goevd_http_length(const struct goevd_http_request *r)
{
    return goevd_http->length(r);
}

/* The address of whoever is connected, as goevd_conn_peer_address().
 * Thread   [poller]
 */
static inline socklen_t
goevd_http_peer_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    return goevd_http->peer_address(r, ret_address);
}

/* The address of the client: where the peer is a proxy that the option `forwarded` believes, of
 * whom it speaks for; else the peer's.
 * Thread   [poller]
 * Returns  as goevd_conn_peer_address() does.
 * Source   RFC 7239.
 */
static inline socklen_t
goevd_http_client_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    return goevd_http->client_address(r, ret_address);
}

/* The id of the request, by which logs tell it, as the option `request_id` has it made or taken: 1
 * to 128 bytes of visible ASCII. It is in the reply already.
 * Thread   [poller]
 * Returns  text that is valid until on_close returns; data is NULL without that option.
 */
static inline struct goevd_str
goevd_http_trace_id(const struct goevd_http_request *r)
{
    return goevd_http->trace_id(r);
}

/* Say who the client is, for the handlers behind this one and for the access log: a handler that
 * has made sure of it.
 *
 * name     copied, in the place of what was said before; any bytes.
 * len      1 to GOEVD_HTTP_USER_MAX.
 * Thread   [poller]
 * Returns  0; -EINVAL for another length; -ENOMEM.
 */
static inline int
goevd_http_set_user(struct goevd_http_request *r, const char *name, size_t len)
{
    return goevd_http->set_user(r, name, len);
}

/* Who the client is, as an earlier handler of the route, such as basic_auth, has made sure.
 * Thread   [poller]
 * Returns  text that is valid until on_close returns; data is NULL where nobody has said it.
 */
static inline struct goevd_str
goevd_http_user(const struct goevd_http_request *r)
{
    return goevd_http->user(r);
}

/* The address of this side, as goevd_conn_local_address().
 * Thread   [poller]
 */
static inline socklen_t
goevd_http_local_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    return goevd_http->local_address(r, ret_address);
}

/* The instance that is called: what its create has made.
 * Thread   [poller]
 */
static inline void *
goevd_http_instance(const struct goevd_http_request *r)
{
    return goevd_http->instance(r);
}

/* What poller_start of that instance left in *ret_local on this poller.
 * Thread   [poller]
 */
static inline void *
goevd_http_local(const struct goevd_http_request *r)
{
    return goevd_http->local(r);
}

/* The poller that owns r.
 * Thread   [poller]
 */
static inline struct goevd_poller *
goevd_http_poller(const struct goevd_http_request *r)
{
    return goevd_http->poller(r);
}

/* A name for r that other threads can use, and that is never another request's.
 * Thread   [poller]
 */
static inline struct goevd_http_id
goevd_http_request_id(struct goevd_http_request *r)
{
    return goevd_http->id(r);
}

/* Ask for the body, once. It comes in calls of on_body, the last of which has GOEVD_HTTP_LAST; a
 * request without a body gets that one with 0 bytes. A client that waits for 100 (Continue) gets it
 * now. A body that is not asked for is read and dropped after the reply, or the connection closed.
 *
 * max      bytes that it may have, at most `body_max` of the configuration, which 0 stands for. A
 *          longer one is answered with 413.
 * flags    enum goevd_http_read_flags.
 * Thread   [poller]
 * Returns  0; -EMSGSIZE if it is known to be longer: then 413 is the reply, and on_close follows;
 *          -EINVAL without on_body, or for the second time; -EPIPE once r has been answered;
 *          -ENOMEM, and r ends.
 * Source   RFC 9110 sections 10.1.1 and 15.5.14.
 */
static inline int
goevd_http_read(struct goevd_http_request *r, uint64_t max, unsigned flags)
{
    return goevd_http->read(r, max, flags);
}

/* A header that the client has sent behind a body in chunks, by its place, from 0 on. They are
 * there from the call of on_body with GOEVD_HTTP_LAST on. None may say how the message is framed or
 * whom it is for; whether one may stand for a header of that name is for who knows the header to
 * say.
 *
 * Thread   [poller]
 * Returns  true, with text that is valid until on_close returns; false where there are no more,
 * with nothing set. Source   RFC 9110 section 6.5.
 */
static inline bool
goevd_http_trailer_at(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                      struct goevd_str *ret_value)
{
    return goevd_http->trailer_at(r, index, ret_name, ret_value);
}

/* Let on_body have the rest of what it did not take. It is called soon, from the loop, not from
 * this call. Nothing if it has left nothing.
 * Thread   [poller], not from on_body.
 */
static inline void
goevd_http_resume(struct goevd_http_request *r)
{
    goevd_http->resume(r);
}

/* Let the next handler of the route have the request, with the headers that were added so far; its
 * on_request runs soon, not from this call. This handler gets no more callbacks but on_close. After
 * the last of a route the reply is 404.
 *
 * Thread   [poller]
 * Returns  0; -EPIPE once a reply or the reading of the body has begun.
 */
static inline int
goevd_http_next(struct goevd_http_request *r)
{
    return goevd_http->next(r);
}

/* ---- The reply ------------------------------------------------------------------------------- */

/* Add a header to the reply that has not begun, behind those of before. `Date`, `Server`,
 * `Content-Length`, `Transfer-Encoding`, `Connection`, `Keep-Alive` and `Upgrade` come from goevd
 * itself.
 *
 * name     NUL-terminated, copied as all that is given to the reply.
 * len      bytes of value.
 * Thread   [poller]
 * Returns  0; -EINVAL if name is no token or one of those, or the value has a line break, another
 *          control character, or white space at an end; -EMSGSIZE above 16384 bytes of headers;
 *          -EPIPE once the reply has begun; -ENOMEM.
 * Source   RFC 9110 section 5.
 */
static inline int
goevd_http_add_header_bytes(struct goevd_http_request *r, const char *name, const char *value,
                            size_t len)
{
    return goevd_http->add_header(r, name, value, len);
}

/* The same with a value that ends with a NUL.
 * Thread   [poller]
 * Returns  as goevd_http_add_header_bytes() does.
 */
static inline int
goevd_http_add_header(struct goevd_http_request *r, const char *name, const char *value)
{
    return goevd_http->add_header(r, name, value, strlen(value));
}

/* Send an interim reply with the headers that were added so far, such as 103 with Link. Those are
 * not in the reply that follows. A client of HTTP/1.0 gets nothing.
 *
 * status   102 to 199; 100 comes by itself.
 * Thread   [poller]
 * Returns  0; -EINVAL for another status; -EPIPE once the reply has begun; -ENOMEM.
 * Source   RFC 9110 section 15.2, RFC 8297.
 */
static inline int
goevd_http_interim(struct goevd_http_request *r, int status)
{
    return goevd_http->interim(r, status);
}

/* Reply with all at once. HEAD, 204 and 304 get no content, whatever is given.
 *
 * status   200 to 599.
 * type     of the content, NUL-terminated, for the header Content-Type; NULL: none.
 * body     len bytes, copied. What the client does not take at once is kept, whatever its length.
 *          An error (400 to 599) with neither type nor content gets its page of `error_pages`, or
 *          says its status in plain text.
 * Thread   [poller]
 * Returns  0; -EINVAL for another status or a type that is no header value; -EPIPE once a reply
 *          has begun; -ENOMEM, and no reply has begun.
 * Source   RFC 9110 sections 6.4 and 15.
 */
static inline int
goevd_http_reply(struct goevd_http_request *r, int status, const char *type, const void *body,
                 size_t len)
{
    if (type == NULL)
        type = "";
    return goevd_http->reply(r, status, type, strlen(type), body, len);
}

/* Begin a reply whose content comes by goevd_http_write() and ends with goevd_http_end().
 *
 * length   bytes of the content, or GOEVD_HTTP_LENGTH_UNKNOWN: then it goes out in chunks, to
 *          HTTP/1.0 up to the end of the connection.
 * Thread   [poller]
 * Returns  as goevd_http_reply() does; 1 as goevd_http_write() does.
 * Source   RFC 9112 section 6.
 */
static inline int
goevd_http_start(struct goevd_http_request *r, int status, const char *type, uint64_t length)
{
    return goevd_http->start(r, status, type, length);
}

/* Write content.
 *
 * data     copied.
 * Thread   [poller]
 * Returns  0; 1 if the client is slow: it is queued, but wait for on_drained before writing more;
 *          -ENOBUFS if on_drained is still to come and as much as can be is queued: nothing of this
 *          is; -EMSGSIZE if it is more than goevd_http_start() has announced: nothing of it is
 *          sent, the connection closes and that is counted; -EPIPE if no reply has begun, or it has
 *          ended; -ENOMEM.
 */
static inline int
goevd_http_write(struct goevd_http_request *r, const void *data, size_t len)
{
    return goevd_http->write(r, data, len);
}

/* Write content without a copy.
 *
 * data     stays valid and unchanged until release runs.
 * release  as for goevd_conn_write_shared(): once, possibly before this returns; not at all if the
 *          call fails. It may run after on_close.
 * Thread   [poller]
 * Returns  as goevd_http_write() does.
 */
static inline int
goevd_http_write_shared(struct goevd_http_request *r, const void *data, size_t len,
                        goevd_release_fn release, void *arg)
{
    return goevd_http->write_shared(r, data, len, release, arg);
}

/* Write a part of a file as content.
 *
 * fd       a regular file, open until release runs; its own position is not used.
 * release  as for goevd_http_write_shared(); -EIO if the file has ended early or cannot be read,
 *          which closes the connection.
 * Thread   [poller]
 * Returns  as goevd_http_write() does.
 * Source   sendfile(2).
 */
static inline int
goevd_http_write_file(struct goevd_http_request *r, int fd, off_t offset, size_t len,
                      goevd_release_fn release, void *arg)
{
    return goevd_http->write_file(r, fd, offset, len, release, arg);
}

/* Add a header that is sent behind the content.
 *
 * Thread   [poller]
 * Returns  0; -ENOTSUP unless the content goes out in chunks; else as goevd_http_add_header_bytes()
 *          does; -EPIPE if no reply has begun, or it has ended.
 * Source   RFC 9110 section 6.5.
 */
static inline int
goevd_http_trailer(struct goevd_http_request *r, const char *name, const char *value)
{
    return goevd_http->trailer(r, name, value, strlen(value));
}

/* End the reply that goevd_http_start() has begun. If less was written than was announced, the
 * connection closes, so that the client sees it, and that is counted.
 * Thread   [poller]
 * Returns  0; -EPIPE if no reply has begun, or it has ended; -ENOMEM.
 */
static inline int
goevd_http_end(struct goevd_http_request *r)
{
    return goevd_http->end(r);
}

/* Close the connection, now or in the midst of a reply: on_close(GOEVD_HTTP_REASON_FAILED) follows.
 * Thread   [poller]
 */
static inline void
goevd_http_abort(struct goevd_http_request *r)
{
    goevd_http->abort(r);
}

/* ---- Other protocols ------------------------------------------------------------------------- */

/* Whether the client offers to go on with that protocol.
 *
 * protocol a name such as "websocket", in lower case.
 * Thread   [poller]
 * Source   RFC 9110 section 7.8.
 */
static inline bool
goevd_http_wants_upgrade(const struct goevd_http_request *r, const char *protocol)
{
    return goevd_http->wants_upgrade(r, protocol);
}

/* Answer 101 with the headers that were added, and let a stream handler have the connection and
 * what the client has sent behind the request: on_close(GOEVD_HTTP_REASON_UPGRADED), then the
 * on_open of that handler, follow soon.
 *
 * to       a plugin that an option of this handler names; NULL: this plugin itself, with the same
 *          instance.
 * state    what the connection's state there begins with, as in this request's own state; it stays
 *          valid until on_close, whose reason tells whether the stream handler has taken it.
 * len      bytes of it, at most that handler's conn_size; the rest is zeroed.
 * Thread   [poller]
 * Returns  0; -ENOTSUP if that has no GOEVD_STREAM interface; -EINVAL for more state than that;
 *          -EPROTO unless goevd_http_wants_upgrade(), or where the request has a body; -EPIPE once
 *          a reply has begun; -EMSGSIZE if the headers are too long with the request's id; -ENOMEM.
 * Source   RFC 9110 section 15.2.2.
 */
static inline int
goevd_http_upgrade(struct goevd_http_request *r, const char *protocol, struct goevd_plugin *to,
                   const void *state, size_t len)
{
    return goevd_http->upgrade(r, protocol, to, state, len);
}

/* Answer 426: this is only spoken over that protocol.
 * Thread   [poller]
 * Returns  as goevd_http_reply() does.
 * Source   RFC 9110 section 15.5.22.
 */
static inline int
goevd_http_upgrade_required(struct goevd_http_request *r, const char *protocol)
{
    return goevd_http->upgrade_required(r, protocol);
}

/* ---- Later ----------------------------------------------------------------------------------- */

/* Let on_timeout run delay_ns from now, unless r is over by then. It moves an earlier one.
 * Thread   [poller]
 * Returns  0; -EINVAL without on_timeout; -ENOMEM; -EPIPE once the connection is closing.
 */
static inline int
goevd_http_timer(struct goevd_http_request *r, uint64_t delay_ns)
{
    return goevd_http->timer(r, delay_ns);
}

/* Run a function on the poller of a request, where it may do all that a callback may.
 *
 * self     this plugin's.
 * fn       runs exactly once if 0 is returned; its r is NULL if the request is over, or another
 *          handler has it now.
 * Thread   [any]
 * Returns  as goevd_call() does.
 */
static inline int
goevd_http_call(struct goevd_self *self, struct goevd_http_id id, goevd_http_call_fn fn, void *arg)
{
    return goevd_http->call(self, id, fn, arg);
}

/* Reply from any thread, as goevd_http_reply().
 *
 * done     exactly once if 0 is returned, on a poller: with what goevd_http_reply() said, or -EPIPE
 *          if the request is over. NULL: nobody asks.
 * Thread   [any]
 * Returns  as goevd_call() does; -ENOMEM.
 */
static inline int
goevd_http_send(struct goevd_self *self, struct goevd_http_id id, int status, const char *type,
                const void *body, size_t len, goevd_release_fn done, void *arg)
{
    return goevd_http->send(self, id, status, type, body, len, done, arg);
}

/* Run a job on a thread of the work pool, as goevd_submit(), and then `done` on this poller, where
 * it may do all that a callback may.
 *
 * job      knows nothing of the request but what arg says.
 * done     always runs, once: with what job returned, or -ECANCELED. Its r is NULL if the request
 *          is over, or another handler has it now.
 * Thread   [poller]
 * Returns  as goevd_submit() does.
 */
static inline int
goevd_http_submit(struct goevd_self *self, struct goevd_http_request *r, goevd_job_fn job,
                  goevd_http_done_fn done, void *arg)
{
    return goevd_http->submit(self, r, job, done, arg);
}

/* For a handler that hosts others: what a function of its own with a request owes, as
 * goevd_check_conn() of its connection.
 *
 * function  its name, as goevd_websocket_request_path; static.
 * caller    who has called it: __builtin_return_address(0).
 * Thread    [any]
 */
static inline void
goevd_http_check(const struct goevd_http_request *r, const char *function, const void *caller)
{
    goevd_http->check(r, function, caller);
}

/* ---- Layout, for 64-bit machines: what has shipped does not move ----------------------------- */

#if UINTPTR_MAX == UINT64_MAX
GOEVD_STATIC_ASSERT(sizeof(struct goevd_http_id) == 16, "goevd_http_id has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_http_handler) == 64, "goevd_http_handler has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_http, read) == 144, "read has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_http, reply) == 184, "reply has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_http, timer) == 272, "timer has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_http, client_address) == 312, "client_address has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_http) == 360, "goevd_http has moved");
#endif

#ifdef __cplusplus
}
#endif

#endif
