/* goevd/plugin.h - the contract between goevd and its plugins: the part that every plugin needs.
 *
 * SPDX-License-Identifier: MIT
 *
 * A plugin is a shared object that exports one symbol, `goevd_plugin_entry`. goevd makes an
 * instance of the plugin for each place in the configuration that names it, and calls the
 * instance's interfaces on poller threads. A connection belongs to one poller from its first
 * callback to its last. The state of a connection or of a poller therefore needs no lock.
 *
 * Threads. Each function names the threads that may call it:
 *   [main]    in create and destroy: one thread, while no poller runs; and in check_options: a
 *             thread that is not a poller's, while pollers run
 *   [poller]  the poller thread that owns the connection, timer or poller in the arguments
 *   [any]     every thread, from create until destroy returns
 *
 * Errors are negative errno values. Times are nanoseconds of CLOCK_MONOTONIC.
 *
 * Pointers. goevd checks each pointer that it gets back, in release builds too. If the object is
 * closed or freed, or is no such object, goevd logs the function and the plugin and aborts: another
 * worker takes over, and no memory of another owner is written.
 *
 * Versions. Tables only grow, at their end. A plugin that was built with an older minor version
 * keeps loading.
 *
 * This header includes goevd/version.h, goevd/options.h (how a plugin declares its options) and
 * goevd/stream.h (the callbacks of a plugin that serves connections).
 *
 * Optional headers, each with functions of one kind:
 *   goevd/conn.h       more about a connection: addresses, socket options, other ways to write
 *   goevd/framing.h    input in lines or in frames with a length
 *   goevd/threads.h    send to, close and call a connection or poller from any thread
 *   goevd/work.h       jobs that block, on the work pool
 *   goevd/cache.h      values that each poller has at hand
 *   goevd/poller.h     the number of a poller, and descriptors that it watches
 *   goevd/connect.h    outgoing connections, and reactors by name
 *   goevd/pool.h       connections to one address that are kept ready
 *   goevd/metrics.h    counters, gauges and histograms
 *   goevd/file.h       small files that a plugin reads while it starts
 *   goevd/tls.h        TLS of outgoing connections
 *   goevd/logfile.h    a log file of the plugin's own
 *   goevd/proxy.h      the PROXY protocol
 *   goevd/cidr.h       sets of addresses
 *   goevd/worker.h     a request for another worker
 *   goevd/hosting.h    for plugins that host other plugins
 *   goevd/http.h       requests, of the plugin http
 *   goevd/websocket.h  messages, of the plugin websocket
 */
#ifndef GOEVD_PLUGIN_H
#define GOEVD_PLUGIN_H

#include <goevd/options.h>
#include <goevd/stream.h>
#include <goevd/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct goevd_self;  /* one instance of a plugin, as goevd sees it */
struct goevd_timer; /* a timer of an instance on one poller */

/* ---- The entry ------------------------------------------------------------------------------- */

struct goevd_host;

/* The exported structure of a plugin, the data symbol `goevd_plugin_entry`. */
struct goevd_plugin_entry {
    struct goevd_version version;
    uint32_t host_minor;                /* the lowest ABI minor version that the plugin runs on */
    const struct goevd_host **host;     /* set by goevd before anything is called */
    const char *name;                   /* [a-z0-9_-]+, the name in the configuration */
    const char *description;            /* one line */
    const struct goevd_schema *options; /* NULL: the plugin takes none */

    /* Make an instance [main].
     *
     * options       the record of the schema, as configured; valid until destroy has returned. See
     *               goevd_options() for options that change.
     * ret_instance  set to the plugin's own pointer; NULL is allowed.
     * Returns       0; a negative errno, after goevd_refuse() gave the reason.
     */
    int (*create)(struct goevd_self *self, const void *options, void **ret_instance);

    /* Free an instance [main]; every on_close and poller_stop has run, and every call that was
     * accepted. [any] functions return -ECANCELED by now. NULL: nothing to free. */
    void (*destroy)(void *instance);

