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

struct lines_block {
    char *data;
    size_t len;
};

/* What one poller has: a block that is being filled, and one that is being written. */
struct lines_local {
    struct goevd_logfile *lines;
    struct lines_block filling;
    struct lines_block writing; /* the work pool's while `busy`, as are `written` and `error` */
    size_t written;             /* of its bytes */
    int error;                  /* why not all of them */
    bool busy;
    bool failing; /* that has been told */
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
    struct lines_local *locals[POLLERS_MAX]; /* by index of the poller */
};

/* ---- Opening --------------------------------------------------------------------------------- */

static int
lines_refuse(struct instance *i, const char *option, const char *words)
{
    return conf_errors_add_below(i->plugins->errors, i->node, i->owner.path, option, "%s", words);
}

/* Where the next one goes; NULL: there are as many as may be. */
static struct goevd_logfile **
lines_end(struct plugins *p)
{
    struct goevd_logfile **end = &p->lines_files;

    for (unsigned n = 0; *end; end = &(*end)->next)
        if (++n == GOEVD_LOGFILE_MAX)
            return NULL;
    return end;
}

static int
lines_metric(struct instance *i, const char *name, const char *what, const char *help)
{
    char text[PLUG_METRIC_TEXT_MAX + 1];

    if ((size_t)snprintf(text, sizeof(text), "%s.%s", name, what) >= sizeof(text))
        return -EINVAL;
    return plug_metric_new(
        i, &(struct plug_metric_about){
               .name = text, .unit = "lines", .help = help, .type = GOEVD_METRIC_COUNTER});
}

