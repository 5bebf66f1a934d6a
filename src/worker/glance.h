/* The overview: present rates from the counts of all workers, and the listeners of this worker. Not
 * for pollers. */
#pragma once

#include "ctl/status.h"
#include "worker/engine.h"

/* Sample, and write ctl/overview.h's records. 0 with *ret_text, to be freed; -ENOMEM; -EAGAIN. */
int glance_write(struct engine *e, bool brief, char **ret_text, size_t *ret_len);

/* All of it, for plugins. */
int glance_text(void *engine, char **ret_text, size_t *ret_len);

/* How a worker is that has no supervisor. */
void glance_status(struct engine *e, struct status *ret);