    /* A poller that will serve this instance starts [poller]. *ret_local is what
     * goevd_poller_local() returns there. NULL: not needed. Negative: goevd does not start. */
    int (*poller_start)(void *instance, struct goevd_poller *poller, void **ret_local);

    /* That poller stops [poller]; its connections are closed. */
    void (*poller_stop)(void *instance, struct goevd_poller *poller, void *local);

    /* The callbacks for an interface id such as GOEVD_STREAM, static; NULL: not offered [any]. */
    const void *(*interface)(const char *id);

    /* May these become the options while pollers run? [main] The schema takes them, and they differ
     * in the value of one GOEVD_OPTION_RUNTIME option.
     *
     * options  valid until return.
     * Returns  0; negative, after goevd_refuse() gave the reason: nothing changes. NULL: yes.
     */
    int (*check_options)(void *instance, const void *options);

    /* They are the options on this poller from now on [poller]: goevd_options() returns them. The
     * previous record is valid until return. NULL: nothing to do at once. */
    void (*on_options)(void *instance, struct goevd_poller *poller, void *local,
                       const void *options);

    /* Free what the threads of other plugins may use until their destroy has returned [main]; the
     * destroy of every instance has run. For plugins that host others. NULL: nothing to free. */
    void (*release)(void *instance);
};

/* Define the exported symbol and the host table of this plugin, once, at the end of one source
 * file: GOEVD_PLUGIN(.name = "echo", .create = …). In C++ write GOEVD_PLUGIN_HOST; and define a
 * `const struct goevd_plugin_entry goevd_plugin_entry` whose .host is &goevd_host. */
#define GOEVD_PLUGIN_HOST const struct goevd_host *goevd_host = NULL
#define GOEVD_PLUGIN(...)                                                                          \
    GOEVD_PLUGIN_HOST;                                                                             \
    const struct goevd_plugin_entry goevd_plugin_entry = {                                         \
        .version = GOEVD_VERSION_OF(struct goevd_plugin_entry), .host = &goevd_host, __VA_ARGS__}

extern GOEVD_EXPORT const struct goevd_plugin_entry goevd_plugin_entry;
extern GOEVD_HIDDEN const struct goevd_host *goevd_host;

/* ---- The host table -------------------------------------------------------------------------- */

/* The priorities of syslog(3) that goevd uses. */
enum goevd_log_level {
    GOEVD_LOG_ERROR = 3,
    GOEVD_LOG_WARNING = 4,
    GOEVD_LOG_NOTICE = 5,
    GOEVD_LOG_INFO = 6,
    GOEVD_LOG_DEBUG = 7
};

typedef void (*goevd_release_fn)(void *arg, int result);
typedef void (*goevd_timer_fn)(struct goevd_timer *timer, void *arg);

/* The functions of goevd. Call them through the wrappers below, which document them. */
struct goevd_host {
    struct goevd_version version;

    void (*log)(struct goevd_self *self, enum goevd_log_level level, const char *format,
                va_list args) GOEVD_PRINTF(3, 0);
    void (*conn_log)(struct goevd_conn *c, enum goevd_log_level level, const char *format,
                     va_list args) GOEVD_PRINTF(3, 0);
    int (*refuse)(struct goevd_self *self, const char *path, const char *format, va_list args)
        GOEVD_PRINTF(3, 0);
    bool (*checking)(struct goevd_self *self);
    const void *(*options)(struct goevd_self *self, struct goevd_poller *poller);
    void *(*poller_local)(struct goevd_self *self, struct goevd_poller *poller);
    uint64_t (*conn_id)(struct goevd_conn *c);
    void *(*conn_instance)(struct goevd_conn *c);
    void *(*conn_local)(struct goevd_conn *c);
    struct goevd_poller *(*conn_poller)(struct goevd_conn *c);
    int (*conn_write)(struct goevd_conn *c, const void *data, size_t len);
    void *(*conn_reserve)(struct goevd_conn *c, size_t len);
    int (*conn_commit)(struct goevd_conn *c, size_t len);
    size_t (*conn_queued)(struct goevd_conn *c);
    int (*conn_shutdown)(struct goevd_conn *c);
    void (*conn_close)(struct goevd_conn *c, unsigned flags);
    void (*conn_pause)(struct goevd_conn *c);
    void (*conn_resume)(struct goevd_conn *c);
    uint64_t (*now)(void);
    uint64_t (*poller_now)(struct goevd_poller *poller);
    void (*conn_deadline)(struct goevd_conn *c, uint64_t delay_ns);
    int (*conn_timer_arm)(struct goevd_conn *c, uint64_t cookie, uint64_t delay_ns,
                          uint64_t period_ns);
    void (*conn_timer_cancel)(struct goevd_conn *c, uint64_t cookie);
    struct goevd_timer *(*timer_new)(struct goevd_poller *poller, goevd_timer_fn fn, void *arg);
    int (*timer_arm)(struct goevd_timer *timer, uint64_t delay_ns, uint64_t period_ns);
    void (*timer_cancel)(struct goevd_timer *timer);
    void (*timer_free)(struct goevd_timer *timer);

