/* goevd/plugin.h - the contract between goevd and its plugins.
 *
 * SPDX-License-Identifier: MIT
 *
 * A plugin is a shared object that exports one symbol, `goevd_plugin_entry`. goevd makes an
 * instance of it for every place in the configuration that names it, asks it for the interfaces
 * it offers, and calls them on poller threads. A connection belongs to one poller from its first
 * callback to its last, so a handler needs no locks for what hangs on a connection or a poller.
 *
 * Threads. Every function says where it may be called:
 *   [main]    from create and destroy: one thread, no poller is running yet or any more; and from
 *             check_options: one thread that is no poller's, while pollers run
 *   [poller]  on the poller thread that owns the connection, timer or poller it is given
 *   [any]     anywhere, at any time between create and destroy
 *
 * Errors are negative errno values. Times are nanoseconds of CLOCK_MONOTONIC.
 *
 * Versions. Shared structs begin with a struct goevd_version. Tables only grow at their end; the
 * side that receives one copies what both sides know and zeroes the rest. A plugin that was built
 * against an older minor version keeps loading.
 */
#ifndef GOEVD_PLUGIN_H
#define GOEVD_PLUGIN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#define GOEVD_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define GOEVD_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#if defined(__GNUC__)
#define GOEVD_PRINTF(string, first) __attribute__((format(printf, string, first)))
#define GOEVD_EXPORT __attribute__((visibility("default")))
#define GOEVD_HIDDEN __attribute__((visibility("hidden")))
#else
#define GOEVD_PRINTF(string, first)
#define GOEVD_EXPORT
#define GOEVD_HIDDEN
#endif

/* Times are in nanoseconds. */
#define GOEVD_MILLISECOND INT64_C(1000000)
#define GOEVD_SECOND INT64_C(1000000000)

#define GOEVD_ABI_MAJOR 1
#define GOEVD_ABI_MINOR 0

/* First in every struct that crosses the boundary; it protects the rest. */
struct goevd_version {
    uint16_t major;
    uint16_t minor;
    uint32_t size; /* bytes of the whole struct, as its author knew it */
};

#define GOEVD_VERSION_OF(type)                                                                     \
    {                                                                                              \
        GOEVD_ABI_MAJOR, GOEVD_ABI_MINOR, (uint32_t)sizeof(type)                                   \
    }

struct goevd_conn;   /* a connection; never keep the pointer past on_close */
struct goevd_poller; /* a poller: one thread and what it owns */
struct goevd_self;   /* the host's view of one instance of a plugin */
struct goevd_plugin; /* another plugin's instance that an option of this one names */
struct goevd_timer;  /* a timer of an instance on one poller */
struct goevd_watch;  /* a file descriptor of an instance, watched by one poller */
struct goevd_pool;   /* connections to one address that are kept ready */
struct goevd_lines;  /* a file that lines are added to */

/* Bytes with their length. What an option yields is also NUL-terminated. */
struct goevd_str {
    const char *data;
    size_t len;
};

/* ---- Options --------------------------------------------------------------------------------- */

/* What an option accepts, and the C type that is stored at its offset. */
enum goevd_option_type {
    GOEVD_OPTION_END = 0,  /* ends an array of options */
    GOEVD_OPTION_BOOL,     /* true, false, yes, no, on, off            -> bool */
    GOEVD_OPTION_INT,      /* 42, -1                                   -> int64_t */
    GOEVD_OPTION_SIZE,     /* 512, 64KiB, 1MB: bytes                   -> int64_t */
    GOEVD_OPTION_DURATION, /* 75s, 1500ms, 2h: stored as nanoseconds   -> int64_t */
    GOEVD_OPTION_RATE,     /* 100KiB/s: bytes per second               -> int64_t */
    GOEVD_OPTION_STRING,   /* any scalar                               -> struct goevd_str */
    GOEVD_OPTION_ENUM,     /* one of `choices`: stored as its index    -> int */
    GOEVD_OPTION_RECORD,   /* a map with the keys of `item`: const T *, NULL if absent */
    GOEVD_OPTION_LIST,     /* a sequence of `item`, or one alone       -> struct goevd_list of T */
    GOEVD_OPTION_MAP,      /* free keys to strings: struct goevd_list of struct goevd_pair */
    GOEVD_OPTION_PLUGIN    /* `name`, `name: {…}`: struct goevd_plugin *, NULL if absent */
};

enum goevd_option_flags {
    GOEVD_OPTION_REQUIRED = 1 << 0, /* must be present; in a one-of group: one of the group must */
    GOEVD_OPTION_RUNTIME = 1 << 1,  /* one value that may change while goevd runs, see on_options */
    GOEVD_OPTION_PATH = 1 << 2      /* STRING: a path, relative to the file that says so; it is made
                                       absolute, for goevd may go elsewhere */
};

struct goevd_schema;

struct goevd_option {
    const char *name; /* the key; NULL alone in a schema: the item itself is this scalar */
    enum goevd_option_type type;
    uint16_t flags;  /* enum goevd_option_flags */
    uint16_t one_of; /* not 0: of the options with this number, at most one may be present */
    size_t offset;   /* where the value goes in the record */
    const char *def; /* default, as YAML would write the scalar; for RECORD and LIST "{}" or "[]"
                        fill in the defaults of what is beneath; NULL: zero, NULL or empty */
    int64_t min; /* of a number, size, duration (ns) or rate; bytes of a string; items of a list */
    int64_t max; /* likewise; both 0: no range */
    const char *const *choices;      /* ENUM: names, NULL at the end */
    const struct goevd_schema *item; /* RECORD, LIST: what is beneath */
    const char *interface_id;        /* PLUGIN: the interface that the plugin must offer */
    const char *help;                /* one line, for --describe and the man page */
};

/* A record: how large it is and what fills it. Schemas are static and immutable. */
struct goevd_schema {
    size_t size;                        /* bytes of the record */
    size_t option_size;                 /* sizeof(struct goevd_option) */
    const struct goevd_option *options; /* ends with GOEVD_OPTION_END */
};

#define GOEVD_SCHEMA(type, options)                                                                \
    {                                                                                              \
        sizeof(type), sizeof(struct goevd_option), options                                         \
    }

/* How an option begins: its place in the record, its key and its type without GOEVD_OPTION_.
 * {GOEVD_OPTION(struct options, wait_ns, "wait", DURATION), .def = "1s", .help = "…"} */
#define GOEVD_OPTION(record, member, key, type_)                                                   \
    .name = (key), .type = GOEVD_OPTION_##type_, .offset = offsetof(record, member)

struct goevd_list {
    const void *items;
    size_t count;
};

struct goevd_pair {
    struct goevd_str key;
    struct goevd_str value;
};

/* ---- The plugin's side ----------------------------------------------------------------------- */

/* Why a connection ended; given to on_close. */
enum goevd_reason {
    GOEVD_REASON_HANDLER = 0, /* the handler closed it, or a callback returned a negative value */
    GOEVD_REASON_EOF,         /* the peer closed it, and the handler did not want to go on */
    GOEVD_REASON_RESET,       /* the peer reset it (ECONNRESET, EPIPE) */
    GOEVD_REASON_ERROR,       /* another error of the socket */
    GOEVD_REASON_IDLE,        /* nothing was read or written for the listener's idle_timeout */
    GOEVD_REASON_FULL,        /* the unread tail reached the listener's limit */
    GOEVD_REASON_STOP,        /* goevd stops or reloads */
    GOEVD_REASON_UPGRADED,    /* another handler has taken the connection over */
    GOEVD_REASON_RELEASED,    /* the handler has given it back to its pool */
    GOEVD_REASON_FRAME,       /* the peer has sent a frame that is too long, malformed or cut off */
    GOEVD_REASON_SLOW,        /* the peer has taken less than the listener's output_rate */
    GOEVD_REASON_COUNT
};

/* Flags of on_read. */
enum goevd_read_flags {
    GOEVD_READ_FULL = 1 << 0, /* no more can be kept: what stays unread now closes the connection */
    GOEVD_READ_EOF = 1 << 1   /* nothing comes after these bytes; on_eof follows once they are
                                 consumed, or at once if they are not */
};

/* How to close; flags of goevd_conn_close. */
enum goevd_close_flags {
    GOEVD_CLOSE_FLUSH = 0,    /* send what is queued, within the listener's close_timeout */
    GOEVD_CLOSE_NOW = 1 << 0, /* drop what is queued */
    GOEVD_CLOSE_DONE = 1 << 1 /* the peer has nothing more to say: no need to linger for it */
};

/* Flags of a stream handler. */
enum goevd_stream_flags {
    /* What it reads from a connection is not what it answers there, as in a relay: while output
     * stands above the high mark, and until on_drained, reading goes on. The handler pauses who
     * brings the bytes, or nobody does. */
    GOEVD_STREAM_DUPLEX = 1 << 0
};

