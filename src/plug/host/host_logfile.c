/* Files that plugins add lines to: lines are put together on the pollers, and written by the work
 * pool, so that no poller waits for a disk. */
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/sink.h"
#include "ev/work.h"
#include "plug/host/host_parts.h"

#define FLUSH_BYTES ((size_t)64 << 10)
#define FLUSH_NS (100 * NS_PER_MS)

static_assert(GOEVD_LOGFILE_LINE_MAX == SINK_LINE_MAX, "plugins know another length");
static_assert(GOEVD_LOGFILE_BUFFER_MIN >= 2 * GOEVD_LOGFILE_LINE_MAX, "half of it takes a line");

struct host_logfile_block {
    char *data;
    size_t len;
};

/* The two blocks of one poller: one is being filled, the other one written. */
struct host_logfile_local {
    struct goevd_logfile *lines;
    struct host_logfile_block filling;
    struct host_logfile_block
        writing;    /* the work pool's while `busy`, as are `written` and `error` */
    size_t written; /* of its bytes */
    int error;      /* why not all of them */
    bool busy;
    bool failing; /* that has been logged */
    struct timer timer;
    struct work work;
};

#define LOGFILE_MAGIC 0x106f17e5

/* Plugins see it as a name alone. */
struct goevd_logfile {
    uint32_t magic;             /* LOGFILE_MAGIC */
    struct goevd_logfile *next; /* in the order in which they were opened */
    struct instance *instance;
    struct sink sink;
    char *option;
    char *path;
    size_t block_bytes;
    size_t flush_bytes;
    int metric_lines, metric_dropped;
    struct host_logfile_local *locals[POLLERS_MAX]; /* by index of the poller */
};

/* ---- Opening --------------------------------------------------------------------------------- */

static int
host_logfile_refuse(struct instance *i, const char *option, const char *words)
{
    return conf_errors_add_below(i->plugins->errors, i->node, i->owner.path, option, "%s", words);
}

/* Where the next one goes; NULL: there are as many as may be. */
static struct goevd_logfile **
host_logfile_end(struct plugins *p)
{
    struct goevd_logfile **end = &p->logfiles;

    for (unsigned n = 0; *end; end = &(*end)->next)
        if (++n == GOEVD_LOGFILE_MAX)
            return NULL;
    return end;
}

static int
host_logfile_metric(struct instance *i, const char *log, const char *name, const char *help)
{
    const struct goevd_metric about = {
        .name = name, .help = help, .type = GOEVD_METRIC_COUNTER, .labels = {"log"}};

    return plug_metric_new(i, &about, &log);
}

static void
host_logfile_free_one(struct goevd_logfile *l)
{
    for (size_t i = 0; i < POLLERS_MAX; i++) {
        struct host_logfile_local *w = l->locals[i];

        if (!w)
            continue;
        free(w->filling.data);
        free(w->writing.data);
        free(w);
    }
    fd_close(l->sink.fd);
    free(l->option);
    free(l->path);
    magic_clear(&l->magic);
    free(l);
}

static int
host_logfile_open(struct goevd_logfile *l, const char *name)
{
    struct instance *i = l->instance;
    struct err err = {0};
    int r = l->metric_lines = host_logfile_metric(i, name, "goevd_log_file_lines_total",
                                                  "Lines that were added to the file.");

    if (r >= 0)
        r = l->metric_dropped =
            host_logfile_metric(i, name, "goevd_log_file_lines_dropped_total",
                                "Lines that were lost because the buffer was full.");
    if (r >= 0)
        r = l->sink.fd = i->plugins->open_file(i->plugins->open_arg, l->option, l->path, &err);
    return err.code ? host_logfile_refuse(i, l->option, err_reason(&err, l->option)) : MIN(r, 0);
}

