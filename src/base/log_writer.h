/* A thread that writes the lines of the log where a write may wait: to a terminal, a pipe or a
 * socket that is not read, or a disk that hangs. Lines wait for it in a ring of fixed size.
 */
#pragma once

#include "base/sink.h"

/* Start the thread, which writes to `sink` until log_writer_stop(). It calls `report` whenever it
 * has written all lines, and each second while lost lines are unreported. After a fork the child has
 * no such thread. 0; a negative errno. */
int log_writer_start(struct sink *sink, void (*report)(void));

/* [any thread] Does the thread run? Signal-safe, as are the next two. */
bool log_writer_runs(void);

/* [any thread] Add a line of at most SINK_LINE_MAX bytes. 0; -EAGAIN: the ring is full, and the line
 * is dropped and counted. */
int log_writer_put(const char *line, size_t len);

/* Wait until the lines so far are written, but no longer than for timeout_ns. Returns whether. */
bool log_writer_flush(uint64_t timeout_ns);

/* The same, and end the thread, unless it is held up. */
void log_writer_stop(uint64_t timeout_ns);