/* Where a frame ends. */
enum goevd_framing_type {
    GOEVD_FRAMING_LINES = 1, /* with LF; a CR before it is dropped */
    GOEVD_FRAMING_DELIMITER, /* with the bytes of `delimiter` */
    GOEVD_FRAMING_LENGTH /* after so many bytes as the number of `length_bytes` before it says */
};

enum goevd_framing_flags {
    GOEVD_FRAMING_CRLF = 1 << 0,     /* LINES: those that are written end with CR LF */
    GOEVD_FRAMING_LITTLE = 1 << 1,   /* LENGTH: the lowest byte comes first, not the highest */
    GOEVD_FRAMING_INCLUSIVE = 1 << 2 /* LENGTH: the number counts its own bytes too */
};

#define GOEVD_DELIMITER_MAX 16

/* How a stream is cut into frames. Static and immutable. */
struct goevd_framing {
    struct goevd_version version;
    enum goevd_framing_type type;
    unsigned flags;             /* enum goevd_framing_flags */
    struct goevd_str delimiter; /* DELIMITER: 1 to GOEVD_DELIMITER_MAX bytes */
    unsigned length_bytes;      /* LENGTH: 1, 2, 4 or 8 */
};

/* Flags of on_frame. */
enum goevd_frame_flags {
    GOEVD_FRAME_MORE = 1 << 0 /* the next frame is whole and there: on_frame follows at once */
};

#define GOEVD_STREAM "goevd.stream"

/* Bytes in, bytes out: what a plugin implements to serve connections.
 *
 * Every callback runs on the poller that owns the connection, and never inside another callback
 * of the same connection. `state` is conn_size zeroed bytes that live as long as the connection.
 * A callback that returns a negative value closes the connection as
 * goevd_conn_close(c, GOEVD_CLOSE_FLUSH) does. Any callback may be NULL but on_read, or, with a
 * framing, on_frame.
 */
struct goevd_stream {
    struct goevd_version version;
    size_t conn_size; /* bytes of state for each connection, 0 to 65536 */

    /* The transport is ready. Negative: close; on_close follows. */
    int (*on_open)(struct goevd_conn *c, void *state);

    /* Bytes have come.
     *
     * data   len bytes, valid until return. They begin with what earlier calls left unconsumed;
     *        data + fresh is the first byte not seen before (fresh == len: called again after
     *        resume or drain, without new bytes).
     * flags  enum goevd_read_flags.
     * Returns the number of bytes consumed, 0 to len; the rest comes again with what follows.
     */
    ptrdiff_t (*on_read)(struct goevd_conn *c, void *state, const char *data, size_t len,
                         size_t fresh, unsigned flags);

    /* The peer has sent its last byte (shutdown(2), SHUT_WR). 0: go on writing; the handler
     * closes. NULL: flush and close. Where the output has ended before (goevd_conn_shutdown()), it
     * does not run: on_close(GOEVD_REASON_EOF) does. */
    int (*on_eof)(struct goevd_conn *c, void *state);

    /* The output queue fell to the low mark after a write had returned 1 or -ENOBUFS. What on_read
     * has left unconsumed comes again after this. */
    int (*on_drained)(struct goevd_conn *c, void *state);

    /* A timer of this connection, or its deadline (cookie GOEVD_DEADLINE), is due. */
    int (*on_timeout)(struct goevd_conn *c, void *state, uint64_t cookie);

    /* goevd stops or reloads: finish what has begun, then close. 0: the handler closes, before
     * the stop deadline. NULL: flush and close. */
    int (*on_stop)(struct goevd_conn *c, void *state);

    /* The last callback of this connection, always, once on_open has run. Writing is over. */
    void (*on_close)(struct goevd_conn *c, void *state, enum goevd_reason reason);

    /* goevd_send() completed, on a poller thread: 0 when the socket has taken every byte,
     * -EPIPE when the connection was gone or closed first, -ENOBUFS at the output cap. Exactly
     * once for each accepted send, also after the connection's on_close. */
    void (*on_sent)(void *instance, uint64_t conn_id, uint64_t cookie, int result);

    /* goevd_connect() has failed, on the poller that asked (on the one that was to serve, if that
     * had no memory): there is no connection, and no other callback comes for it.
     *
     * state  as goevd_connect() has filled it; valid until return.
     * error  -ECONNREFUSED, -ENETUNREACH, … of connect(2), of the address tried last; -ETIMEDOUT;
     *        -EADDRNOTAVAIL: the name has no address, or there is no port left to connect from;
     *        -EAGAIN: the name server does not answer; -ECANCELED: by goevd_connect_cancel(), or
     *        goevd stops; -ENOMEM. */
    void (*on_connect_fail)(void *instance, struct goevd_poller *poller, void *state, int error);

    /* A listener with this handler has accepted a connection, which is none yet: choose who serves
     * it. On the poller that accepted, which may be of another reactor than all that serve. NULL:
     * the listener's reactor.
     *
     * peer     who connects, len bytes; behind a proxy (proxy_protocol of the listener) that is the
     *          proxy, for its header is read by the poller that serves.
     * Returns  the number of a reactor, of goevd_reactor_find(); 0 for the listener's; negative, or
     *          a number that no reactor has: the connection is closed, without another callback.
     * Source   accept4(2). */
    int (*on_accept)(void *instance, struct goevd_poller *poller, const struct sockaddr *peer,
                     socklen_t len);

    unsigned flags; /* enum goevd_stream_flags */

    /* How the bytes that come are cut into frames; then on_frame is called in the place of on_read,
     * which is NULL. NULL: they are not cut. */
    const struct goevd_framing *framing;

    /* A whole frame has come.
     *
     * data   len bytes, without prefix and delimiter; len may be 0. Valid until the call without
     *        GOEVD_FRAME_MORE returns, so that frames can be gathered and handled together.
     * flags  enum goevd_frame_flags. What is said of the next frame does not hold if this call
     *        pauses, closes or upgrades c, or a write to c returns 1 or -ENOBUFS: then the other
     *        frames wait, as unread bytes do.
     * Returns 0 or 1, as goevd_conn_write_frame() does: the frame is done with. -ENOBUFS, if c is
     *        paused or a write to c has just returned that: the frame comes again, after c has been
     *        resumed or on_drained has run. */
    int (*on_frame)(struct goevd_conn *c, void *state, const char *data, size_t len,
                    unsigned flags);

    /* What comes next is no frame, and never will be one. Nothing of it is handed out otherwise.
     *
     * data   its beginning, as far as it is there, without the prefix; at most frame_max bytes.
     * error  -EMSGSIZE: it is longer than the listener's frame_max; -EBADMSG: its length, which
     *        counts the prefix too, is less than the prefix; -ENODATA: the input has ended in the
     *        middle of it.
     * Returns negative: what is queued is sent and c closed, GOEVD_REASON_FRAME. 0: after -ENODATA
     *        on_eof follows; after the others nothing more is read from c, and the handler closes
     *        it, for the same reason. It may also upgrade c: the other handler gets what was no
     *        frame. NULL: as if it were negative. */
    int (*on_frame_error)(struct goevd_conn *c, void *state, const char *data, size_t len,
                          int error);
};

#define GOEVD_DEADLINE UINT64_MAX

struct goevd_host;

/* What a plugin exports, as the data symbol `goevd_plugin_entry`. */
struct goevd_plugin_entry {
    struct goevd_version version;
    uint32_t host_minor;                /* the lowest ABI minor version of the host it can run on */
    const struct goevd_host **host;     /* set by the host before anything is called */
    const char *name;                   /* [a-z0-9_-]+, as the config names it */
    const char *description;            /* one line */
    const struct goevd_schema *options; /* NULL: takes none */

    /* Make an instance [main].
     *
     * options  the record that the schema describes, as the file has it; lives until destroy has
     *          returned. See goevd_options() for those that may change.
     * Returns  0 with *ret_instance set, or a negative errno after goevd_refuse() said why.
     */
    int (*create)(struct goevd_self *self, const void *options, void **ret_instance);

    /* Free it [main]; every on_close and poller_stop has run. NULL: nothing to free. */
    void (*destroy)(void *instance);

    /* A poller that will serve this instance starts [poller]. *ret_local is this poller's own
     * storage, see goevd_conn_local(). NULL: none is needed. Negative: goevd does not start. */
    int (*poller_start)(void *instance, struct goevd_poller *poller, void **ret_local);

    /* That poller stops [poller]; its connections have closed. */
    void (*poller_stop)(void *instance, struct goevd_poller *poller, void *local);

