/* The file that the log goes to. */
#pragma once

#include "base/log.h"
#include "proto/proto.h"

#define LOGFILE_MODE 0640

/* Open, or make, a file that lines are added to, without ever waiting (base/sink.h). `key` of the
 * configuration has named it. The fd; a negative errno. */
int logfile_open(const char *key, const char *path, struct err *reterr);

/* Whether the permissions allow that; nothing is opened. */
int logfile_check(const char *key, const char *path, struct err *reterr);

/* The same as logfile_open() of the log, with its first line, as it wants it. */
int logfile_begin(const struct proto_log *log, struct err *reterr);

/* Open the file anew, because of `why`, and go over to it. The fd; a negative errno, and the log
 * goes on as it is: -ENOENT where it goes to no file. */
int logfile_reopen(const struct proto_log *log, const char *why, struct err *reterr);

/* Log so from now on; fd as logfile_begin() has given it, -1 where the log is no file. Of lines
 * that repeat, repeats_max are logged in repeats_ns; 0: all of them. */
void logfile_use(const struct proto_log *log, int fd, unsigned repeats_max, uint64_t repeats_ns);
