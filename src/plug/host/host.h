/* The host: the functions for plugins, and those for the engine about objects that plugins have
 * made. */
#pragma once

#include "plug/instance.h"
#include "plug/tables.h"

/* ---- Calls from other threads ---------------------------------------------------------------- */

/* The pollers have ended, or never ran: refuse calls that threads of plugins post from now on,
 * and run all that were accepted. */
void host_calls_end(struct plugins *p);

/* ---- Results of callbacks -------------------------------------------------------------------- */

/* Log that the callback of this thread has returned an invalid value. `may` names the valid ones.
 */
void host_wrong_result(int64_t result, const char *may);

/* ---- Connect pools --------------------------------------------------------------------------- */

/* Give every connect pool the poller that it lives on: when all are made and none runs. */
void host_pools_place(struct plugins *p);

/* [poller] Start and stop those that live here. */
void host_pools_start(struct plugins *p, struct poller *poller);
void host_pools_stop(struct plugins *p, struct poller *poller);
void host_pools_free(struct plugins *p);

/* [poller] Bring the metrics of those that live here up to date. */
void host_pools_collect(struct plugins *p, struct poller *poller);

/* ---- Files of lines -------------------------------------------------------------------------- */

/* Go over to this file, in the place of the one that was opened as the nth (0: the first): 0, the
 * fd stays the caller's; a negative errno. */
int host_logfile_replace(struct plugins *p, size_t nth, int fd);

/* Open all of them anew, as they were opened first. 0; a negative errno: of one it cannot be done.
 * *ret_count, also then: how many there are. */
int host_logfile_reopen(struct plugins *p, size_t *ret_count, struct err *reterr);

/* [poller] Write the waiting lines: its plugins have stopped, and the work pool too. */
void host_logfile_stop(struct plugins *p, struct poller *poller);
void host_tls_free(struct plugins *p);
void host_logfile_free(struct plugins *p);
