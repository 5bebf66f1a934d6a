/* goevd/logfile.h - a log file of the plugin's own, such as an access log.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_LOGFILE_H
#define GOEVD_LOGFILE_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

struct goevd_logfile; /* a file that lines are appended to */

#define GOEVD_LOGFILE_MAX 16          /* files of a process */
#define GOEVD_LOGFILE_BUFFER_MIN 8192 /* bytes */
#define GOEVD_LOGFILE_LINE_MAX 4096   /* bytes of a line with its end */

/* The functions below, in the table that goevd_host->logfile points to. */
struct goevd_host_logfile {
    struct goevd_version version;

    int (*logfile_new)(struct goevd_self *self, const char *name, const char *option,
                       const char *path, size_t buffer, struct goevd_logfile **ret_logfile);
    char *(*logfile_reserve)(struct goevd_logfile *logfile, struct goevd_poller *poller,
                             size_t len);
    void (*logfile_commit)(struct goevd_logfile *logfile, struct goevd_poller *poller, size_t len);
    size_t (*json_escape)(char *ret_text, size_t size, const char *chars, size_t len);
};

/* Open a file for lines of every poller, or create it. The supervisor opens it, so that only root
 * may have access; SIGUSR1 and `goevd ctl reopen` open it anew. goevd closes it after destroy has
 * returned.
 *
 * Each poller gathers lines. The work pool writes them when 64 KiB wait, 100 ms after the first,
 * and when goevd stops. A poller never waits for the file. While the file cannot be written, lines
 * wait until the buffer is full.
 *
 * name     of its metrics NAME.lines and NAME.dropped, as for goevd_metric_new().
 * option   the option that names the file, for goevd_refuse() and the log.
 * path     absolute (GOEVD_OPTION_PATH).
 * buffer   bytes that may wait on each poller, GOEVD_LOGFILE_BUFFER_MIN or more.
 * Thread   [main] in create.
 * Returns  0; -EINVAL after goevd_refuse(): the file cannot be opened, buffer is too small or the
 *          process has GOEVD_LOGFILE_MAX files; -ENOMEM; errors of goevd_metric_new().
 * Source   open(2) with O_APPEND, write(2).
 */
static inline int
goevd_logfile_new(struct goevd_self *self, const char *name, const char *option, const char *path,
                  size_t buffer, struct goevd_logfile **ret_logfile)
{
    return goevd_host->logfile->logfile_new(self, name, option, path, buffer, ret_logfile);
}

/* Room for one line. goevd_logfile_commit() must be the next call for this file on this poller.
 *
 * len      bytes, 1 to GOEVD_LOGFILE_LINE_MAX.
 * Thread   [poller]
 * Returns  where to write, len bytes; NULL if the buffer is full or memory is short: the line
 *          counts as dropped.
 */
static inline char *
goevd_logfile_reserve(struct goevd_logfile *logfile, struct goevd_poller *poller, size_t len)
{
    return goevd_host->logfile->logfile_reserve(logfile, poller, len);
}

/* Append the line that was reserved.
 *
 * len      bytes with the line break, at most the reserved length.
 * Thread   [poller]
 */
static inline void
goevd_logfile_commit(struct goevd_logfile *logfile, struct goevd_poller *poller, size_t len)
{
    goevd_host->logfile->logfile_commit(logfile, poller, len);
}

/* Write text as it stands within a JSON string: quotes, backslashes and control characters escaped,
 * and bytes that are not UTF-8 replaced by U+FFFD. At the first character that does not fit it
 * stops.
 *
 * ret_text  size bytes; without a NUL at the end.
 * chars     len bytes.
 * Thread    [any]
 * Returns   bytes written.
 * Source    RFC 8259 section 7, RFC 3629.
 */
static inline size_t
goevd_json_escape(char *ret_text, size_t size, const char *chars, size_t len)
{
    return goevd_host->logfile->json_escape(ret_text, size, chars, len);
}

#ifdef __cplusplus
}
#endif

#endif
