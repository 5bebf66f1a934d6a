/* The log: one line an event. Only plug and daemon call it.
 *
 *   log.c          level and target of the log
 *   log_line.c     how a line reads
 *   log_journal.c  the journal's own protocol
 *   log_repeats.c  lines that are held back, as too many were like them
 *   log_writer.c   a thread that writes where a write may wait
 *   sink.c         the file that lines are written to
 *
 * Nothing here waits for a reader, and nothing here fails: a line that cannot be written is dropped
 * and counted, and when lines can be written again, one line reports the number of missing ones.
 */
#pragma once

#include <stdarg.h>
#include <syslog.h> /* LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG */

#include "base/err.h"
#include "base/text.h"

#define LOG_TEXT_MAX 2048 /* bytes of the text of a line */
#define LOG_LINE_MAX 4096 /* of all of it: the piece that a pipe takes as a whole, pipe(7) */

/* ---- Level and target
 * ------------------------------------------------------------------------- */

enum log_target {
    LOG_TO_AUTO,    /* the journal where stderr is connected to it, else stderr */
    LOG_TO_STDERR,  /* there (sd-daemon(3)) lines begin with <N> and carry no time of their own */
    LOG_TO_JOURNAL, /* with fields, sd_journal_sendv(3) */
    LOG_TO_FILE,
};

enum log_format {
    LOG_TEXT,
    LOG_KEYVALUE,
    LOG_JSON,
};

struct log_config {
    enum log_target target;
    enum log_format format; /* the journal has its own */
    int fd;                 /* of LOG_TO_FILE; stays the caller's, and open */
    unsigned repeats_max; /* lines of one kind within repeats_ns, see log_repeats.c; 0: no limit */
    uint64_t repeats_ns;
};

/* LOG_TO_AUTO as text, down to this level: less urgent lines are dropped. `who` begins each line
 * and is kept, not copied. */
void log_init(const char *who, int level);

/* Before there is another thread, or after log_start_writer(true): then the lines stay where they
 * go until log_replace_file(). */
void log_configure(const struct log_config *config);

/* [any thread] Another level from now on. */
void log_set_level(int level);
int log_get_level(void);

/* [any thread] This file takes the place of the one of LOG_TO_FILE, whose fd keeps its number;
 * every line is written to the one or the other. 0, fd stays the caller's; a negative errno. */
int log_replace_file(int fd);

/* Let a thread write the lines where a write may wait for a reader: to a terminal, a pipe, a
 * socket. `disks`: to files too, and into an fd of the log's own. Without the thread, the calling
 * thread writes. 0; a negative errno. */
int log_start_writer(bool disks);

/* Wait until the lines so far are written, but no longer than a second. Signal-safe. */
void log_flush(void);

/* The same, and end the thread. */
void log_fini(void);

/* Write the first line of a file as `format` wants it: 0, or the negative errno if that nothing can
 * be written there. */
int log_begin_file(int fd, enum log_format format);

/* Is stderr something else? Then its readers do not see the log. */
bool log_is_elsewhere(void);

/* Before LOG_TO_JOURNAL: 0; a negative errno. */
int log_open_journal(struct err *reterr);

/* ---- Lines ----------------------------------------------------------------------------------- */

/* The subject of a line; NULL and 0: none. In the text format it precedes the text, else it is in
 * fields. */
struct log_about {
    const char *plugin;
    const char *listener;
    const char *client; /* its address */
    uint64_t connection;
    bool named; /* the line does so itself */
};

void log_line(int level, const char *format, ...) PRINTF(2, 3);
void log_about(const struct log_about *about, int level, const char *format, ...) PRINTF(3, 4);
void log_vabout(const struct log_about *about, int level, const char *format, va_list args)
    PRINTF(3, 0);

#define log_error(...) log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)

/* An event, as it is written: text without a limit, a level or an end. */
struct log_event {
    int level;
    const struct log_about *about;
    const char *text;
    size_t len;
};

/* Write it whatever its level. Async-signal-safe, signal-safety(7). */
void log_write(const struct log_event *e);

/* Would a line of this level be written? */
bool log_wants(int level);

/* ---- Lines that are not there ---------------------------------------------------------------- */

/* Since the process began: that could not be written; that were held back. */
uint64_t log_dropped(void);
uint64_t log_held(void);

/* An eventfd that becomes readable when a line is held back, so that log_report_held() is due at
 * another time, and when the first line is lost; -1: none. Before there is another thread. */
void log_set_wake_fd(int fd);

/* Are there lost lines that log_report_lost() is due to report, after LOG_RETRY_NS? */
#define LOG_RETRY_NS NS_PER_S
bool log_has_lost(void);

/* [any thread] Log their number, if the log takes a line now. Each line that is written does this
 * too. The main loop calls it while there are any, because the next line may come hours later. */
void log_report_lost(void);

/* When the line with the number of held back lines is due; 0: never. */
uint64_t log_held_due_ns(void);

/* Log those that are due at `now_ns`. */
void log_report_held(uint64_t now_ns);
