#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *log_who = "goevd";
static atomic_int log_level = LOG_NOTICE;
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
log_set_level(int level)
{
    atomic_store_explicit(&log_level, level, memory_order_relaxed);
}

void
log_init(const char *who, int level)
{
    log_who = who;
    log_set_level(level);
    log_to_journal = log_stderr_is_journal();
}

static const char *
log_level_name(int level)
{
    static const char *const names[] = {"emergency", "alert",  "critical", "error",
                                        "warning",   "notice", "info",     "debug"};
    return names[level & 7];
}

void
log_head(struct text *t, int level)
{
    struct timespec ts;

    if (log_to_journal) {
        text_add(t, "<");
        text_add_number(t, (uint64_t)level, 1);
        text_add(t, ">");
    } else {
        clock_gettime(CLOCK_REALTIME, &ts);
        text_add_time(t, &ts);
        text_add(t, " ");
        text_add(t, log_level_name(level));
        text_add(t, " ");
    }
    text_add(t, log_who);
    text_add(t, ": ");
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
    struct text head = {.data = line, .size = sizeof(line)};
    int saved = errno, n;
    size_t len;

    if (level > atomic_load_explicit(&log_level, memory_order_relaxed))
        return;
    log_head(&head, level);
    len = head.len;
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