    /* The tables of the optional headers, which declare them. */
    const struct goevd_host_conn *conn;
    const struct goevd_host_framing *framing;
    const struct goevd_host_threads *threads;
    const struct goevd_host_work *work;
    const struct goevd_host_cache *cache;
    const struct goevd_host_poller *poller;
    const struct goevd_host_connect *connect;
    const struct goevd_host_pool *pool;
    const struct goevd_host_metrics *metrics;
    const struct goevd_host_logfile *logfile;
    const struct goevd_host_proxy *proxy;
    const struct goevd_host_cidr *cidr;
    const struct goevd_host_worker *worker;
    const struct goevd_host_hosting *hosting;
    const struct goevd_host_file *file;
    const struct goevd_host_tls *tls;         /* goevd/tls.h */
};

/* ---- Instances ------------------------------------------------------------------------------- */

/* Write a line to goevd's log, with the name of the plugin. It never blocks.
 *
 * format   printf(3). Line breaks in the text are escaped: it stays one line. Of lines with the
 *          same format at NOTICE and above, goevd suppresses those that come too fast and logs
 *          their number (log.repeats in goevd.yaml(5)).
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

/* Write a line about a connection: as goevd_log(), with its listener, its client and its id.
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

/* Give the reason why create or check_options refuses the options. goevd prints it with the
 * position of the option in the configuration file.
 *
 * path     from the instance's options down, as in "routes[2].path"; "" for the options as a
 *          whole.
 * Thread   [main] in create and check_options.
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

/* Whether this is a check of the configuration, `goevd -t`, and not a start. create runs in both,
 * so that a check finds the faults that a start would find; destroy follows, and no poller ever
 * runs. In a check create validates, and reads the files that it needs. It starts no thread, opens
 * no connection and writes nothing. Functions that need running pollers return -ECANCELED.
 *
 * Thread   [any]
 * Returns  true or false.
 */
static inline bool
goevd_checking(struct goevd_self *self)
{
    return goevd_host->checking(self);
}

/* The present options of an instance. Each poller sees a change in its own thread, between two
 * callbacks.
 *
 * Thread   [poller]
 * Returns  the record of the schema, NULL without a schema; owned by goevd, valid until the next
 *          on_options on this poller has returned.
 */
static inline const void *
goevd_options(struct goevd_self *self, struct goevd_poller *poller)
{
    return goevd_host->options(self, poller);
}

/* The storage of an instance on a poller.
 *
 * Thread   [poller]
 * Returns  the pointer that poller_start stored in *ret_local; NULL before poller_start and after
 *          poller_stop.
 */
static inline void *
goevd_poller_local(struct goevd_self *self, struct goevd_poller *poller)
{
    return goevd_host->poller_local(self, poller);
}

/* ---- A connection ---------------------------------------------------------------------------- */

/* The id of a connection, for the functions of goevd/threads.h.
 *
 * Thread   [poller]
 * Returns  a number that no other connection of this process has had; not 0.
 */
static inline uint64_t
goevd_conn_id(struct goevd_conn *c)
{
    return goevd_host->conn_id(c);
}

