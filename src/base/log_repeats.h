/* Lines that are held back: so many of one kind may come within an interval, of the rest only the
 * number is told.
 *
 * A kind is a level, a plugin, a listener and a format; where the format says nothing ("%s"), what
 * it has become. Who wants INFO or DEBUG wants all of it: those are never held back. */
#pragma once

#include "base/log.h"

/* All that came before is forgotten. Before there is another thread. */
void log_repeats_limit(unsigned max, uint64_t interval_ns);

/* Make the eventfd of log_set_wake_fd() readable. What the handler of a fatal signal may do. */
void log_wake(void);

/* True: it is held back and counted. */
bool log_repeats_hold(const struct log_event *e, const char *format);
