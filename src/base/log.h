/* The log: one line an event, to stderr, in one write(2). Only plug and daemon call it. */
#pragma once

#include <stdarg.h>
#include <syslog.h> /* LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG */

#include "base/text.h"

#define LOG_LINE_MAX 2048

/* Lines less urgent than `level` are dropped; LOG_NOTICE until this is called. `who` begins each
 * line and is kept, not copied. Where stderr is the journal (JOURNAL_STREAM, systemd.exec(5)),
 * lines begin with <N> (sd-daemon(3)) and carry no time of their own. */
void log_init(const char *who, int level);

void log_line(int level, const char *format, ...) PRINTF(2, 3);
void log_vline(int level, const char *prefix, const char *format, va_list args) PRINTF(3, 0);

/* [any thread] Another level from now on. */
void log_set_level(int level);

/* What a line begins with, for whoever writes one without these: a signal handler. */
void log_head(struct text *t, int level);

#define log_error(...) log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