/* The instance whose handler serves a connection.
 *
 * Thread   [poller]
 * Returns  the pointer that create stored in *ret_instance.
 */
static inline void *
goevd_conn_instance(struct goevd_conn *c)
{
    return goevd_host->conn_instance(c);
}

/* The storage of that instance on the connection's poller: goevd_poller_local() in one step.
 *
 * Thread   [poller]
 * Returns  the pointer that poller_start stored in *ret_local; NULL without it.
 */
static inline void *
goevd_conn_local(struct goevd_conn *c)
{
    return goevd_host->conn_local(c);
}

/* The poller that owns a connection.
 *
 * Thread   [poller]
 * Returns  the poller, valid until its poller_stop has returned.
 */
static inline struct goevd_poller *
goevd_conn_poller(struct goevd_conn *c)
{
    return goevd_host->conn_poller(c);
}

/* Queue bytes for a connection, after every earlier write. goevd sends the output of one callback
 * written when the callback returns.
 *
 * data     len bytes; copied.
 * len      0 does nothing.
 * Thread   [poller]
 * Returns  0; 1 if the queue is above the high mark: reading from c pauses, and on_drained runs at
 *          the low mark; -ENOBUFS if the queue would exceed its cap: on_drained runs at the low
 *          mark; -EMSGSIZE if len alone exceeds the cap; -ENOMEM; -EPIPE once c is closing or its
 *          output has ended. After an error nothing of it is queued, and c stays open.
 * Calls    no handler before it returns.
 * Source   send(2).
 */
static inline int
goevd_conn_write(struct goevd_conn *c, const void *data, size_t len)
{
    return goevd_host->conn_write(c, data, len);
}

/* Room at the end of a connection's output, to write in place. goevd_conn_commit() must follow
 * before any other write to c and before the callback returns.
 *
 * len      bytes, 1 to 65536.
 * Thread   [poller]
 * Returns  where to write, len bytes; NULL if goevd_conn_write() of len bytes would fail. If that
 *          is for the cap, goevd_conn_queued() is not 0 and on_drained follows.
 * Calls    no handler before it returns.
 */
static inline void *
goevd_conn_reserve(struct goevd_conn *c, size_t len)
{
    return goevd_host->conn_reserve(c, len);
}

/* Queue the first bytes of the reserved room.
 *
 * len      bytes, 0 to the reserved length.
 * Thread   [poller]
 * Returns  0; 1 as goevd_conn_write() does.
 * Calls    no handler before it returns.
 */
static inline int
goevd_conn_commit(struct goevd_conn *c, size_t len)
{
    return goevd_host->conn_commit(c, len);
}

/* The memory in the output queue of a connection.
 *
 * Thread   [poller]
 * Returns  bytes that are queued and that the socket has not taken.
 */
static inline size_t
goevd_conn_queued(struct goevd_conn *c)
{
    return goevd_host->conn_queued(c);
}

/* End the output of a connection after the queued bytes. Reading goes on.
 *
 * Thread   [poller]
 * Returns  0; -EPIPE if the output has ended or c is closing.
 * Calls    no handler before it returns.
 * Source   shutdown(2), SHUT_WR.
 */
static inline int
goevd_conn_shutdown(struct goevd_conn *c)
{
    return goevd_host->conn_shutdown(c);
}

/* Close a connection. The call only marks it: no callback follows but on_close, which runs later. A
 * second call has no effect, except that GOEVD_CLOSE_NOW cuts an earlier flush short.
 *
 * flags    enum goevd_close_flags.
 * Thread   [poller]
 * Calls    no handler before it returns.
 */
static inline void
goevd_conn_close(struct goevd_conn *c, unsigned flags)
{
    goevd_host->conn_close(c, flags);
}

/* Stop reading from a connection. The peer notices once the kernel's buffers are full. Pauses do
 * not nest.
 *
 * Thread   [poller]
 */
static inline void
goevd_conn_pause(struct goevd_conn *c)
{
    goevd_host->conn_pause(c);
}

