/* Everything in the public header that a connection and a poller can be asked for, behind commands
 * of one line each:
 *
 *   send N        a thread of this plugin sends N numbered lines by goevd_send(), then closes
 *   tick N        a timer of the connection sends N lines, 1 ms apart
 *   poller        a timer of the poller sends a line to this connection
 *   file          the first 64 bytes of the file that the option names, by write_file
 *   shared        a line of memory of its own, by write_shared
 *   place         a line in place, by reserve and commit
 *   info          addresses, byte counts, ids
 *   deadline      a line when the deadline is due
 *   need          wants 10 bytes more at once, and reports their number
 *   pause         pauses, resumes after 20 ms
 *   half          ends its output
 *   drop          closes without flushing
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <goevd/conn.h>
#include <goevd/poller.h>
#include <goevd/threads.h>

#include "plain.h"

#define MS INT64_C(1000000)
#define THREADS_MAX 256

struct options {
    struct goevd_str file;
};

struct sender {
    struct goevd_self *self;
    int fd;
    atomic_uint accepted, completed, gone, released;
    pthread_mutex_t lock; /* of threads and count */
    pthread_t threads[THREADS_MAX];
    unsigned count;
};

struct job {
    struct sender *sender;
    uint64_t conn_id;
    unsigned lines;
};

struct conn {
    unsigned ticks;
    bool needing;
    bool pausing;
};

enum { COOKIE_TICK = 1, COOKIE_RESUME };

GOEVD_PRINTF(2, 3)
static int
sender_say(struct goevd_conn *c, const char *format, ...)
{
    char line[256];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    return goevd_conn_write(c, line, (size_t)n);
}

/* ---- Threads --------------------------------------------------------------------------------- */

static void *
sender_thread(void *arg)
{
    struct job *job = arg;
    struct sender *s = job->sender;
    char line[32];
    int r = 0;

    for (unsigned i = 0; i < job->lines && r != -ECANCELED;) {
        int n = snprintf(line, sizeof(line), "line %u\n", i);

        r = goevd_send(s->self, job->conn_id, line, (size_t)n, i + 1);
        if (r == 0) {
            atomic_fetch_add(&s->accepted, 1);
            i++;
        } else {
            sched_yield(); /* the mailbox is full */
        }
    }
    while (goevd_close(job->conn_id, GOEVD_CLOSE_FLUSH) == -EAGAIN)
        sched_yield();
    free(job);
    return NULL;
}

static int
sender_begin(struct goevd_conn *c, unsigned lines)
{
    struct sender *s = goevd_conn_instance(c);
    struct job *job = malloc(sizeof(*job));
    int r = -ENOMEM;

    if (!job)
        return r;
    *job = (struct job){s, goevd_conn_id(c), lines};
    pthread_mutex_lock(&s->lock);
    if (s->count < THREADS_MAX)
        r = -pthread_create(&s->threads[s->count], NULL, sender_thread, job);
    if (r == 0)
        s->count++;
    pthread_mutex_unlock(&s->lock);
    if (r < 0)
        free(job);
    return r;
}

static void
sender_sent(void *instance, uint64_t conn_id, uint64_t cookie, int result)
{
    struct sender *s = instance;

    (void)conn_id, (void)cookie;
    atomic_fetch_add(result == 0 ? &s->completed : &s->gone, 1);
}

/* ---- State of a poller ----------------------------------------------------------------------- */

struct local {
    struct goevd_timer *timer;
    struct goevd_self *self;
    uint64_t conn_id;
};

static void
sender_poller_due(struct goevd_timer *timer, void *arg)
{
    struct local *local = arg;

    (void)timer;
    goevd_send(local->self, local->conn_id, "from the poller's timer\n", 24, 0);
}

static int
sender_poller_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    struct local *local = calloc(1, sizeof(*local));

    if (!local)
        return -ENOMEM;
    local->self = ((struct sender *)instance)->self;
    local->timer = goevd_timer_new(poller, sender_poller_due, local);
    *ret_local = local;
    return local->timer ? 0 : -ENOMEM;
}

static void
sender_poller_stop(void *instance, struct goevd_poller *poller, void *arg)
{
    struct local *local = arg;

    (void)instance, (void)poller;
    goevd_timer_free(local->timer);
    free(local);
}

static int
sender_use_poller(struct goevd_conn *c)
{
    struct local *local = goevd_conn_local(c);

    local->conn_id = goevd_conn_id(c);
    goevd_timer_arm(local->timer, 1, 1);
    goevd_timer_cancel(local->timer);
    return goevd_timer_arm(local->timer, 1 * MS, 0);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void
sender_release(void *arg, int result)
{
    (void)result;
    atomic_fetch_add(&((struct sender *)arg)->released, 1);
}

static int
sender_place(struct goevd_conn *c)
{
    char *room = goevd_conn_reserve(c, 1000);

    if (!room)
        return -ENOBUFS;
    memcpy(room, "in place\n", 9);
    return goevd_conn_commit(c, 9);
}

static int
sender_info(struct goevd_conn *c)
{
    struct sockaddr_storage peer, local;
    socklen_t peer_len = goevd_conn_peer_address(c, &peer);
    socklen_t local_len = goevd_conn_local_address(c, &local);
    int one = 1;

    return sender_say(c, "peer %u local %u in %llu out %llu queued %zu nodelay %d poller %u\n",
                      peer_len ? ntohs(((struct sockaddr_in *)&peer)->sin_port) : 0,
                      local_len ? ntohs(((struct sockaddr_in *)&local)->sin_port) : 0,
                      (unsigned long long)goevd_conn_bytes_in(c),
                      (unsigned long long)goevd_conn_bytes_out(c), goevd_conn_queued(c),
                      goevd_conn_setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)),
                      goevd_poller_index(goevd_conn_poller(c)));
}

