/* Where lines go that many write: the threads of several processes, to one file, without a lock.
 * Each is one write(2), so that lines never mix (O_APPEND).
 *
 * It waits for no reader, though perhaps for a disk. A line that cannot be written is dropped and
 * counted. One that a filling disk has cut in two is dropped too, and the next one begins on a line
 * of its own, whichever process writes it.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/util.h"

struct sink {
    int fd;                   /* stays the owner's, and open */
    atomic_bool torn;         /* the last written line has no end */
    _Atomic uint64_t dropped; /* lines */
    _Atomic uint64_t untold;  /* of these, how many sink_take_untold() has not returned */
};

/* `line` ends with a newline and is at most the piece that a pipe takes as a whole, SINK_LINE_MAX
 * bytes (pipe(7)). 0; a negative errno: it is dropped. -EAGAIN: it would have had to wait.
 * Signal-safe.
 */
int sink_write(struct sink *s, const char *line, size_t len);

/* The same for a thread that may wait: it does, until the line is written or cannot be. */
int sink_write_waiting(struct sink *s, const char *line, size_t len);

/* Write whole lines, as many as go without waiting: to a file all at once, to anything else in
 * pieces that a pipe keeps together. Unwritten bytes are not dropped; they stay with the caller.
 *
 * lines    end with a newline, and none is longer than SINK_LINE_MAX.
 * Returns  their bytes; where that is less than len, *ret_r is why, a negative errno.
 */
#define SINK_LINE_MAX 4096
size_t sink_write_lines(struct sink *s, const char *lines, size_t len, int *ret_r);

/* Count a line that the owner could not bring here. */
void sink_drop(struct sink *s);

/* Have any been dropped that sink_take_untold() has not returned? */
bool sink_has_untold(const struct sink *s);

/* How many have been dropped since it was asked last. */
uint64_t sink_take_untold(struct sink *s);

/* [any thread] Go over to this file: the sink's fd keeps its number (dup3(2)), so that every thread
 * that writes meanwhile writes to the one or the other. 0, fd stays the caller's; a negative
 * errno. */
int sink_replace(struct sink *s, int fd);

/* Would a write to this fd not have to wait? */
bool sink_has_room(int fd);