    /* The vtable for an interface id such as GOEVD_STREAM, or NULL [any]. */
    const void *(*interface)(const char *id);

    /* May these become the options, while pollers run? [main] They differ from the present ones in
     * the value of an option that is GOEVD_OPTION_RUNTIME, and the schema takes them.
     *
     * options  valid until return.
     * Returns  0; negative, after goevd_refuse() said why, and all stays as it is. NULL: they may.
     */
    int (*check_options)(void *instance, const void *options);

    /* They have become the options, on this poller [poller]: goevd_options() yields them. What was
     * there before is valid until return. NULL: nothing needs to be done at once. */
    void (*on_options)(void *instance, struct goevd_poller *poller, void *local,
                       const void *options);
};

/* The one exported symbol and the host table of this plugin; once, at the end of one source
 * file: GOEVD_PLUGIN(.name = "echo", .create = …) in C, GOEVD_PLUGIN_HOST and a
 * `const struct goevd_plugin_entry goevd_plugin_entry` with .host = &goevd_host in C++. */
#define GOEVD_PLUGIN_HOST const struct goevd_host *goevd_host = NULL
#define GOEVD_PLUGIN(...)                                                                          \
    GOEVD_PLUGIN_HOST;                                                                             \
    const struct goevd_plugin_entry goevd_plugin_entry = {                                         \
        .version = GOEVD_VERSION_OF(struct goevd_plugin_entry), .host = &goevd_host, __VA_ARGS__}

extern GOEVD_EXPORT const struct goevd_plugin_entry goevd_plugin_entry;
extern GOEVD_HIDDEN const struct goevd_host *goevd_host;

/* ---- The host's side ------------------------------------------------------------------------- */

/* syslog(3)'s priorities, those that goevd uses. */
enum goevd_log_level {
    GOEVD_LOG_ERROR = 3,
    GOEVD_LOG_WARNING = 4,
    GOEVD_LOG_NOTICE = 5,
    GOEVD_LOG_INFO = 6,
    GOEVD_LOG_DEBUG = 7
};

typedef void (*goevd_release_fn)(void *arg, int result);
typedef void (*goevd_timer_fn)(struct goevd_timer *timer, void *arg);
typedef void (*goevd_watch_fn)(struct goevd_watch *watch, unsigned events, void *arg);
typedef void (*goevd_call_fn)(struct goevd_poller *poller, void *local, void *arg);
typedef void (*goevd_called_fn)(void *arg);
typedef void (*goevd_conn_call_fn)(struct goevd_conn *c, void *state, void *arg);
typedef int (*goevd_job_fn)(void *arg);
typedef void (*goevd_done_fn)(struct goevd_conn *c, void *arg, int result);

/* Flags of goevd_submit(). */
enum goevd_submit_flags {
    GOEVD_SUBMIT_ORDERED = 1 << 0 /* `done` in the order of submission, whichever job ends first */
};

/* What a file descriptor is watched for, and what has come. */
enum goevd_watch_events {
    GOEVD_WATCH_READ = 1 << 0,
    GOEVD_WATCH_WRITE = 1 << 1,
    GOEVD_WATCH_ERROR = 1 << 2 /* only told: an error or a hang-up, and with it all asked for */
};

/* One setsockopt(2). */
struct goevd_sockopt {
    int level, name;
    const void *value;
    socklen_t len;
};

/* What goevd_connect() is to do; zeroed but for version and what is wanted. Everything is copied.
 */
struct goevd_connect_request {
    struct goevd_version version;
    const char *to;   /* host:port, [v6]:port, unix:/path, unix:@name; see goevd_address_check() */
    const char *from; /* source, likewise but with an address for a host; NULL: the kernel's */
    uint64_t timeout_ns; /* for all of it; 0: connectors.timeout of the configuration */
    int reactor;         /* who serves, of goevd_reactor_find(); 0: the poller that asks */
    const struct goevd_stream *stream;   /* the handler, static; NULL: this plugin's GOEVD_STREAM */
    const void *state;                   /* what the connection's state begins with */
    size_t state_len;                    /* bytes, at most conn_size; the rest is zeroed */
    const struct goevd_sockopt *options; /* set before connecting, after those of connectors: */
    size_t option_count;                 /* at most 16 */
};

/* A connect pool; zeroed but for version, `to` and what is wanted. Everything is copied. */
struct goevd_pool_config {
    struct goevd_version version;
    const char *to;              /* as in struct goevd_connect_request */
    const char *from;            /* likewise */
    uint64_t connect_timeout_ns; /* 0: connectors.timeout of the configuration */
    unsigned min_idle;           /* ready ones that are kept, 0 to max_live */
    unsigned max_live;           /* ready, in use and being made, 1 to 65536; 0: 64 */
    unsigned growth;             /* made at once when one is missing, 1 to max_live; 0: 1 */
    unsigned waiting_max;        /* requests that may wait; 0: 1024 */
    uint64_t idle_timeout_ns;    /* a ready one more than min_idle is closed after it; 0: never */
    uint64_t check_interval_ns;  /* a ready one is checked so often; 0: only a hang-up tells */
    uint64_t check_timeout_ns;   /* 0: 1 s */
    const void *check;           /* what it is sent, */
    size_t check_len;            /* 1 to 4096 bytes, */
    const void *check_reply;     /* and what it must answer */
    size_t check_reply_len;      /* 1 to 4096 bytes */
};

/* Who wants a connection of a pool; zeroed but for version and what is wanted. */
struct goevd_acquire_request {
    struct goevd_version version;
    const struct goevd_stream *stream; /* as in struct goevd_connect_request */
    const void *state;
    size_t state_len;
    uint64_t timeout_ns; /* how long to wait; 0: as long as connecting may take */
};

/* What a pool holds, as it was a moment ago. */
struct goevd_pool_state {
    struct goevd_version version; /* set by the caller */
    uint64_t idle;                /* ready */
    uint64_t live;                /* ready, in use and being made */
    uint64_t waiting;             /* requests */
    uint64_t acquired;            /* requests that got one, so far */
    uint64_t failed;              /* requests that got none, so far */
    uint64_t dead;                /* found dead while they were ready, so far */
};

/* What a figure counts. */
enum goevd_figure_type {
    GOEVD_FIGURE_COUNTER = 1, /* only grows, until the worker ends */
    GOEVD_FIGURE_GAUGE,       /* as it is at this moment; may be negative */
    GOEVD_FIGURE_HISTOGRAM    /* how many values lie between one power of two and the next */
};

/* A set of addresses; goevd_network_parse() fills it. */
struct goevd_network {
    uint16_t family; /* AF_INET, AF_INET6; AF_UNIX: every peer on a unix socket */
    uint8_t prefix;  /* bits of ip that count */
    uint8_t ip[16];
};

/* The functions themselves; call them through the wrappers below, which document them. */
struct goevd_host {
    struct goevd_version version;

    void (*log)(struct goevd_self *self, enum goevd_log_level level, const char *format,
                va_list args) GOEVD_PRINTF(3, 0);
    int (*refuse)(struct goevd_self *self, const char *path, const char *format, va_list args)
        GOEVD_PRINTF(3, 0);
    uint64_t (*now)(void);

    const void *(*plugin_interface)(struct goevd_plugin *plugin, const char *id);
    void *(*plugin_instance)(struct goevd_plugin *plugin);

    unsigned (*poller_index)(struct goevd_poller *poller);
    uint64_t (*poller_now)(struct goevd_poller *poller);
    struct goevd_timer *(*timer_new)(struct goevd_poller *poller, goevd_timer_fn fn, void *arg);
    void (*timer_free)(struct goevd_timer *timer);
    int (*timer_arm)(struct goevd_timer *timer, uint64_t delay_ns, uint64_t period_ns);
    void (*timer_cancel)(struct goevd_timer *timer);

    uint64_t (*conn_id)(struct goevd_conn *c);
    void *(*conn_instance)(struct goevd_conn *c);
    void *(*conn_local)(struct goevd_conn *c);
    struct goevd_poller *(*conn_poller)(struct goevd_conn *c);
    socklen_t (*conn_peer_address)(struct goevd_conn *c, struct sockaddr_storage *ret_address);
    socklen_t (*conn_local_address)(struct goevd_conn *c, struct sockaddr_storage *ret_address);
    int (*conn_setsockopt)(struct goevd_conn *c, int level, int name, const void *value,
                           socklen_t len);
    uint64_t (*conn_bytes_in)(struct goevd_conn *c);
    uint64_t (*conn_bytes_out)(struct goevd_conn *c);

