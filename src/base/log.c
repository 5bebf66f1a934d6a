#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log_line.h"
#include "base/log_repeats.h"
#include "base/log_writer.h"
#include "base/sink.h"

static const char *log_who = "goevd";
static atomic_int log_format;     /* enum log_format */
static atomic_bool log_priority;
static atomic_bool log_to_journal;
static atomic_bool log_is_disk; /* lines go to a regular file */
static bool log_elsewhere;
static bool log_deferred; /* for disks too the writer's thread writes, into an fd of the log's own */
static struct sink log_sink = {.fd = STDERR_FILENO};
static atomic_int log_level = LOG_NOTICE;

/* ---- Level and target
 * ------------------------------------------------------------------------- */

/* JOURNAL_STREAM is "device:inode" of the protocol of the journal, systemd.exec(5). */
static bool
log_stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char own[64];

    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, own) == 0;
}

static bool
log_is_regular(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static void
log_go_to(int fd)
{
    log_sink.fd = fd;
    atomic_store(&log_is_disk, log_is_regular(fd));
}

void
log_configure(const struct log_config *config)
{
    bool connected = config->target != LOG_TO_FILE && log_stderr_is_journal();
    bool journal = config->target == LOG_TO_JOURNAL || (config->target == LOG_TO_AUTO && connected);

    if (!log_deferred)
        log_go_to(config->target == LOG_TO_FILE ? config->fd : STDERR_FILENO);
    journal = journal && log_open_journal(NULL) == 0;
    log_elsewhere = config->target == LOG_TO_FILE || (journal && !connected);
    atomic_store(&log_to_journal, journal);
    atomic_store(&log_format, config->format);
    atomic_store(&log_priority, connected);
    log_repeats_limit(config->repeats_max, config->repeats_ns);
}

void
log_init(const char *who, int level)
{
    log_who = who;
    log_set_level(level);
    log_configure(&(struct log_config){0});
}

void
log_set_level(int level)
{
    atomic_store_explicit(&log_level, level, memory_order_relaxed);
}

int
log_get_level(void)
{
    return atomic_load_explicit(&log_level, memory_order_relaxed);
}

bool
log_wants(int level)
{
    return level <= log_get_level();
}

bool
log_is_elsewhere(void)
{
    return log_elsewhere;
}

int
log_replace_file(int fd)
{
    int r = sink_replace(&log_sink, fd);

    if (r == 0)
        atomic_store(&log_is_disk, log_is_regular(fd));
    return r;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* `memory` has LOG_LINE_MAX bytes. */
static struct text
log_compose(char *memory, enum log_format format, const struct log_event *e)
{
    struct log_style style = {log_who, format, atomic_load(&log_priority)};
    struct text line = {.data = memory, .size = LOG_LINE_MAX};

    log_line_add(&line, &style, e);
    return line;
}

static int
log_put_journal(const struct log_event *e)
{
    int r = log_journal_send(log_who, e);

    if (r < 0)
        sink_drop(&log_sink);
    return r;
}

/* Does the writer's thread write the lines? */
static bool
log_defers(void)
{
    return log_writer_runs() && !atomic_load(&log_to_journal) &&
           (log_deferred || !atomic_load(&log_is_disk));
}

static int
log_put_event(const struct log_event *e)
{
    char memory[LOG_LINE_MAX];
    struct text line;

    if (atomic_load(&log_to_journal))
        return log_put_journal(e);
    line = log_compose(memory, (enum log_format)atomic_load(&log_format), e);
    if (log_defers())
        return log_writer_put(line.data, line.len);
    return sink_write(&log_sink, line.data, line.len);
}

/* `put` writes the report. */
static void
log_report(int (*put)(const struct log_event *e))
{
    uint64_t n = sink_take_untold(&log_sink);
    char memory[128];
    struct text t = {.data = memory, .size = sizeof(memory)};

    if (n == 0)
        return;
    text_add(&t, "lines of the log that could not be written are lost: ");
    text_add_number(&t, n, 1);
    if (put(&(struct log_event){LOG_WARNING, NULL, t.data, t.len}) == 0)
        return;
    /* The report itself is not one of the lines that are lost. */
    atomic_fetch_sub(&log_sink.dropped, 1);
    atomic_fetch_add(&log_sink.untold, n - 1);
}

void
log_report_lost(void)
{
    if (!log_defers()) /* else the thread reports them, behind the lines that wait for it */
        log_report(log_put_event);
}

static int
log_put_waiting(const struct log_event *e)
{
    char memory[LOG_LINE_MAX];
    struct text line = log_compose(memory, (enum log_format)atomic_load(&log_format), e);

    return sink_write_waiting(&log_sink, line.data, line.len);
}

/* The writer's thread has written all lines. */
static void
log_on_written(void)
{
    if (log_defers())
        log_report(log_put_waiting);
}

bool
log_has_lost(void)
{
    return sink_has_untold(&log_sink) && !log_defers();
}

void
log_write(const struct log_event *e)
{
    int saved = errno;
    bool had_lost = log_has_lost();

    if (log_put_event(e) == 0)
        log_report_lost();
    else if (!had_lost)
        log_wake();
    errno = saved;
}

int
log_begin_file(int fd, enum log_format format)
{
    static const char begins[] = "the log begins in this file";
    struct log_event e = {LOG_NOTICE, NULL, begins, sizeof(begins) - 1};
    char memory[LOG_LINE_MAX];
    struct text line = log_compose(memory, format, &e);

    return sink_write(&(struct sink){.fd = fd}, line.data, line.len);
}

uint64_t
log_dropped(void)
{
    return atomic_load_explicit(&log_sink.dropped, memory_order_relaxed);
}

/* ---- The thread ------------------------------------------------------------------------------ */

#define FLUSH_NS NS_PER_S

int
log_start_writer(bool disks)
{
    int fd = disks ? fcntl(log_sink.fd, F_DUPFD_CLOEXEC, 3) : log_sink.fd;

    if (fd < 0)
        return -errno;
    log_sink.fd = fd;
    log_deferred = disks;
    return log_writer_start(&log_sink, log_on_written);
}

void
log_flush(void)
{
    log_writer_flush(FLUSH_NS);
}

void
log_fini(void)
{
    log_writer_stop(FLUSH_NS);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

void
log_vabout(const struct log_about *about, int level, const char *format, va_list args)
{
    char text[LOG_TEXT_MAX];
    struct log_event e = {level, about, text, 0};
    int saved = errno, n;

    if (!log_wants(level))
        return;
    n = vsnprintf(text, sizeof(text), format, args);
    e.len = n > 0 ? MIN((size_t)n, sizeof(text) - 1) : 0;
    if (!log_repeats_hold(&e, format))
        log_write(&e);
    errno = saved;
}

void
log_about(const struct log_about *about, int level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_vabout(about, level, format, args);
    va_end(args);
}

void
log_line(int level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_vabout(NULL, level, format, args);
    va_end(args);
}