int
host_logfile_new(struct goevd_self *self, const char *name, const char *option, const char *path,
                 size_t buffer, struct goevd_logfile **ret_lines)
{
    struct instance *i = host_self(self);
    struct goevd_logfile *l, **end = host_logfile_end(i->plugins);
    int r;

    assert(i->plugins->errors); /* in create */
    if (!end)
        return host_logfile_refuse(i, option, "there are too many such files");
    if (buffer < GOEVD_LOGFILE_BUFFER_MIN)
        return host_logfile_refuse(i, option, "the buffer is too small");
    l = calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;
    *l = (struct goevd_logfile){.magic = LOGFILE_MAGIC,
                                .instance = i,
                                .sink.fd = -1,
                                .option = strdup(option),
                                .path = strdup(path),
                                .block_bytes = buffer / 2,
                                .flush_bytes = MIN(FLUSH_BYTES, buffer / 4)};
    r = l->option && l->path ? host_logfile_open(l, name) : -ENOMEM;
    if (r < 0) {
        host_logfile_free_one(l);
        return r;
    }
    *end = *ret_lines = l;
    return 0;
}

int
host_logfile_replace(struct plugins *p, size_t nth, int fd)
{
    struct goevd_logfile *l = p->logfiles;

    while (l && nth-- > 0)
        l = l->next;
    return l ? sink_replace(&l->sink, fd) : -ENOENT;
}

int
host_logfile_reopen(struct plugins *p, size_t *ret_count, struct err *reterr)
{
    int result = 0;

    *ret_count = 0;
    for (struct goevd_logfile *l = p->logfiles; l; l = l->next, ++*ret_count) {
        int fd = p->open_file(p->open_arg, l->option, l->path, reterr);
        int r = fd < 0 ? fd : sink_replace(&l->sink, fd);

        fd_close(fd);
        if (r < 0 && fd >= 0)
            err_set_errno(reterr, r, "%s: cannot go over to the new file", l->option);
        result = MIN(result, r);
    }
    return result;
}

void
host_logfile_free(struct plugins *p)
{
    while (p->logfiles) {
        struct goevd_logfile *l = p->logfiles;

        p->logfiles = l->next;
        host_logfile_free_one(l);
    }
}

/* ---- Writing --------------------------------------------------------------------------------- */

static size_t
host_logfile_left(const struct host_logfile_local *w)
{
    return w->writing.len - w->written;
}

static void
host_logfile_write(struct host_logfile_local *w)
{
    w->written += sink_write_lines(&w->lines->sink, w->writing.data + w->written,
                                   host_logfile_left(w), &w->error);
}

static int
host_logfile_run(struct work *work)
{
    host_logfile_write(container_of(work, struct host_logfile_local, work));
    return 0;
}

/* The filled block is written next. */
static void
host_logfile_swap(struct host_logfile_local *w)
{
    struct host_logfile_block filled = w->filling;

    w->filling = (struct host_logfile_block){.data = w->writing.data};
    w->writing = filled;
    w->written = 0;
}

/* With a full queue of jobs, later. */
static void
host_logfile_arm(struct host_logfile_local *w)
{
    struct poller *p = w->work.poller;

    if (!timer_armed(&w->timer))
        (void)timer_arm(&p->timers, &w->timer, p->now_ns + FLUSH_NS); /* else with the next line */
}

static void
host_logfile_flush(struct host_logfile_local *w)
{
    if (w->busy)
        return;
    if (host_logfile_left(w) == 0)
        host_logfile_swap(w);
    if (host_logfile_left(w) == 0)
        return;
    w->busy = work_submit(w->lines->instance->plugins->work, &w->work) == 0;
    if (!w->busy)
        host_logfile_arm(w);
}

static void
host_logfile_due(struct timer *t, uint64_t now_ns)
{
    (void)now_ns;
    host_logfile_flush(container_of(t, struct host_logfile_local, timer));
}

/* The first of a row of failures is logged; the metric counts the lost lines. */
static void
host_logfile_report_error(struct host_logfile_local *w)
{
    const struct goevd_logfile *l = w->lines;
    struct log_about about = {.plugin = l->instance->module->entry.name};

    if (w->error && !w->failing)
        log_about(&about, LOG_WARNING,
                  "%s: cannot write to %s: %s; lines wait until the buffer is full", l->option,
                  l->path, err_words(w->error));
    w->failing = w->error != 0;
}

