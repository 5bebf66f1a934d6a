#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *log_who = "goevd";
static int log_level = LOG_NOTICE;
static bool log_to_journal;

/* JOURNAL_STREAM is "device:inode" of what the journal reads. */
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
log_init(const char *who, int level)
{
    log_who = who;
    log_level = level;
    log_to_journal = log_stderr_is_journal();
}

static const char *
log_level_name(int level)
{
    static const char *const names[] = {"emergency", "alert",  "critical", "error",
                                        "warning",   "notice", "info",     "debug"};
    return names[level & 7];
}

static size_t
log_head(char *line, size_t size, int level)
{
    struct timespec ts;
    struct tm tm;
    int n;

    if (log_to_journal)
        return (size_t)snprintf(line, size, "<%d>%s: ", level, log_who);
    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    n = snprintf(line, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s %s: ", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ts.tv_nsec / 1000000,
                 log_level_name(level), log_who);
    return (size_t)n;
}

/* A line break in an argument must not forge a line of its own. */
static void
log_blank_controls(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = ' ';
}

void
log_vline(int level, const char *prefix, const char *format, va_list args)
{
    char line[LOG_LINE_MAX];
    int saved = errno, n;
    size_t len;

    if (level > log_level)
        return;
    len = log_head(line, sizeof(line), level);
    if (prefix)
        len += (size_t)snprintf(line + len, sizeof(line) - len, "%.64s: ", prefix);
    n = vsnprintf(line + len, sizeof(line) - len - 1, format, args);
    if (n > 0)
        len = MIN(len + (size_t)n, sizeof(line) - 2);
    log_blank_controls(line, len);
    line[len++] = '\n';
    while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
        ;
    errno = saved;
}

void
log_line(int level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_vline(level, NULL, format, args);
    va_end(args);
}