/* Read from a connection again.
 *
 * Thread   [poller]
 * Calls    no handler before it returns; unconsumed bytes come again soon, from the poller's loop.
 */
static inline void
goevd_conn_resume(struct goevd_conn *c)
{
    goevd_host->conn_resume(c);
}

/* ---- Time ------------------------------------------------------------------------------------ */

/* The time.
 *
 * Thread   [any]
 * Returns  nanoseconds of CLOCK_MONOTONIC.
 * Source   clock_gettime(2).
 */
static inline uint64_t
goevd_now(void)
{
    return goevd_host->now();
}

/* The time at which the present round of a poller began. It costs less than goevd_now(), and is
 * behind it by the length of the round and one tick of the kernel, 1 to 10 ms.
 *
 * Thread   [poller]
 * Returns  nanoseconds of CLOCK_MONOTONIC.
 * Source   CLOCK_MONOTONIC_COARSE, clock_gettime(2).
 */
static inline uint64_t
goevd_poller_now(struct goevd_poller *poller)
{
    return goevd_host->poller_now(poller);
}

/* Set the one deadline of a connection: on_timeout(GOEVD_DEADLINE) runs then. To set it for each
 * request costs one store.
 *
 * delay_ns from now; it is due up to 10 ms late. 0: no deadline.
 * Thread   [poller]
 */
static inline void
goevd_conn_deadline(struct goevd_conn *c, uint64_t delay_ns)
{
    goevd_host->conn_deadline(c, delay_ns);
}

/* Arm a timer of a connection: on_timeout(cookie) runs delay_ns from now. A timer of c with that
 * cookie is moved. A connection may have any number. Its close cancels them.
 *
 * cookie    any but GOEVD_DEADLINE.
 * period_ns interval of further calls; 0: once.
 * Thread    [poller]
 * Returns   0; -ENOMEM; -EPIPE once c is closing.
 */
static inline int
goevd_conn_timer_arm(struct goevd_conn *c, uint64_t cookie, uint64_t delay_ns, uint64_t period_ns)
{
    return goevd_host->conn_timer_arm(c, cookie, delay_ns, period_ns);
}

/* Cancel a timer of a connection. Without such a timer it does nothing.
 *
 * Thread   [poller]
 */
static inline void
goevd_conn_timer_cancel(struct goevd_conn *c, uint64_t cookie)
{
    goevd_host->conn_timer_cancel(c, cookie);
}

/* Make a timer on a poller. It is not armed.
 *
 * fn       runs on that poller; may arm, cancel or free the timer.
 * Thread   [poller]
 * Returns  the timer, which the caller frees before poller_stop returns; NULL without memory.
 */
static inline struct goevd_timer *
goevd_timer_new(struct goevd_poller *poller, goevd_timer_fn fn, void *arg)
{
    return goevd_host->timer_new(poller, fn, arg);
}

/* Arm a timer, or move one that is armed.
 *
 * delay_ns  from now.
 * period_ns interval of further calls; 0: once.
 * Thread    [poller]
 * Returns   0; -ENOMEM.
 */
static inline int
goevd_timer_arm(struct goevd_timer *timer, uint64_t delay_ns, uint64_t period_ns)
{
    return goevd_host->timer_arm(timer, delay_ns, period_ns);
}

/* Cancel a timer: fn does not run any more, not even in this round. It may be armed again.
 *
 * Thread   [poller]
 */
static inline void
goevd_timer_cancel(struct goevd_timer *timer)
{
    goevd_host->timer_cancel(timer);
}

/* Cancel and free a timer; NULL does nothing.
 *
 * Thread   [poller]
 */
static inline void
goevd_timer_free(struct goevd_timer *timer)
{
    goevd_host->timer_free(timer);
}

/* The layout on 64-bit machines. */
#if UINTPTR_MAX == UINT64_MAX
GOEVD_STATIC_ASSERT(sizeof(struct goevd_plugin_entry) == 112, "goevd_plugin_entry has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_host) == 352, "goevd_host has moved");
#endif

#ifdef __cplusplus
}
#endif

#endif