    int (*conn_write)(struct goevd_conn *c, const void *data, size_t len);
    void *(*conn_reserve)(struct goevd_conn *c, size_t len);
    int (*conn_commit)(struct goevd_conn *c, size_t len);
    int (*conn_write_shared)(struct goevd_conn *c, const void *data, size_t len,
                             goevd_release_fn release, void *arg);
    int (*conn_write_file)(struct goevd_conn *c, int fd, off_t offset, size_t len,
                           goevd_release_fn release, void *arg);
    size_t (*conn_queued)(struct goevd_conn *c);
    int (*conn_shutdown)(struct goevd_conn *c);
    void (*conn_close)(struct goevd_conn *c, unsigned flags);

    void (*conn_need)(struct goevd_conn *c, size_t len);
    void (*conn_pause)(struct goevd_conn *c);
    void (*conn_resume)(struct goevd_conn *c);
    void (*conn_deadline)(struct goevd_conn *c, uint64_t delay_ns);
    int (*conn_timer_arm)(struct goevd_conn *c, uint64_t cookie, uint64_t delay_ns,
                          uint64_t period_ns);
    void (*conn_timer_cancel)(struct goevd_conn *c, uint64_t cookie);
    int (*conn_upgrade)(struct goevd_conn *c, struct goevd_plugin *to, const void *state,
                        size_t len);

    int (*send)(struct goevd_self *self, uint64_t conn_id, const void *data, size_t len,
                uint64_t cookie);
    int (*close)(uint64_t conn_id, unsigned flags);

    void *(*poller_local)(struct goevd_self *self, struct goevd_poller *poller);
    struct goevd_watch *(*watch_new)(struct goevd_poller *poller, int fd, goevd_watch_fn fn,
                                     void *arg);
    void (*watch_free)(struct goevd_watch *watch);
    int (*watch_set)(struct goevd_watch *watch, unsigned events);

    unsigned (*poller_count)(void);
    int (*call)(struct goevd_self *self, unsigned poller, goevd_call_fn fn, void *arg);
    int (*call_all)(struct goevd_self *self, goevd_call_fn fn, goevd_called_fn done, void *arg);
    int (*cache_set)(struct goevd_self *self, uint32_t key, const void *data, size_t len);
    const void *(*cache_get)(struct goevd_self *self, struct goevd_poller *poller, uint32_t key,
                             size_t *ret_len);
    int (*submit)(struct goevd_self *self, struct goevd_poller *poller, uint64_t conn_id,
                  unsigned flags, goevd_job_fn job, goevd_done_fn done, void *arg);

    int (*address_check)(const char *text, char *ret_reason, size_t size);
    int (*reactor_find)(struct goevd_self *self, const char *name);
    int (*connect)(struct goevd_self *self, struct goevd_poller *poller,
                   const struct goevd_connect_request *request, uint64_t *ret_id);
    void (*connect_cancel)(struct goevd_poller *poller, uint64_t id);

    int (*pool_new)(struct goevd_self *self, const struct goevd_pool_config *config,
                    struct goevd_pool **ret_pool);
    int (*pool_acquire)(struct goevd_pool *pool, struct goevd_poller *poller,
                        const struct goevd_acquire_request *request);
    int (*pool_release)(struct goevd_conn *c);
    void (*pool_figures)(struct goevd_pool *pool, struct goevd_pool_state *ret);

    int (*figure_new)(struct goevd_self *self, const char *name, const char *unit, const char *help,
                      enum goevd_figure_type type);
    void (*figure_add)(struct goevd_self *self, struct goevd_poller *poller, int number,
                       int64_t delta);
    void (*figure_set)(struct goevd_self *self, struct goevd_poller *poller, int number,
                       int64_t value);
    void (*figure_observe)(struct goevd_self *self, struct goevd_poller *poller, int number,
                           uint64_t value);

    int (*proxy_header)(struct goevd_conn *c, unsigned version, void *ret_buf, size_t size);
    socklen_t (*conn_proxy_address)(struct goevd_conn *c, struct sockaddr_storage *ret_address);
    int (*conn_write_now)(struct goevd_conn *c, const void *data, size_t len);

    int (*conn_write_frame)(struct goevd_conn *c, const void *data, size_t len);
    int (*send_frame)(struct goevd_self *self, uint64_t conn_id, const void *data, size_t len,
                      uint64_t cookie);

    void *(*plugin_local)(struct goevd_plugin *plugin, struct goevd_poller *poller);
    const void *(*options)(struct goevd_self *self, struct goevd_poller *poller);
    void (*conn_log)(struct goevd_conn *c, enum goevd_log_level level, const char *format,
                     va_list args) GOEVD_PRINTF(3, 0);

    const char *(*conn_listener)(struct goevd_conn *c);
    int (*lines_new)(struct goevd_self *self, const char *name, const char *option,
                     const char *path, size_t buffer, struct goevd_lines **ret_lines);
    char *(*lines_reserve)(struct goevd_lines *lines, struct goevd_poller *poller, size_t len);
    void (*lines_commit)(struct goevd_lines *lines, struct goevd_poller *poller, size_t len);
    size_t (*json_escape)(char *ret_text, size_t size, const char *chars, size_t len);
    int (*network_parse)(const char *text, struct goevd_network *ret_network, char *ret_reason,
                         size_t size);
    bool (*network_any)(const struct goevd_network *networks, size_t count,
                        const struct sockaddr *address);
    void (*worker_replace)(struct goevd_self *self, const char *why);
    int (*conn_call)(struct goevd_self *self, uint64_t conn_id, goevd_conn_call_fn fn, void *arg);
    bool (*is_strict)(void);
    void (*check_conn)(struct goevd_conn *c, const char *function, const void *caller);
};

/* ---- Options, and other plugins -------------------------------------------------------------- */

/* The options as they are now: those that create has seen, until somebody changes one that is
 * GOEVD_OPTION_RUNTIME. Each poller sees the change in its own thread, between two callbacks.
 * Thread   [poller]
 * Returns  the record that the schema describes, NULL without one; valid until the next on_options
 *          on this poller has returned.
 */
static inline const void *
goevd_options(struct goevd_self *self, struct goevd_poller *poller)
{
    return goevd_host->options(self, poller);
}

/* Say why create or check_options refuses the options, with the position of the option in the
 * config file.
 *
 * path     from the instance's options down, as in "routes[2].path"; "" for the options as a whole.
 * Thread   [main], from these two.
 * Returns  -EINVAL, for `return goevd_refuse(…)`.
 */
GOEVD_PRINTF(3, 4)
static inline int
goevd_refuse(struct goevd_self *self, const char *path, const char *format, ...)
{
    va_list args;
    int r;
    va_start(args, format);
    r = goevd_host->refuse(self, path, format, args);
    va_end(args);
    return r;
}

/* What the plugin that an option names offers for an interface id, or NULL.
 * Thread   [any]
 */
static inline const void *
goevd_plugin_interface(struct goevd_plugin *plugin, const char *id)
{
    return goevd_host->plugin_interface(plugin, id);
}

/* The instance that was made for that place in the config; lives until this one's destroy has
 * returned.
 * Thread   [any]
 */
static inline void *
goevd_plugin_instance(struct goevd_plugin *plugin)
{
    return goevd_host->plugin_instance(plugin);
}

/* What poller_start of that instance left in *ret_local on this poller; NULL before and after.
 * Thread   [poller]
 */
