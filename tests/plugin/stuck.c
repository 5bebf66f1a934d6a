/* Gets stuck, or dies, in a callback of choice. A line is a command:
 *
 *   [WHERE] sleep MS    sleeps
 *   [WHERE] spin MS     computes; of both: or the path of a file, until that is there
 *   [WHERE] deep KIB    uses so much of the stack
 *   [WHERE] crash WHAT  segv, abort, fpe, or overflow of the stack
 *
 * WHERE is nothing for on_read, or timer, watch, call, job or poller_stop. "done" answers whatever
 * ends, except in poller_stop.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <goevd/poller.h>
#include <goevd/threads.h>
#include <goevd/work.h>

#include "plain.h"

struct stuck {
    struct goevd_self *self;
    char at_stop[256]; /* what poller_stop is to do */
};

struct command {
    struct stuck *stuck;
    uint64_t conn_id;
    char text[256];
    int fd; /* that a watch waits for */
};

/* ---- Actions --------------------------------------------------------------------------------- */

static uint64_t
stuck_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Until `until`, MS from now or a file. */
static void
stuck_stay(const char *until, bool spin)
{
    struct timespec moment = {.tv_nsec = 1000000};
    uint64_t end = stuck_now_ms() + strtoul(until, NULL, 10);

    while (*until == '/' ? access(until, F_OK) < 0 : stuck_now_ms() < end)
        if (!spin)
            nanosleep(&moment, NULL);
}

static unsigned
stuck_deep(unsigned frames)
{
    volatile char frame[4096];

    frame[0] = (char)frames;
    return frames == 0 ? 0 : stuck_deep(frames - 1) + (unsigned)frame[0];
}

static void
stuck_crash(const char *how)
{
    static volatile int *volatile nowhere;

    if (strcmp(how, "segv") == 0)
        *nowhere = 1;
    else if (strcmp(how, "fpe") == 0)
        raise(SIGFPE);
    else if (strcmp(how, "abort") == 0 || stuck_deep(1000000) > 0)
        abort();
}

static void
stuck_obey(const char *text)
{
    char how[16], until[256];
    unsigned kib;

    if (sscanf(text, "sleep %255s", until) == 1)
        stuck_stay(until, false);
    else if (sscanf(text, "spin %255s", until) == 1)
        stuck_stay(until, true);
    else if (sscanf(text, "deep %u", &kib) == 1)
        stuck_deep(kib / 4);
    else if (sscanf(text, "crash %15s", how) == 1)
        stuck_crash(how);
}

/* ---- Where ----------------------------------------------------------------------------------- */

static struct command *
command_new(struct goevd_conn *c, const char *text)
{
    struct command *command = calloc(1, sizeof(*command));

    if (!command)
        abort();
    command->stuck = goevd_conn_instance(c);
    command->conn_id = goevd_conn_id(c);
    command->fd = -1;
    snprintf(command->text, sizeof(command->text), "%s", text);
    return command;
}

static void
command_end(struct command *command)
{
    goevd_send(command->stuck->self, command->conn_id, "done\n", 5, 0);
    if (command->fd >= 0)
        close(command->fd);
    free(command);
}

static void
stuck_in_timer(struct goevd_timer *t, void *arg)
{
    struct command *command = arg;

    stuck_obey(command->text);
    goevd_timer_free(t);
    command_end(command);
}

static void
stuck_in_watch(struct goevd_watch *w, unsigned events, void *arg)
{
    struct command *command = arg;

    (void)events;
    stuck_obey(command->text);
    goevd_watch_free(w);
    command_end(command);
}

static void
stuck_in_call(struct goevd_poller *poller, void *local, void *arg)
{
    struct command *command = arg;

    (void)poller, (void)local;
    stuck_obey(command->text);
    command_end(command);
}

static int
stuck_in_job(void *arg)
{
    struct command *command = arg;

    stuck_obey(command->text);
    return 0;
}

static void
stuck_job_done(struct goevd_conn *c, void *arg, int result)
{
    (void)c, (void)result;
    command_end(arg);
}

static int
stuck_watch(struct goevd_conn *c, struct command *command)
{
    struct goevd_watch *w;

    command->fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    w = goevd_watch_new(goevd_conn_poller(c), command->fd, stuck_in_watch, command);
    return w ? goevd_watch_set(w, GOEVD_WATCH_READ) : -ENOMEM;
}

static int
stuck_begin(struct goevd_conn *c, const char *where, const char *text)
{
    struct stuck *stuck = goevd_conn_instance(c);
    struct goevd_poller *poller = goevd_conn_poller(c);
    struct command *command;

    if (strcmp(where, "poller_stop") == 0) {
        snprintf(stuck->at_stop, sizeof(stuck->at_stop), "%s", text);
        return goevd_conn_write(c, "done\n", 5);
    }
    command = command_new(c, text);
    if (strcmp(where, "timer") == 0)
        return goevd_timer_arm(goevd_timer_new(poller, stuck_in_timer, command), 1, 0);
    if (strcmp(where, "watch") == 0)
        return stuck_watch(c, command);
    if (strcmp(where, "call") == 0)
        return goevd_call(stuck->self, goevd_poller_index(poller), stuck_in_call, command);
    return goevd_submit(stuck->self, poller, command->conn_id, 0, stuck_in_job, stuck_job_done,
                        command);
}

static ptrdiff_t
stuck_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
           unsigned flags)
{
    const char *end = memchr(data, '\n', len);
    char line[256], where[16], verb[16];
    int r, at = 0;

    (void)state, (void)fresh, (void)flags;
    if (!end || end - data >= (ptrdiff_t)sizeof(line))
        return 0;
    memcpy(line, data, (size_t)(end - data));
    line[end - data] = '\0';
    if (sscanf(line, "%15s %n%15s %*s", where, &at, verb) == 2 && strchr(line + at, ' ')) {
        r = stuck_begin(c, where, line + at);
    } else {
        stuck_obey(line);
        r = goevd_conn_write(c, "done\n", 5);
    }
    return r < 0 ? r : end + 1 - data;
}

static const struct goevd_stream stuck_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_read = stuck_read,
};

/* ---- The instance ---------------------------------------------------------------------------- */

static int
stuck_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct stuck *stuck = calloc(1, sizeof(*stuck));

    (void)options;
    if (!stuck)
        return -ENOMEM;
    stuck->self = self;
    *ret_instance = stuck;
    return 0;
}

static void
stuck_destroy(void *instance)
{
    free(instance);
}

static void
stuck_stop(void *instance, struct goevd_poller *poller, void *local)
{
    struct stuck *stuck = instance;

    (void)poller, (void)local;
    stuck_obey(stuck->at_stop);
}

static const void *
stuck_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &stuck_stream : NULL;
}

GOEVD_PLUGIN(.name = "stuck", .description = "stays in a callback, or dies there",
             .create = stuck_create, .destroy = stuck_destroy, .poller_stop = stuck_stop,
             .interface = stuck_interface);