static void
lines_free(struct goevd_logfile *l)
{
    for (size_t i = 0; i < POLLERS_MAX; i++) {
        struct lines_local *w = l->locals[i];

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
lines_open(struct goevd_logfile *l, const char *name)
{
    struct instance *i = l->instance;
    struct err err = {0};
    int r = l->metric_lines = lines_metric(i, name, "lines", "added to the file");

    if (r >= 0)
        r = l->metric_dropped = lines_metric(i, name, "dropped", "that found the buffer full");
    if (r >= 0)
        r = l->sink.fd = i->plugins->open_file(i->plugins->open_arg, l->option, l->path, &err);
    return err.code ? lines_refuse(i, l->option, err.text) : MIN(r, 0);
}

int
host_logfile_new(struct goevd_self *self, const char *name, const char *option, const char *path,
                 size_t buffer, struct goevd_logfile **ret_lines)
{
    struct instance *i = host_self(self);
    struct goevd_logfile *l, **end = lines_end(i->plugins);
    int r;

    assert(i->plugins->errors); /* in create */
    if (!end)
        return lines_refuse(i, option, "there are too many such files");
    if (buffer < GOEVD_LOGFILE_BUFFER_MIN)
        return lines_refuse(i, option, "the buffer is too small");
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
    r = l->option && l->path ? lines_open(l, name) : -ENOMEM;
    if (r < 0) {
        lines_free(l);
        return r;
    }
    *end = *ret_lines = l;
    return 0;
}

int
host_logfile_replace(struct plugins *p, size_t nth, int fd)
{
    struct goevd_logfile *l = p->lines_files;

    while (l && nth-- > 0)
        l = l->next;
    return l ? sink_replace(&l->sink, fd) : -ENOENT;
}

int
host_logfile_reopen(struct plugins *p, size_t *ret_count, struct err *reterr)
{
    int result = 0;

    *ret_count = 0;
    for (struct goevd_logfile *l = p->lines_files; l; l = l->next, ++*ret_count) {
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
    while (p->lines_files) {
        struct goevd_logfile *l = p->lines_files;

        p->lines_files = l->next;
        lines_free(l);
    }
}

/* ---- Writing --------------------------------------------------------------------------------- */

static size_t
lines_left(const struct lines_local *w)
{
    return w->writing.len - w->written;
}

static void
lines_write(struct lines_local *w)
{
    w->written +=
        sink_write_lines(&w->lines->sink, w->writing.data + w->written, lines_left(w), &w->error);
}

static int
lines_run(struct work *work)
{
    lines_write(container_of(work, struct lines_local, work));
    return 0;
}

/* What is filled is what is written next. */
static void
lines_swap(struct lines_local *w)
{
    struct lines_block filled = w->filling;

    w->filling = (struct lines_block){.data = w->writing.data};
    w->writing = filled;
    w->written = 0;
}

/* With a full queue of jobs, later. */
static void
lines_arm(struct lines_local *w)
{
    struct poller *p = w->work.poller;

    if (!timer_armed(&w->timer))
        (void)timer_arm(&p->timers, &w->timer, p->now_ns + FLUSH_NS); /* else with the next line */
}

static void
lines_flush(struct lines_local *w)
{
    if (w->busy)
        return;
    if (lines_left(w) == 0)
        lines_swap(w);
    if (lines_left(w) == 0)
        return;
    w->busy = work_submit(w->lines->instance->plugins->work, &w->work) == 0;
    if (!w->busy)
        lines_arm(w);
}

static void
lines_due(struct timer *t, uint64_t now_ns)
{
    (void)now_ns;
    lines_flush(container_of(t, struct lines_local, timer));
}

/* The first of a row of failures is told; the figure tells what is lost. */
static void
lines_tell(struct lines_local *w)
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
lines_done(struct work *work, int result)
{
    struct lines_local *w = container_of(work, struct lines_local, work);

    w->busy = false;
    if (result == -ECANCELED) /* host_logfile_stop() sees to it */
        return;
    lines_tell(w);
    if (lines_left(w) == 0 && w->filling.len >= w->lines->flush_bytes)
        lines_flush(w);
    else if (lines_left(w) > 0 || w->filling.len > 0)
        lines_arm(w);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* Made with the first line. NULL without memory. */
static struct lines_local *
lines_new_local(struct goevd_logfile *l, struct poller *p)
{
    struct lines_local *w = calloc(1, sizeof(*w));

    if (!w)
        return NULL;
    w->lines = l;
    w->timer.fn = lines_due;
    w->work = (struct work){.run = lines_run, .done = lines_done, .poller = p};
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
    struct lines_local *w;

    HOST_CHECK(l, LOGFILE_MAGIC, "log file");
    w = l->locals[p->index];
    assert(len > 0 && len <= GOEVD_LOGFILE_LINE_MAX);
    if (unlikely(!w))
        w = lines_new_local(l, p);
    if (likely(w && l->block_bytes - w->filling.len >= len))
        return w->filling.data + w->filling.len;
    if (w)
        lines_flush(w);
    if (w && l->block_bytes - w->filling.len >= len)
        return w->filling.data + w->filling.len;
    plug_metric_add(&l->instance->plugins->metrics, p, l->metric_dropped, 1);
    return NULL;
}

void
host_logfile_commit(struct goevd_logfile *l, struct goevd_poller *poller, size_t len)
{
    struct poller *p = host_poller(poller);
    struct lines_local *w;

    HOST_CHECK(l, LOGFILE_MAGIC, "log file");
    w = l->locals[p->index];
    assert(w && len <= l->block_bytes - w->filling.len);
    w->filling.len += len;
    plug_metric_add(&l->instance->plugins->metrics, p, l->metric_lines, 1);
    if (w->busy)
        return;
    if (w->filling.len >= l->flush_bytes && lines_left(w) == 0)
        lines_flush(w);
    else
        lines_arm(w);
}

/* ---- The end --------------------------------------------------------------------------------- */

static size_t
lines_count(const char *data, size_t len)
{
    size_t n = 0;

    for (const char *p = data, *end = data + len; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        n++;
    return n;
}

/* The worker ends: what could not be written by now is lost. */
static void
lines_tell_lost(const struct lines_local *w)
{
    const struct goevd_logfile *l = w->lines;
    struct log_about about = {.plugin = l->instance->module->entry.name};
    size_t lost = lines_count(w->writing.data + w->written, lines_left(w)) +
                  lines_count(w->filling.data, w->filling.len);

    if (lost > 0)
        log_about(&about, LOG_ERR, "%s: %zu line%s for %s lost: %s", l->option, lost,
                  lost == 1 ? "" : "s", l->path, err_words(w->error));
}

static void
lines_stop(struct lines_local *w)
{
    struct poller *p = w->work.poller;

    timer_cancel(&p->timers, &w->timer);
    for (unsigned i = 0; i < 2; i++) {
        if (lines_left(w) == 0)
            lines_swap(w);
        lines_write(w);
    }
    lines_tell(w);
    lines_tell_lost(w);
}

void
host_logfile_stop(struct plugins *p, struct poller *poller)
{
    for (struct goevd_logfile *l = p->lines_files; l; l = l->next)
        if (l->locals[poller->index])
            lines_stop(l->locals[poller->index]);
}