static void
host_logfile_done(struct work *work, int result)
{
    struct host_logfile_local *w = container_of(work, struct host_logfile_local, work);

    w->busy = false;
    if (result == -ECANCELED) /* host_logfile_stop() sees to it */
        return;
    host_logfile_report_error(w);
    if (host_logfile_left(w) == 0 && w->filling.len >= w->lines->flush_bytes)
        host_logfile_flush(w);
    else if (host_logfile_left(w) > 0 || w->filling.len > 0)
        host_logfile_arm(w);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* Made with the first line. NULL without memory. */
static struct host_logfile_local *
host_logfile_new_local(struct goevd_logfile *l, struct poller *p)
{
    struct host_logfile_local *w = calloc(1, sizeof(*w));

    if (!w)
        return NULL;
    w->lines = l;
    w->timer.fn = host_logfile_due;
    w->work = (struct work){.run = host_logfile_run,
                            .done = host_logfile_done,
                            .poller = p,
                            .kind = WORK_LOGS,
                            .share = work_share((uintptr_t)w->lines)};
    w->filling.data = malloc(l->block_bytes);
    w->writing.data = malloc(l->block_bytes);
    if (!w->filling.data || !w->writing.data) {
        free(w->filling.data);
        free(w->writing.data);
        free(w);
        return NULL;
    }
    l->locals[p->index] = w;
    return w;
}

char *
host_logfile_reserve(struct goevd_logfile *l, struct goevd_poller *poller, size_t len)
{
    struct poller *p = host_poller(poller);
    struct host_logfile_local *w;

    HOST_CHECK(l, LOGFILE_MAGIC, "log file");
    w = l->locals[p->index];
    assert(len > 0 && len <= GOEVD_LOGFILE_LINE_MAX);
    if (unlikely(!w))
        w = host_logfile_new_local(l, p);
    if (likely(w && l->block_bytes - w->filling.len >= len))
        return w->filling.data + w->filling.len;
    if (w)
        host_logfile_flush(w);
    if (w && l->block_bytes - w->filling.len >= len)
        return w->filling.data + w->filling.len;
    metric_add(plug_metric_cell(&l->instance->plugins->registry, p, l->metric_dropped), 1);
    return NULL;
}

void
host_logfile_commit(struct goevd_logfile *l, struct goevd_poller *poller, size_t len)
{
    struct poller *p = host_poller(poller);
    struct host_logfile_local *w;

    HOST_CHECK(l, LOGFILE_MAGIC, "log file");
    w = l->locals[p->index];
    assert(w && len <= l->block_bytes - w->filling.len);
    w->filling.len += len;
    metric_add(plug_metric_cell(&l->instance->plugins->registry, p, l->metric_lines), 1);
    if (w->busy)
        return;
    if (w->filling.len >= l->flush_bytes && host_logfile_left(w) == 0)
        host_logfile_flush(w);
    else
        host_logfile_arm(w);
}

/* ---- The end --------------------------------------------------------------------------------- */

static size_t
host_logfile_count(const char *data, size_t len)
{
    size_t n = 0;

    for (const char *p = data, *end = data + len; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        n++;
    return n;
}

/* The worker ends: lines that could not be written by now are lost. */
static void
host_logfile_report_lost(const struct host_logfile_local *w)
{
    const struct goevd_logfile *l = w->lines;
    struct log_about about = {.plugin = l->instance->module->entry.name};
    size_t lost = host_logfile_count(w->writing.data + w->written, host_logfile_left(w)) +
                  host_logfile_count(w->filling.data, w->filling.len);

    if (lost > 0)
        log_about(&about, LOG_ERR, "%s: %zu line%s for %s lost: %s", l->option, lost,
                  lost == 1 ? "" : "s", l->path, err_words(w->error));
}

static void
host_logfile_stop_local(struct host_logfile_local *w)
{
    struct poller *p = w->work.poller;

    timer_cancel(&p->timers, &w->timer);
    for (unsigned i = 0; i < 2; i++) {
        if (host_logfile_left(w) == 0)
            host_logfile_swap(w);
        host_logfile_write(w);
    }
    host_logfile_report_error(w);
    host_logfile_report_lost(w);
}

void
host_logfile_stop(struct plugins *p, struct poller *poller)
{
    for (struct goevd_logfile *l = p->logfiles; l; l = l->next)
        if (l->locals[poller->index])
            host_logfile_stop_local(l->locals[poller->index]);
}
