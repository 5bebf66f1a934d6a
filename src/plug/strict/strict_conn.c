/* Functions of a connection. */
#include <string.h>
#include <sys/stat.h>

#include "net/conn/conn.h"
#include "plug/strict/strict.h"

#define RESERVE_MAX 65536

/* ---- Room that is reserved ------------------------------------------------------------------- */

/* The reserve of the present callback; another callback differs in kind or in the round. */
static _Thread_local struct {
    const struct conn *conn; /* NULL: none */
    size_t len;
    uint64_t round;
    const char *callback;
    uint64_t conn_id; /* whose callback it is */
} reserved;

static void
reserved_begin(const struct conn *c, size_t len)
{
    reserved.conn = c;
    reserved.len = len;
    reserved.round = metric_get(&poller_current->metrics->rounds);
    reserved.callback = atomic_load_explicit(&place_here->callback, memory_order_relaxed);
    reserved.conn_id = atomic_load_explicit(&place_here->conn_id, memory_order_relaxed);
}

static bool
reserved_holds(const struct conn *c)
{
    return reserved.conn == c && reserved.round == metric_get(&poller_current->metrics->rounds) &&
           reserved.callback == atomic_load_explicit(&place_here->callback, memory_order_relaxed) &&
           reserved.conn_id == atomic_load_explicit(&place_here->conn_id, memory_order_relaxed);
}

/* A write that begins now. */
static struct conn *
rule_write(struct caller *k, struct goevd_conn *public)
{
    struct conn *c = rule_conn(k, public);

    if (reserved_holds(c))
        rule_broken(k, RULE_FUNCTIONS,
                    "was called between goevd_conn_reserve() and goevd_conn_commit(), which must "
                    "come before any other write");
    return c;
}

static void *
strict_conn_reserve(struct goevd_conn *c, size_t len)
{
    struct caller *k = CALLER;
    const struct conn *conn = rule_write(k, c);
    void *room;

    if (len < 1 || len > RESERVE_MAX)
        rule_broken(k, RULE_FUNCTIONS, "was asked for %zu bytes; 1 to %d can be had", len,
                    RESERVE_MAX);
    room = host_tables.core.conn_reserve(c, len);
    if (room)
        reserved_begin(conn, len);
    return room;
}

