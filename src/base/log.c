#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log_line.h"
#include "base/log_repeats.h"
#include "base/sink.h"

static struct log_style log_style = {.who = "goevd"};
static bool log_to_journal;
static bool log_elsewhere;
static struct sink log_sink = {.fd = STDERR_FILENO};
static atomic_int log_level = LOG_NOTICE;

/* ---- What is logged, and where it goes ------------------------------------------------------- */

/* JOURNAL_STREAM is "device:inode" of what the journal reads, systemd.exec(5). */
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

void
log_configure(const struct log_config *config)
{
    bool connected = config->target != LOG_TO_FILE && log_stderr_is_journal();
    bool journal = config->target == LOG_TO_JOURNAL || (config->target == LOG_TO_AUTO && connected);

    log_sink.fd = config->target == LOG_TO_FILE ? config->fd : STDERR_FILENO;
    log_to_journal = journal && log_open_journal(NULL) == 0;
    log_elsewhere = config->target == LOG_TO_FILE || (log_to_journal && !connected);
    log_style.format = config->format;
    log_style.priority = connected;
    log_repeats_limit(config->repeats_max, config->repeats_ns);
}

void
log_init(const char *who, int level)
{
    log_style.who = who;
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
    return sink_replace(&log_sink, fd);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static int
log_put(struct sink *sink, const struct log_style *style, const struct log_event *e)
{
    char memory[LOG_LINE_MAX];
    struct text line = {.data = memory, .size = sizeof(memory)};

    log_line_add(&line, style, e);
    return sink_write(sink, line.data, line.len);
}

static int
log_put_event(const struct log_event *e)
{
    int r;

    if (!log_to_journal)
        return log_put(&log_sink, &log_style, e);
    r = log_journal_send(log_style.who, e);
    if (r < 0)
        sink_drop(&log_sink);
    return r;
}

void
log_report_lost(void)
{
    uint64_t n = sink_take_untold(&log_sink);
    char memory[128];
    struct text t = {.data = memory, .size = sizeof(memory)};

    if (n == 0)
        return;
    text_add(&t, "lines of the log that could not be written are lost: ");
    text_add_number(&t, n, 1);
    if (log_put_event(&(struct log_event){LOG_WARNING, NULL, t.data, t.len}) == 0)
        return;
    /* The report itself is not one of the lines that are lost. */
    atomic_fetch_sub(&log_sink.dropped, 1);
    atomic_fetch_add(&log_sink.untold, n - 1);
}

bool
log_has_lost(void)
{
    return atomic_load(&log_sink.untold) > 0;
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
    struct log_style style = {log_style.who, format, false};
    struct log_event e = {LOG_NOTICE, NULL, begins, sizeof(begins) - 1};

    return log_put(&(struct sink){.fd = fd}, &style, &e);
}

uint64_t
log_dropped(void)
{
    return atomic_load_explicit(&log_sink.dropped, memory_order_relaxed);
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
