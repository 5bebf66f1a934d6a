/* The log of a worker. */
#pragma once

#include "plug/plugins.h"
#include "process/logfile.h"
#include "worker/parent.h"

struct worker_log {
    struct proto_log how;
    int held_fd; /* eventfd: lines were held back; -1: none yet */
};

/* Log as the configuration says. Before there is another thread. */
int worker_log_open(struct worker_log *l, const struct config_log *config, struct parent *parent,
                    struct err *reterr);

/* Go over to the file that the supervisor has sent, or a negative errno in its place, and tell it.
 */
void worker_log_take(int supervisor_fd, int fd);

/* The same of a file of a plugin, which is the nth. */
void worker_log_take_file(int supervisor_fd, struct plugins *plugins, uint32_t nth, int fd);

/* Without a supervisor: open all files anew, because of `why`. 0; a negative errno. */
int worker_log_reopen(struct worker_log *l, struct plugins *plugins, const char *why,
                      struct err *reterr);

/* Log, and on standard error too, why it does not start: who has asked for it looks there. */
void worker_log_failure(const struct err *err);

/* Tell how many lines have been held back, where that is due; whenever held_fd is readable, which
 * does no more than wake, and at log_held_due_ns(). */
void worker_log_tell(struct worker_log *l);

void worker_log_fini(struct worker_log *l);