static int
strict_conn_commit(struct goevd_conn *c, size_t len)
{
    struct caller *k = CALLER;
    const struct conn *conn = rule_conn(k, c);

    if (!reserved_holds(conn))
        rule_broken(k, RULE_FUNCTIONS,
                    "was called without goevd_conn_reserve() before it, in the same callback");
    if (len > reserved.len)
        rule_broken(k, RULE_FUNCTIONS, "was given %zu bytes where %zu are reserved", len,
                    reserved.len);
    reserved.conn = NULL;
    return host_tables.core.conn_commit(c, len);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static int
strict_conn_write(struct goevd_conn *c, const void *data, size_t len)
{
    rule_write(CALLER, c);
    return host_tables.core.conn_write(c, data, len);
}

static int
strict_conn_write_now(struct goevd_conn *c, const void *data, size_t len)
{
    rule_write(CALLER, c);
    return host_tables.conn.conn_write_now(c, data, len);
}

static int
strict_conn_splice(struct goevd_conn *from, struct goevd_conn *to, size_t *ret_moved)
{
    rule_write(CALLER, to);
    return host_tables.conn.conn_splice(from, to, ret_moved);
}

static int
strict_conn_write_frame(struct goevd_conn *c, const void *data, size_t len)
{
    rule_write(CALLER, c);
    return host_tables.framing.conn_write_frame(c, data, len);
}

static int
strict_conn_write_shared(struct goevd_conn *c, const void *data, size_t len,
                         goevd_release_fn release, void *arg)
{
    rule_write(CALLER, c);
    return host_tables.conn.conn_write_shared(c, data, len, release, arg);
}

static int
strict_conn_write_file(struct goevd_conn *c, int fd, off_t offset, size_t len,
                       goevd_release_fn release, void *arg)
{
    struct caller *k = CALLER;
    struct stat st;

    rule_write(k, c);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        rule_broken(k, RULE_FUNCTIONS, "was given the file descriptor %d, which is no file", fd);
    return host_tables.conn.conn_write_file(c, fd, offset, len, release, arg);
}

static size_t
strict_conn_queued(struct goevd_conn *c)
{
    rule_conn(CALLER, c);
    return host_tables.core.conn_queued(c);
}

static int
strict_conn_shutdown(struct goevd_conn *c)
{
    rule_conn(CALLER, c);
    return host_tables.core.conn_shutdown(c);
}

static void
strict_conn_close(struct goevd_conn *c, unsigned flags)
{
    struct caller *k = CALLER;

    rule_conn(k, c);
    rule_close_flags(k, flags);
    host_tables.core.conn_close(c, flags);
}

/* ---- Reading, and time ----------------------------------------------------------------------- */

static void
strict_conn_need(struct goevd_conn *c, size_t len)
{
    rule_conn(CALLER, c);
    host_tables.conn.conn_need(c, len);
}

static void
strict_conn_pause(struct goevd_conn *c)
{
    rule_conn(CALLER, c);
    host_tables.core.conn_pause(c);
}

static void
strict_conn_resume(struct goevd_conn *c)
{
    rule_conn(CALLER, c);
    host_tables.core.conn_resume(c);
}

static void
strict_conn_deadline(struct goevd_conn *c, uint64_t delay_ns)
{
    rule_conn(CALLER, c);
    host_tables.core.conn_deadline(c, delay_ns);
}

static void
rule_cookie(struct caller *k, uint64_t cookie)
{
    if (cookie == GOEVD_DEADLINE)
        rule_broken(k, "TIMERS",
                    "was given the cookie GOEVD_DEADLINE, which is that of "
                    "goevd_conn_deadline() alone");
}

static int
strict_conn_timer_arm(struct goevd_conn *c, uint64_t cookie, uint64_t delay_ns, uint64_t period_ns)
{
    struct caller *k = CALLER;

    rule_conn(k, c);
    rule_cookie(k, cookie);
    return host_tables.core.conn_timer_arm(c, cookie, delay_ns, period_ns);
}

static void
strict_conn_timer_cancel(struct goevd_conn *c, uint64_t cookie)
{
    struct caller *k = CALLER;

    rule_conn(k, c);
    rule_cookie(k, cookie);
    host_tables.core.conn_timer_cancel(c, cookie);
}

/* ---- Queries --------------------------------------------------------------------------------- */

static uint64_t
strict_conn_id(struct goevd_conn *c)
{
    rule_conn(CALLER, c);
    return host_tables.core.conn_id(c);
}

static void *
strict_conn_instance(struct goevd_conn *c)
{
    rule_conn(CALLER, c);
    return host_tables.core.conn_instance(c);
}

static void *
strict_conn_local(struct goevd_conn *c)
{
    rule_conn(CALLER, c);
    return host_tables.core.conn_local(c);
}

static struct goevd_poller *
strict_conn_poller(struct goevd_conn *c)
{
    rule_conn(CALLER, c);
    return host_tables.core.conn_poller(c);
}

static socklen_t
strict_conn_peer_address(struct goevd_conn *c, struct sockaddr_storage *ret_address)
{
    rule_conn(CALLER, c);
    return host_tables.conn.conn_peer_address(c, ret_address);
}

static socklen_t
strict_conn_local_address(struct goevd_conn *c, struct sockaddr_storage *ret_address)
{
    rule_conn(CALLER, c);
    return host_tables.conn.conn_local_address(c, ret_address);
}

static socklen_t
strict_conn_proxy_address(struct goevd_conn *c, struct sockaddr_storage *ret_address)
{
    rule_conn(CALLER, c);
    return host_tables.proxy.conn_proxy_address(c, ret_address);
}

static int
strict_conn_setsockopt(struct goevd_conn *c, int level, int name, const void *value, socklen_t len)
{
    rule_conn(CALLER, c);
    return host_tables.conn.conn_setsockopt(c, level, name, value, len);
}

static uint64_t
strict_conn_bytes_in(struct goevd_conn *c)
{
    rule_conn(CALLER, c);
    return host_tables.conn.conn_bytes_in(c);
}

static struct goevd_str
strict_conn_tls(struct goevd_conn *c, enum goevd_tls_fact fact)
{
    rule_conn(CALLER, c);
    return host_tables.conn.conn_tls(c, fact);
}

static uint64_t
strict_conn_bytes_out(struct goevd_conn *c)
{
    rule_conn(CALLER, c);
    return host_tables.conn.conn_bytes_out(c);
}

static const char *
strict_conn_listener(struct goevd_conn *c)
{
    rule_conn(CALLER, c);
    return host_tables.conn.conn_listener(c);
}

PRINTF(3, 0)
static void
strict_conn_log(struct goevd_conn *c, enum goevd_log_level level, const char *format, va_list args)
{
    rule_conn(CALLER, c);
    host_tables.core.conn_log(c, level, format, args);
}

static int
strict_proxy_header(struct goevd_conn *c, unsigned version, void *ret_buf, size_t size)
{
    rule_conn(CALLER, c);
    return host_tables.proxy.proxy_header(c, version, ret_buf, size);
}

/* ---- Whose it is ----------------------------------------------------------------------------- */

static int
strict_conn_upgrade(struct goevd_conn *public, struct goevd_plugin *to, const void *state,
                    size_t len)
{
    struct caller *k = CALLER;
    const struct conn *c = rule_conn(k, public);
    bool refused = c->flags & (CONN_CLOSING | CONN_UPGRADING);

    rule_plugin(k, to);
    if (!refused && c->service->net->entered != c)
        rule_broken(k, "UPGRADE", "was called outside of the callbacks of that connection");
    return host_tables.hosting.conn_upgrade(public, to, state, len);
}

static int
strict_pool_release(struct goevd_conn *c)
{
    rule_conn(CALLER, c);
    return host_tables.pool.pool_release(c);
}

static int
strict_pool_reject(struct goevd_conn *c)
{
    rule_conn(CALLER, c);
    return host_tables.pool.pool_reject(c);
}

static void
strict_check_conn(struct goevd_conn *c, const char *function, const void *caller)
{
    rule_conn(&(struct caller){.function = function + strlen("goevd_"), .address = caller}, c);
}

void
strict_conn_fill(struct host_tables *table)
{
    table->core.conn_reserve = strict_conn_reserve;
    table->core.conn_commit = strict_conn_commit;
    table->core.conn_write = strict_conn_write;
    table->conn.conn_write_now = strict_conn_write_now;
    table->conn.conn_splice = strict_conn_splice;
    table->framing.conn_write_frame = strict_conn_write_frame;
    table->conn.conn_write_shared = strict_conn_write_shared;
    table->conn.conn_write_file = strict_conn_write_file;
    table->core.conn_queued = strict_conn_queued;
    table->core.conn_shutdown = strict_conn_shutdown;
    table->core.conn_close = strict_conn_close;
    table->conn.conn_need = strict_conn_need;
    table->core.conn_pause = strict_conn_pause;
    table->core.conn_resume = strict_conn_resume;
    table->core.conn_deadline = strict_conn_deadline;
    table->core.conn_timer_arm = strict_conn_timer_arm;
    table->core.conn_timer_cancel = strict_conn_timer_cancel;
    table->core.conn_id = strict_conn_id;
    table->core.conn_instance = strict_conn_instance;
    table->core.conn_local = strict_conn_local;
    table->core.conn_poller = strict_conn_poller;
    table->conn.conn_peer_address = strict_conn_peer_address;
    table->conn.conn_local_address = strict_conn_local_address;
    table->conn.conn_setsockopt = strict_conn_setsockopt;
    table->conn.conn_bytes_in = strict_conn_bytes_in;
    table->conn.conn_bytes_out = strict_conn_bytes_out;
    table->conn.conn_tls = strict_conn_tls;
    table->conn.conn_listener = strict_conn_listener;
    table->core.conn_log = strict_conn_log;
    table->proxy.conn_proxy_address = strict_conn_proxy_address;
    table->proxy.proxy_header = strict_proxy_header;
    table->hosting.conn_upgrade = strict_conn_upgrade;
    table->pool.pool_release = strict_pool_release;
    table->pool.pool_reject = strict_pool_reject;
    table->hosting.check_conn = strict_check_conn;
}
