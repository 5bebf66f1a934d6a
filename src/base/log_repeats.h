/* Lines that are held back: a number of one kind is logged in each interval, and only the count of
 * the others.
 *
 * A kind is a level, a plugin, a listener and a format; for the format "%s", the resulting text.
 * Lines of INFO and DEBUG are never held back: a reader of these levels needs all of them. */
#pragma once

#include "base/log.h"

/* All that came before is forgotten. Before there is another thread. */
void log_repeats_limit(unsigned max, uint64_t interval_ns);

/* Async-signal-safe: make the eventfd of log_set_wake_fd() readable. The handler of a
 * fatal signal may call it. */
void log_wake(void);

/* True: it is held back and counted. */
bool log_repeats_hold(const struct log_event *e, const char *format);