static inline void *
goevd_plugin_local(struct goevd_plugin *plugin, struct goevd_poller *poller)
{
    return goevd_host->plugin_local(plugin, poller);
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Queue bytes for c, after every earlier write. What one callback writes leaves together when it
 * returns; the host flushes by itself.
 *
 * data     copied; the caller keeps it.
 * len      bytes; 0 does nothing.
 * Thread   [poller]
 * Returns  0; 1 if the queue stands above the high mark: reading from c pauses, and on_drained
 *          runs at the low mark; -ENOBUFS if the queue would pass its cap: on_drained runs at the
 *          low mark; -EMSGSIZE if len alone passes the cap; -ENOMEM without memory (nothing of it
 *          queued, c stays open); -EPIPE once c is closing or its output is shut down.
 * Calls    no handler before returning.
 * Source   send(2).
 */
static inline int
goevd_conn_write(struct goevd_conn *c, const void *data, size_t len)
{
    return goevd_host->conn_write(c, data, len);
}

/* Write bytes that are worth a system call of their own: where nothing is queued, the socket is
 * offered them at once, and only what it does not take is copied. For a relay, which writes what it
 * has read from another connection, this spares the copy.
 *
 * Thread   [poller]
 * Returns  0: the socket has taken all; 1: some are queued, and it is as if that were above the
 *          high mark; otherwise as goevd_conn_write(), and nothing of it is queued, or -EPIPE.
 * Calls    no handler before returning.
 * Source   send(2).
 */
static inline int
goevd_conn_write_now(struct goevd_conn *c, const void *data, size_t len)
{
    return goevd_host->conn_write_now(c, data, len);
}

/* Queue a frame for c, with the prefix or the delimiter of its handler's framing: all of it, or
 * nothing.
 *
 * data     copied; the caller keeps it.
 * Thread   [poller]
 * Returns  as goevd_conn_write() does; -EMSGSIZE also if the prefix cannot say len; -EINVAL if the
 *          other side would read another frame than this: the delimiter is in it, or, of lines
 *          that end with LF alone, a CR is its last byte; -ENOTSUP if its handler has no framing.
 *          frame_max is a limit for the peer, not for this.
 */
static inline int
goevd_conn_write_frame(struct goevd_conn *c, const void *data, size_t len)
{
    return goevd_host->conn_write_frame(c, data, len);
}

/* Room for len bytes at the end of c's output, to be written in place. Nothing is sent until
 * goevd_conn_commit(), which must come before any other write or the end of the callback.
 *
 * len      bytes, 1 to 65536.
 * Thread   [poller]
 * Returns  where to write; NULL where goevd_conn_write() of len bytes would have failed: for the
 *          cap, so that on_drained follows, if goevd_conn_queued() is not 0.
 */
static inline void *
goevd_conn_reserve(struct goevd_conn *c, size_t len)
{
    return goevd_host->conn_reserve(c, len);
}

/* Queue the first len bytes of what was reserved, 0 to what was reserved.
 * Thread   [poller]
 * Returns  0; 1 as goevd_conn_write() does.
 */
static inline int
goevd_conn_commit(struct goevd_conn *c, size_t len)
{
    return goevd_host->conn_commit(c, len);
}

/* Queue memory without a copy.
 *
 * data     stays valid and unchanged until release runs.
 * release  on the poller of c, once, when the socket has taken every byte (result 0) or the
 *          connection has closed first (-EPIPE); possibly before this returns. If the call fails
 *          it does not run. NULL: the memory is static.
 * Thread   [poller]
 * Returns  as goevd_conn_write() does.
 */
static inline int
goevd_conn_write_shared(struct goevd_conn *c, const void *data, size_t len,
                        goevd_release_fn release, void *arg)
{
    return goevd_host->conn_write_shared(c, data, len, release, arg);
}

/* Queue a part of a file; its bytes do not count against the marks and the cap, but 256 for the
 * part itself do, as for goevd_conn_write_shared(). What is not in memory is read on the work pool.
 *
 * fd       a regular file, open until release runs; its own position is not used.
 * release  as for goevd_conn_write_shared(); -EIO if the file has ended early or cannot be read,
 *          which closes c.
 * Thread   [poller]
 * Returns  as goevd_conn_write() does.
 * Source   sendfile(2).
 */
static inline int
goevd_conn_write_file(struct goevd_conn *c, int fd, off_t offset, size_t len,
                      goevd_release_fn release, void *arg)
{
    return goevd_host->conn_write_file(c, fd, offset, len, release, arg);
}

/* Bytes of memory queued for c and not yet taken by the socket.
 * Thread   [poller]
 */
static inline size_t
goevd_conn_queued(struct goevd_conn *c)
{
    return goevd_host->conn_queued(c);
}

/* End the output of c after what is queued; reading goes on.
 * Thread   [poller]
 * Returns  0; -EPIPE if that has been done or c is closing.
 * Source   shutdown(2), SHUT_WR.
 */
static inline int
goevd_conn_shutdown(struct goevd_conn *c)
{
    return goevd_host->conn_shutdown(c);
}

/* Close c. That only marks it: no more callbacks but on_close, which runs later, never inside
 * this call. Closing twice is harmless; GOEVD_CLOSE_NOW hastens an earlier close.
 *
 * flags    enum goevd_close_flags.
 * Thread   [poller]
 */
static inline void
goevd_conn_close(struct goevd_conn *c, unsigned flags)
{
    goevd_host->conn_close(c, flags);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Do not call on_read before len bytes are there; a hint that holds until on_read runs next. More
 * than the tail may hold counts as that. Does nothing for a handler with a framing.
 * Thread   [poller]
 */
static inline void
goevd_conn_need(struct goevd_conn *c, size_t len)
{
    goevd_host->conn_need(c, len);
}

/* Stop reading from c. Its peer feels it when the kernel's buffers are full. Pauses do not nest.
 * Thread   [poller]
 */
static inline void
goevd_conn_pause(struct goevd_conn *c)
{
    goevd_host->conn_pause(c);
}

/* Read from c again. Bytes left unconsumed come again soon, from the loop, not from this call.
 * Thread   [poller]
 */
static inline void
goevd_conn_resume(struct goevd_conn *c)
{
    goevd_host->conn_resume(c);
}

/* ---- About a connection ---------------------------------------------------------------------- */

/* The id of a connection, unique in this process, for goevd_send().
 * Thread   [poller]
 */
static inline uint64_t
goevd_conn_id(struct goevd_conn *c)
{
    return goevd_host->conn_id(c);
}

/* The instance whose handler serves c.
 * Thread   [poller]
 */
static inline void *
goevd_conn_instance(struct goevd_conn *c)
{
    return goevd_host->conn_instance(c);
}

/* What poller_start of that instance left in *ret_local on this poller.
 * Thread   [poller]
 */
static inline void *
goevd_conn_local(struct goevd_conn *c)
{
    return goevd_host->conn_local(c);
}

/* The poller that owns c.
 * Thread   [poller]
 */
static inline struct goevd_poller *
goevd_conn_poller(struct goevd_conn *c)
{
    return goevd_host->conn_poller(c);
}

/* The name of the listener that c came by; NULL: c was opened from here.
 * Thread   [poller]
 * Returns  text that lives as long as the process.
 */
static inline const char *
goevd_conn_listener(struct goevd_conn *c)
{
    return goevd_host->conn_listener(c);
}

/* The address of the other side, as it was when the connection was accepted; where a proxy has told
 * whom it speaks for (proxy_protocol of the listener), that client's.
 * Thread   [poller]
 * Returns  its length, and the address in *ret_address; of a unix one only the family.
 * Source   accept4(2), haproxy's proxy-protocol.txt.
 */
static inline socklen_t
goevd_conn_peer_address(struct goevd_conn *c, struct sockaddr_storage *ret_address)
{
    return goevd_host->conn_peer_address(c, ret_address);
}

/* The address of this side; where a proxy has told it, the one that the client connected to.
 * Thread   [poller]
 * Returns  its length, and the address in *ret_address; 0 if the kernel does not tell.
 * Source   getsockname(2), haproxy's proxy-protocol.txt.
 */
static inline socklen_t
goevd_conn_local_address(struct goevd_conn *c, struct sockaddr_storage *ret_address)
{
    return goevd_host->conn_local_address(c, ret_address);
}

/* The address of whoever the socket is connected to: of the proxy where goevd_conn_peer_address()
 * tells the client's. A system call.
 * Thread   [poller]
 * Returns  its length, and the address in *ret_address; 0 once the connection is reset.
 * Source   getpeername(2).
 */
static inline socklen_t
goevd_conn_proxy_address(struct goevd_conn *c, struct sockaddr_storage *ret_address)
{
    return goevd_host->conn_proxy_address(c, ret_address);
}

/* What tells a server behind this one whom it serves: a header of the PROXY protocol with the
 * peer's and the local address of c, to be the first bytes on a connection to that server. IPv4
 * addresses that came as IPv6 ones are told as IPv4. Where they are of two families, unix and
 * another, the header says that nothing is known.
 *
 * version  1, a line of text, or 2, bytes; of unix addresses only 2 tells.
 * ret_buf  size bytes, at least GOEVD_PROXY_HEADER_MAX.
 * Thread   [poller]
 * Returns  its length; -EINVAL for another version; -ENOBUFS if size is less.
 * Source   haproxy's proxy-protocol.txt.
 */
#define GOEVD_PROXY_HEADER_MAX 232 /* bytes */
static inline int
goevd_proxy_header(struct goevd_conn *c, unsigned version, void *ret_buf, size_t size)
{
    return goevd_host->proxy_header(c, version, ret_buf, size);
}

/* Bytes read from the socket so far.
 * Thread   [poller]
 */
static inline uint64_t
goevd_conn_bytes_in(struct goevd_conn *c)
{
    return goevd_host->conn_bytes_in(c);
}

/* Bytes that the socket has taken so far.
 * Thread   [poller]
 */
static inline uint64_t
goevd_conn_bytes_out(struct goevd_conn *c)
{
    return goevd_host->conn_bytes_out(c);
}

/* Set an option of the connection's socket.
 * Thread   [poller]
 * Returns  0; a negative errno.
 * Source   setsockopt(2).
 */
static inline int
goevd_conn_setsockopt(struct goevd_conn *c, int level, int name, const void *value, socklen_t len)
{
    return goevd_host->conn_setsockopt(c, level, name, value, len);
}

/* Give c to another handler when the present callback has returned: on_close(UPGRADED) of the old
 * one, on_open of the new one, then the bytes that the old one has not consumed. What is queued
 * stays queued. Timers and deadline of the old handler are cancelled.
 *
 * to       a plugin that an option of this instance names, with a GOEVD_STREAM interface.
 * state    what the connection's state there begins with; it stays valid until the old handler's
 *          on_close runs, which also tells whether it was taken: only with GOEVD_REASON_UPGRADED.
 * len      bytes of it, at most that handler's conn_size; the rest is zeroed.
 * Thread   [poller], from a callback of c.
 * Returns  0; -ENOTSUP without that interface; -EINVAL for more state than that; -ENOMEM; -EPIPE
 *          once c is closing.
 */
static inline int
goevd_conn_upgrade(struct goevd_conn *c, struct goevd_plugin *to, const void *state, size_t len)
{
    return goevd_host->conn_upgrade(c, to, state, len);
}

/* ---- Time ------------------------------------------------------------------------------------ */

/* The time now, ns of CLOCK_MONOTONIC.
 * Thread   [any]
 * Source   clock_gettime(2).
 */
static inline uint64_t
goevd_now(void)
{
    return goevd_host->now();
}

/* The time at which the poller's present round of work began, ns of CLOCK_MONOTONIC; cheaper than
 * goevd_now(), and behind it by as long as the round lasts and one tick of the kernel, 1 to 10 ms.
 * Thread   [poller]
 * Source   CLOCK_MONOTONIC_COARSE, clock_gettime(2).
 */
static inline uint64_t
goevd_poller_now(struct goevd_poller *poller)
{
    return goevd_host->poller_now(poller);
}

/* Let on_timeout(GOEVD_DEADLINE) run delay_ns from now, unless this is called again before;
 * 0 lifts it. One for each connection, checked lazily, so that setting it for every request costs
 * a store. It is due up to 10 ms late.
 * Thread   [poller]
 */
static inline void
goevd_conn_deadline(struct goevd_conn *c, uint64_t delay_ns)
{
    goevd_host->conn_deadline(c, delay_ns);
}

/* Let on_timeout(cookie) run delay_ns from now, and from then on every period_ns (0: once). A
 * timer of c with the same cookie is moved. Any number; the close of c cancels them.
 *
 * cookie   any but GOEVD_DEADLINE.
 * Thread   [poller]
 * Returns  0; -ENOMEM; -EPIPE once c is closing.
 */
static inline int
goevd_conn_timer_arm(struct goevd_conn *c, uint64_t cookie, uint64_t delay_ns, uint64_t period_ns)
{
    return goevd_host->conn_timer_arm(c, cookie, delay_ns, period_ns);
}

/* Disarm that timer; nothing if c has none with that cookie.
 * Thread   [poller]
 */
static inline void
goevd_conn_timer_cancel(struct goevd_conn *c, uint64_t cookie)
{
    goevd_host->conn_timer_cancel(c, cookie);
}

/* Make a timer on a poller. `fn` runs on that poller; it may re-arm, cancel or free the timer.
 * Thread   [poller]
 * Returns  the timer, which the caller frees before poller_stop returns; NULL without memory.
 */
static inline struct goevd_timer *
goevd_timer_new(struct goevd_poller *poller, goevd_timer_fn fn, void *arg)
{
    return goevd_host->timer_new(poller, fn, arg);
}

/* Let it be due delay_ns from now, and from then on every period_ns (0: once). An armed timer is
 * moved.
 * Thread   [poller]
 * Returns  0; -ENOMEM.
 */
static inline int
goevd_timer_arm(struct goevd_timer *timer, uint64_t delay_ns, uint64_t period_ns)
{
    return goevd_host->timer_arm(timer, delay_ns, period_ns);
}

/* Disarm it; it is not due any more, not even in this round. Nothing if not armed.
 * Thread   [poller]
 */
static inline void
goevd_timer_cancel(struct goevd_timer *timer)
{
    goevd_host->timer_cancel(timer);
}

/* Cancel and free it; NULL does nothing.
 * Thread   [poller]
 */
static inline void
goevd_timer_free(struct goevd_timer *timer)
{
    goevd_host->timer_free(timer);
}

/* ---- From other threads ---------------------------------------------------------------------- */

/* Send bytes to a connection of any poller, by its id. Sends of one thread to one connection keep
 * their order.
 *
 * data     copied; the caller keeps it.
 * cookie   comes back in on_sent of this instance's stream handler, exactly once if 0 is returned.
 * Thread   [any]
 * Returns  0; -EAGAIN if the mailbox of that poller is full; -ECANCELED if that poller has ended,
 *          because goevd stops; -ENOMEM; -EINVAL if conn_id was never the id of a connection.
 */
static inline int
goevd_send(struct goevd_self *self, uint64_t conn_id, const void *data, size_t len, uint64_t cookie)
{
    return goevd_host->send(self, conn_id, data, len, cookie);
}

/* Send a frame to a connection of any poller, by its id: goevd_send(), with the framing of whatever
 * handler it then has.
 * Thread   [any]
 * Returns  as goevd_send() does. on_sent also gets -EMSGSIZE, -EINVAL and -ENOTSUP, as above.
 */
static inline int
goevd_send_frame(struct goevd_self *self, uint64_t conn_id, const void *data, size_t len,
                 uint64_t cookie)
{
    return goevd_host->send_frame(self, conn_id, data, len, cookie);
}

/* Close a connection of any poller, by its id, after the sends of this thread before it. Nothing
 * happens if it is gone.
 *
 * flags    enum goevd_close_flags.
 * Thread   [any]
 * Returns  0; -EAGAIN, -ECANCELED, -ENOMEM, -EINVAL as goevd_send().
 */
static inline int
goevd_close(uint64_t conn_id, unsigned flags)
{
    return goevd_host->close(conn_id, flags);
}

/* Run a function on a poller, outside any callback, after what this thread has sent there before.
 *
 * fn       gets what goevd_poller_local() tells, NULL if that poller has stopped meanwhile: then
 *          it runs all the same, in its place, and can only give back what arg owns.
 * Thread   [any]
 * Returns  0: fn runs once, unless create fails; -EINVAL without such a poller; -EAGAIN if its
 *          mailbox is full; -ECANCELED if it has ended; -ENOMEM.
 */
static inline int
goevd_call(struct goevd_self *self, unsigned poller, goevd_call_fn fn, void *arg)
{
    return goevd_host->call(self, poller, fn, arg);
}

/* Run a function once on every poller, as goevd_call() does, and then `done`, once, where it ran
 * last. `done` may be NULL.
 * Thread   [any]
 * Returns  0; -ENOMEM, and it runs nowhere.
 */
static inline int
goevd_call_all(struct goevd_self *self, goevd_call_fn fn, goevd_called_fn done, void *arg)
{
    return goevd_host->call_all(self, fn, done, arg);
}

/* Run a function on the poller of a connection, by its id, as a callback of that connection: after
 * what this thread has sent there before.
 *
 * fn       gets the connection and its state; both are NULL if it has closed, or this instance's
 *          handler does not have it.
 * Thread   [any]
 * Returns  as goevd_call() does; -EINVAL if conn_id was never the id of a connection.
 */
static inline int
goevd_conn_call(struct goevd_self *self, uint64_t conn_id, goevd_conn_call_fn fn, void *arg)
{
    return goevd_host->conn_call(self, conn_id, fn, arg);
}

/* Let a key stand for a value on every poller. Each sees the change in its own thread, between two
 * callbacks; all see the changes of a key in one order. What create sets is there in poller_start.
 *
 * key      this instance's own: another's with the same number is another.
 * data     copied, once for all pollers; NULL: the key stands for nothing.
 * Thread   [any]
 * Returns  0; -ENOMEM, and nothing has changed. A poller without memory for a new key goes on
 *          without it.
 */
static inline int
goevd_cache_set(struct goevd_self *self, uint32_t key, const void *data, size_t len)
{
    return goevd_host->cache_set(self, key, data, len);
}

/* What a key stands for on this poller, or NULL. A hash table of the poller's own: no lock.
 *
 * ret_len  may be NULL; set to the length of what is returned.
 * Thread   [poller]
 * Returns  memory aligned to 16 that is valid until the callback returns.
 */
static inline const void *
goevd_cache_get(struct goevd_self *self, struct goevd_poller *poller, uint32_t key, size_t *ret_len)
{
    return goevd_host->cache_get(self, poller, key, ret_len);
}

/* Run a job on a thread of the work pool, where it may block, and then `done` on this poller.
 *
 * conn_id  of a connection of this poller that the job is for; 0: for none.
 * flags    GOEVD_SUBMIT_ORDERED: among the ordered jobs for this connection.
 * job      knows nothing of the connection but what arg says; it may call what is marked [any].
 * done     always runs, once, as a callback of that connection: with what job returned, or
 *          -ECANCELED if goevd stopped before it began. c is NULL if the connection has closed or
 *          been upgraded, or conn_id was 0. While goevd stops it may run after poller_stop, with
 *          c NULL, and can only give back what arg owns.
 * Thread   [poller]
 * Returns  0; -EAGAIN if as many jobs wait as `workers.queue` allows; -ECANCELED if goevd stops;
 *          -EINVAL if conn_id is another poller's; -ENOMEM.
 */
static inline int
goevd_submit(struct goevd_self *self, struct goevd_poller *poller, uint64_t conn_id, unsigned flags,
             goevd_job_fn job, goevd_done_fn done, void *arg)
{
    return goevd_host->submit(self, poller, conn_id, flags, job, done, arg);
}

/* ---- Pollers --------------------------------------------------------------------------------- */

/* The number of a poller among all pollers of the process, from 0 to 255.
 * Thread   [any]
 */
static inline unsigned
goevd_poller_index(struct goevd_poller *poller)
{
    return goevd_host->poller_index(poller);
}

/* How many pollers the process has; their indices are those below.
 * Thread   [any]
 */
static inline unsigned
goevd_poller_count(void)
{
    return goevd_host->poller_count();
}

/* What poller_start left in *ret_local on this poller; NULL before and after.
 * Thread   [poller]
 */
static inline void *
goevd_poller_local(struct goevd_self *self, struct goevd_poller *poller)
{
    return goevd_host->poller_local(self, poller);
}

/* Let a poller watch a file descriptor that is not one of goevd's connections: a pipe, an eventfd,
 * the socket of a library. Nothing is told before goevd_watch_set().
 *
 * fd       stays the caller's, who frees the watch before closing it.
 * fn       runs on that poller; it may set or free the watch, and is never called after that.
 * Thread   [poller]
 * Returns  the watch, which the caller frees before poller_stop returns; NULL without memory.
 */
static inline struct goevd_watch *
goevd_watch_new(struct goevd_poller *poller, int fd, goevd_watch_fn fn, void *arg)
{
    return goevd_host->watch_new(poller, fd, fn, arg);
}

/* Say what is waited for: it is told again and again while it holds.
 *
 * events   GOEVD_WATCH_READ, GOEVD_WATCH_WRITE; 0: nothing is told, not even a hang-up.
 * Thread   [poller]
 * Returns  0; -EPERM if fd cannot be watched, as a regular file; -EEXIST if another watch of this
 *          poller has it; -EBADF, -ENOMEM, -ENOSPC; -EINVAL for other events.
 * Source   epoll_ctl(2), level-triggered.
 */
static inline int
goevd_watch_set(struct goevd_watch *watch, unsigned events)
{
    return goevd_host->watch_set(watch, events);
}

/* Watch no longer; NULL does nothing. The file descriptor stays open.
 * Thread   [poller]
 */
static inline void
goevd_watch_free(struct goevd_watch *watch)
{
    goevd_host->watch_free(watch);
}

/* ---- Connecting ------------------------------------------------------------------------------ */

/* Connect to somebody. Exactly one of two things follows, later, never before this returns: the
 * handler's on_open, on the poller that serves, with its state begun as `request` says; or its
 * on_connect_fail. A name is looked up on the work pool, and its addresses, at most 16, are tried
 * in turn. Limits and socket options are those of `connectors` in the configuration.
 *
 * ret_id   names the attempt for goevd_connect_cancel(); may be NULL. It is not the connection's.
 * Thread   [poller]
 * Returns  0; -EINVAL for a wrong address, reactor, stream, too much state or too many options;
 *          -EAGAIN if as many jobs wait as `workers.queue` allows; -ECANCELED if goevd closes its
 *          last connections; -ENOMEM. Then nothing follows.
 * Source   connect(2), getaddrinfo(3).
 */
static inline int
goevd_connect(struct goevd_self *self, struct goevd_poller *poller,
              const struct goevd_connect_request *request, uint64_t *ret_id)
{
    return goevd_host->connect(self, poller, request, ret_id);
}

/* Give an attempt up: on_connect_fail(-ECANCELED) follows soon. Nothing happens if its end has been
 * decided, so that on_open may still come on another poller.
 * Thread   [poller], the one that asked.
 */
static inline void
goevd_connect_cancel(struct goevd_poller *poller, uint64_t id)
{
    goevd_host->connect_cancel(poller, id);
}

/* Make a pool of connections to one address. Its first connections are made when the pollers start.
 * It lives until destroy has returned.
 *
 * Thread   [main], from create.
 * Returns  0; -EINVAL for a wrong address, or for numbers outside of what the struct says; -ENOMEM.
 */
static inline int
goevd_pool_new(struct goevd_self *self, const struct goevd_pool_config *config,
               struct goevd_pool **ret_pool)
{
    return goevd_host->pool_new(self, config, ret_pool);
}

/* Ask for a connection of the pool. As for goevd_connect(), exactly one of two things follows,
 * later: the handler's on_open on this poller, with a state that begins as the request says; or its
 * on_connect_fail, with -ETIMEDOUT, -EAGAIN when waiting_max wait already, -ECANCELED when goevd
 * stops, or the error of connecting. Who has waited longest comes first, whatever poller he is on;
 * an attempt to connect that fails is told to one who waits.
 *
 * The connection has been used by others before: what they have left on it, such as a database that
 * they have chosen, is there. A handler that does not know in what state its connection is closes
 * it instead of giving it back.
 *
 * Thread   [poller]
 * Returns  0; -EINVAL for a wrong stream or too much state; -ENOMEM. Then nothing follows.
 */
static inline int
goevd_pool_acquire(struct goevd_pool *pool, struct goevd_poller *poller,
                   const struct goevd_acquire_request *request)
{
    return goevd_host->pool_acquire(pool, poller, request);
}

/* Give a connection back to its pool: on_close(GOEVD_REASON_RELEASED) follows as after
 * goevd_conn_close(), and somebody else may get it. If bytes have come that were not consumed, it
 * is closed instead. One that ends in any other way leaves the pool, which makes another.
 *
 * Thread   [poller]
 * Returns  0; -EINVAL if c is of no pool; -EBUSY while output is queued; -EPIPE once c is closing.
 */
static inline int
goevd_pool_release(struct goevd_conn *c)
{
    return goevd_host->pool_release(c);
}

/* What the pool holds.
 *
 * ret      with its version set: GOEVD_VERSION_OF(struct goevd_pool_state).
 * Thread   [any]
 */
static inline void
goevd_pool_figures(struct goevd_pool *pool, struct goevd_pool_state *ret)
{
    goevd_host->pool_figures(pool, ret);
}

/* Is this an address that goevd_connect() takes? For options, so that create can refuse them.
 *
 * ret_reason  what is wrong, a sentence of at most size - 1 bytes; size may be 0.
 * Thread      [any]; it does not look names up.
 * Returns     0; -EINVAL.
 */
static inline int
goevd_address_check(const char *text, char *ret_reason, size_t size)
{
    return goevd_host->address_check(text, ret_reason, size);
}

/* The number of the reactor of that name in the configuration.
 * Thread   [any]
 * Returns  1 or more; -ENOENT.
 */
static inline int
goevd_reactor_find(struct goevd_self *self, const char *name)
{
    return goevd_host->reactor_find(self, name);
}

/* ---- Figures --------------------------------------------------------------------------------- */

/* Add a figure to those that `goevd ctl stats` prints. It is called PLUGIN.NAME there; of a plugin
 * with several instances PLUGIN[0].NAME, PLUGIN[1].NAME, and so on, in their order of creation.
 *
 * name     1 to 64 of a-z, 0-9, _ and the dot; no other of this instance has it.
 * unit     what is counted, in the plural as a rule: 1 to 64 bytes of printable ASCII without quote
 *          and backslash. help, a line that explains it, likewise: 1 to 256 bytes. All are copied.
 * Thread   [main], from create.
 * Returns  its number, above 0, for the functions below; -EINVAL for a wrong text or type; -EEXIST;
 *          -ENOSPC after 256 of this instance; -ENOMEM.
 */
static inline int
goevd_figure_new(struct goevd_self *self, const char *name, const char *unit, const char *help,
                 enum goevd_figure_type type)
{
    return goevd_host->figure_new(self, name, unit, help, type);
}

/* Add to a counter or a gauge. Each poller has a share of its own, in its own cache lines, and what
 * is printed is their sum: a gauge may be raised on one poller and lowered on another. It costs an
 * addition.
 *
 * number   of goevd_figure_new().
 * delta    negative for gauges only.
 * Thread   [poller]
 */
static inline void
goevd_figure_add(struct goevd_self *self, struct goevd_poller *poller, int number, int64_t delta)
{
    goevd_host->figure_add(self, poller, number, delta);
}

/* Set this poller's share of a gauge.
 * Thread   [poller]
 */
static inline void
goevd_figure_set(struct goevd_self *self, struct goevd_poller *poller, int number, int64_t value)
{
    goevd_host->figure_set(self, poller, number, value);
}

/* Count one more value in a histogram: how long something took, how large it was. Of each value is
 * kept how many bits it has, and it is added to the sum.
 * Thread   [poller]
 */
static inline void
goevd_figure_observe(struct goevd_self *self, struct goevd_poller *poller, int number,
                     uint64_t value)
{
    goevd_host->figure_observe(self, poller, number, value);
}

/* ---- Logs ------------------------------------------------------------------------------------ */

/* Write a line to goevd's log, with the plugin's name before it or, where the log has keys, beside
 * it. Whatever is in it, it is one line. It never waits.
 *
 * format   also tells lines of one kind: of NOTICE and above, too many of a kind within a time are
 *          held back (log.repeats in goevd.yaml(5)), and their number is logged instead.
 * Thread   [any]
 */
GOEVD_PRINTF(3, 4)
static inline void
goevd_log(struct goevd_self *self, enum goevd_log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    goevd_host->log(self, level, format, args);
    va_end(args);
}

/* The same about a connection: with its listener, the client's address and its id.
 *
 * Thread   [poller] the one that owns c.
 */
GOEVD_PRINTF(3, 4)
static inline void
goevd_conn_log(struct goevd_conn *c, enum goevd_log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    goevd_host->conn_log(c, level, format, args);
    va_end(args);
}

/* Open, or make, a file that lines are added to by every poller, such as a log of one's own. The
 * supervisor opens it, so that it may lie where only root writes; SIGUSR1 and `goevd ctl reopen` go
 * over to a new one. It lives until destroy has returned.
 *
 * Lines are gathered for each poller and written by the work pool: when 64 KiB wait, or 100 ms
 * after the first; and when goevd stops, the rest. A poller never waits for the file. While it
 * cannot be written, lines wait for their turn, until the buffer is full.
 *
 * name     of its figures, NAME.lines and NAME.dropped, as for goevd_figure_new().
 * option   the option that has named it, for goevd_refuse() and for the log.
 * path     absolute (GOEVD_OPTION_PATH).
 * buffer   bytes that may wait on each poller, GOEVD_LINES_BUFFER_MIN at least.
 * Thread   [main], from create.
 * Returns  0; -EINVAL after it has refused the option, for the file cannot be opened, buffer is too
 *          small or this process has GOEVD_LINES_MAX files; -ENOMEM; others as goevd_figure_new().
 * Source   open(2) with O_APPEND, write(2).
 */
#define GOEVD_LINES_MAX 16          /* files of a process */
#define GOEVD_LINES_BUFFER_MIN 8192 /* bytes */
#define GOEVD_LINE_MAX 4096         /* bytes of a line with its end */
static inline int
goevd_lines_new(struct goevd_self *self, const char *name, const char *option, const char *path,
                size_t buffer, struct goevd_lines **ret_lines)
{
    return goevd_host->lines_new(self, name, option, path, buffer, ret_lines);
}

/* Room for a line behind those of before. Nothing else of these lines may be called on this poller
 * until goevd_lines_commit().
 *
 * len      bytes, 1 to GOEVD_LINE_MAX.
 * Thread   [poller]
 * Returns  where to write it; NULL if the buffer is full, or there is no memory: the line counts as
 *          dropped.
 */
static inline char *
goevd_lines_reserve(struct goevd_lines *lines, struct goevd_poller *poller, size_t len)
{
    return goevd_host->lines_reserve(lines, poller, len);
}

/* Add what was written there, with its line break.
 *
 * len      bytes, at most what was reserved.
 * Thread   [poller]
 */
static inline void
goevd_lines_commit(struct goevd_lines *lines, struct goevd_poller *poller, size_t len)
{
    goevd_host->lines_commit(lines, poller, len);
}

/* Text as it stands within a string of JSON: quotes, backslashes and control characters escaped,
 * and what is no character of UTF-8 replaced by U+FFFD. Of a character that does not fit nothing is
 * written, nor of what follows.
 *
 * ret_text size bytes, without a NUL at the end.
 * Thread   [any]
 * Returns  its bytes.
 * Source   RFC 8259 section 7, RFC 3629.
 */
static inline size_t
goevd_json_escape(char *ret_text, size_t size, const char *chars, size_t len)
{
    return goevd_host->json_escape(ret_text, size, chars, len);
}

/* ---- Networks -------------------------------------------------------------------------------- */

/* Read a set of addresses: "10.0.0.0/8", "2001:db8::/32", "192.0.2.1" alone, or "unix" for all
 * peers on unix sockets. For options, so that create can refuse them.
 *
 * ret_reason  what is wrong, a sentence of at most size - 1 bytes; size may be 0.
 * Thread      [any]
 * Returns     0; -EINVAL.
 * Source      RFC 4632, RFC 4291.
 */
static inline int
goevd_network_parse(const char *text, struct goevd_network *ret_network, char *ret_reason,
                    size_t size)
{
    return goevd_host->network_parse(text, ret_network, ret_reason, size);
}

/* Does that address lie in one of these sets? IPv4 addresses that came as IPv6 ones are IPv4.
 * Thread   [any]
 */
static inline bool
goevd_network_any(const struct goevd_network *networks, size_t count,
                  const struct sockaddr *address)
{
    return goevd_host->network_any(networks, count, address);
}

/* ---- The worker ------------------------------------------------------------------------------ */

/* Ask that another worker take the place of this one, as a reload does it: from what is on disk
 * now, and without losing a connection. Soon, and once where it is asked several times; if the
 * reload fails, this worker goes on. Nothing with --single, or once goevd stops.
 *
 * why      a few words for the log, static.
 * Thread   [any]
 */
static inline void
goevd_worker_replace(struct goevd_self *self, const char *why)
{
    goevd_host->worker_replace(self, why);
}

/* ---- For plugins that host others ------------------------------------------------------------ */

/* Whether plugins are held to the rules of this header: goevd --strict. A plugin that hosts others
 * may then hand them functions that look first, by goevd_check_conn().
 *
 * Thread   [any]
 */
static inline bool
goevd_is_strict(void)
{
    return goevd_host->is_strict();
}

/* For a plugin that hosts others: what a function of its own with a connection owes. Where goevd is
 * strict, and this is not the poller of the connection, or the connection has closed, goevd says so
 * and ends; else nothing.
 *
 * function  its name, as goevd_http_reply; static.
 * caller    who has called it: __builtin_return_address(0).
 * Thread    [any]
 */
static inline void
goevd_check_conn(struct goevd_conn *c, const char *function, const void *caller)
{
    goevd_host->check_conn(c, function, caller);
}

/* ---- Layout, for 64-bit machines: what has shipped does not move ----------------------------- */

#if UINTPTR_MAX == UINT64_MAX
GOEVD_STATIC_ASSERT(sizeof(struct goevd_version) == 8, "goevd_version has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_option) == 80, "goevd_option has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_schema) == 24, "goevd_schema has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_stream) == 128, "goevd_stream has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_plugin_entry, create) == 48, "create has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_plugin_entry, interface) == 80, "interface has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_plugin_entry, on_options) == 96, "on_options has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_host, conn_write) == 168, "conn_write has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_host, close) == 296, "close has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_host, cache_get) == 368, "cache_get has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_host, connect) == 400, "connect has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_host, pool_figures) == 440, "pool_figures has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_pool_config) == 104, "goevd_pool_config has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_acquire_request) == 40, "goevd_acquire_request has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_pool_state) == 56, "goevd_pool_state has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_host, figure_observe) == 472, "figure_observe has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_host, conn_write_now) == 496, "write_now has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_host, send_frame) == 512, "send_frame has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_host, plugin_local) == 520, "plugin_local has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_host, options) == 528, "options has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_host, conn_log) == 536, "conn_log has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_host, lines_new) == 552, "lines_new has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_host, network_any) == 592, "network_any has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_network) == 20, "goevd_network has moved");
GOEVD_STATIC_ASSERT(offsetof(struct goevd_host, worker_replace) == 600, "replace has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_host) == 632, "goevd_host has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_framing) == 40, "goevd_framing has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_connect_request) == 80, "goevd_connect has moved");
#endif

#ifdef __cplusplus
}
#endif

#endif