/* ---- Commands -------------------------------------------------------------------------------- */

static int
sender_pause(struct goevd_conn *c, struct conn *conn)
{
    conn->pausing = true;
    goevd_conn_pause(c);
    sender_say(c, "paused\n");
    return goevd_conn_timer_arm(c, COOKIE_RESUME, 20 * MS, 0);
}

/* The client waits for this line, because unread bytes would not be delivered again without an
 * event. */
static int
sender_need(struct goevd_conn *c, struct conn *conn)
{
    conn->needing = true;
    return sender_say(c, "needing\n");
}

static int
sender_obey(struct goevd_conn *c, struct conn *conn, const char *line)
{
    static const char text[] = "shared\n";
    struct sender *s = goevd_conn_instance(c);
    unsigned n;

    if (sscanf(line, "send %u", &n) == 1)
        return sender_begin(c, n);
    if (sscanf(line, "tick %u", &conn->ticks) == 1)
        return goevd_conn_timer_arm(c, COOKIE_TICK, 1 * MS, 1 * MS);
    if (strcmp(line, "poller") == 0)
        return sender_use_poller(c);
    if (strcmp(line, "file") == 0)
        return goevd_conn_write_file(c, s->fd, 0, 64, sender_release, s);
    if (strcmp(line, "shared") == 0)
        return goevd_conn_write_shared(c, text, sizeof(text) - 1, sender_release, s);
    if (strcmp(line, "place") == 0)
        return sender_place(c);
    if (strcmp(line, "info") == 0)
        return sender_info(c);
    if (strcmp(line, "pause") == 0)
        return sender_pause(c, conn);
    if (strcmp(line, "half") == 0)
        return goevd_conn_shutdown(c);
    if (strcmp(line, "deadline") == 0)
        goevd_conn_deadline(c, 5 * MS);
    else if (strcmp(line, "drop") == 0)
        goevd_conn_close(c, GOEVD_CLOSE_NOW);
    else if (strcmp(line, "need") == 0)
        return sender_need(c, conn);
    else
        return -EPROTO;
    return 0;
}

/* One line; how much of the bytes it took, 0 if it is not whole yet. */
static ptrdiff_t
sender_line(struct goevd_conn *c, struct conn *conn, const char *data, size_t len)
{
    const char *end = memchr(data, '\n', len);
    char line[64];
    int r;

    if (!end || end - data >= (ptrdiff_t)sizeof(line))
        return 0;
    memcpy(line, data, (size_t)(end - data));
    line[end - data] = '\0';
    r = sender_obey(c, conn, line);
    return r < 0 ? r : end + 1 - data;
}

static ptrdiff_t
sender_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
            unsigned flags)
{
    struct conn *conn = state;
    ptrdiff_t used = 0, n;

    (void)fresh, (void)flags;
    if (conn->needing) {
        conn->needing = false;
        n = sender_say(c, "got %zu at once\n", len);
        return n < 0 ? n : (ptrdiff_t)len;
    }
    do {
        n = sender_line(c, conn, data + used, len - (size_t)used);
        used += n;
    } while (n > 0 && !conn->needing && !conn->pausing);
    if (conn->needing)
        goevd_conn_need(c, 10);
    return n < 0 ? n : used;
}

static int
sender_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    struct conn *conn = state;

    if (cookie == GOEVD_DEADLINE)
        return sender_say(c, "deadline\n");
    if (cookie == COOKIE_RESUME) {
        conn->pausing = false;
        goevd_conn_resume(c);
        return sender_say(c, "resumed\n");
    }
    if (--conn->ticks == 0)
        goevd_conn_timer_cancel(c, COOKIE_TICK);
    return sender_say(c, "tick %u\n", conn->ticks);
}

static int
sender_eof(struct goevd_conn *c, void *state)
{
    (void)c, (void)state;
    return 0; /* the thread closes */
}

static const struct goevd_stream sender_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct conn),
    .on_read = sender_read,
    .on_eof = sender_eof,
    .on_timeout = sender_timeout,
    .on_sent = sender_sent,
};

/* ---- The instance ---------------------------------------------------------------------------- */

static const struct goevd_option sender_options[] = {
    {.name = "file",
     .type = GOEVD_OPTION_STRING,
     .flags = GOEVD_OPTION_REQUIRED,
     .offset = offsetof(struct options, file),
     .help = "file of the command 'file'"},
    {0},
};
static const struct goevd_schema sender_schema = GOEVD_SCHEMA(struct options, sender_options);

static int
sender_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct options *o = options;
    struct sender *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->self = self;
    s->fd = open(o->file.data, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0) {
        free(s);
        return goevd_refuse(self, "file", "cannot open %s: %s", o->file.data, strerror(errno));
    }
    pthread_mutex_init(&s->lock, NULL);
    *ret_instance = s;
    return 0;
}

static void
sender_destroy(void *instance)
{
    struct sender *s = instance;

    for (unsigned i = 0; i < s->count; i++)
        pthread_join(s->threads[i], NULL);
    goevd_log(s->self, GOEVD_LOG_NOTICE, "accepted %u completed %u gone %u released %u",
              atomic_load(&s->accepted), atomic_load(&s->completed), atomic_load(&s->gone),
              atomic_load(&s->released));
    close(s->fd);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static const void *
sender_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &sender_stream : NULL;
}

GOEVD_PLUGIN(.name = "sender", .description = "uses every function of the host",
             .options = &sender_schema, .create = sender_create, .destroy = sender_destroy,
             .poller_start = sender_poller_start, .poller_stop = sender_poller_stop,
             .interface = sender_interface);
