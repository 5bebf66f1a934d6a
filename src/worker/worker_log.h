/* The log of a worker. */
#pragma once

#include "plug/plugins.h"
#include "process/logfile.h"
#include "worker/parent.h"

struct worker_log {
    struct proto_log how;
    int held_fd; /* eventfd: lines were held back; -1: none yet */
};

/* Open the log of the configuration. Call it before there is another thread. */
int worker_log_open(struct worker_log *l, const struct config_log *config, struct parent *parent,
                    struct err *reterr);

/* Use the file that the supervisor has sent, or a negative errno in its place, and report to it. */
void worker_log_take(int supervisor_fd, int fd);

/* The same of a file of a plugin, which is the nth. */
void worker_log_take_file(int supervisor_fd, struct plugins *plugins, uint32_t nth, int fd);

/* Without a supervisor: open all files anew, because of `why`. 0; a negative errno. */
int worker_log_reopen(struct worker_log *l, struct plugins *plugins, const char *why,
                      struct err *reterr);

/* Log the reason why goevd does not start, on standard error too, because its caller looks there.
 */
void worker_log_failure(const struct err *err);

/* Log how many lines have been held back, if that is due. Call it whenever held_fd is readable,
 * which is a mere wake-up, and at log_held_due_ns(). */
void worker_log_tell(struct worker_log *l);

void worker_log_fini(struct worker_log *l);
