/* Present rates and problems, in records: the one source of the status page, `goevd ctl top` and
 * the first line of `goevd ctl status`.
 *
 *   now      UNIX_TIME SECONDS             the rates are of the last so many seconds
 *   fact     KEY VALUE
 *   event    KEY UNIX_TIME OK TEXT
 *   problem  error|warning TEXT
 *   total    REQUESTS ERRORS ACCEPTED RECEIVED SENT OPEN P50 P99
 *   point    SECONDS_AGO, and the same
 *   table    NAME TITLE
 *   column   TITLE text|count|rate|seconds
 *   row      CELL ...
 *
 * Rates are per second, times in seconds, and an empty cell means that there is no value. The
 * columns and rows of a table follow it. */
#pragma once

#include <stdio.h>

#include "metrics/history.h"

struct overview_listener {
    const char *name;
    const char *plugin;
    char address[128];
    uint64_t open;
    uint64_t max;
};

struct overview_request {
    struct history *history; /* sampled just now */
    const char *facts;       /* of status_text() */
    const struct overview_listener *listeners;
    size_t listener_count;
    uint64_t open; /* connections */
    bool brief;    /* only `now` and `total` */
};

/* Locks the history. 0; -ENOMEM. */
int overview_write(const struct overview_request *request, FILE *out);
