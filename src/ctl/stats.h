/* The metrics of all pollers. */
#pragma once

#include "ev/reactor.h"
#include "plug/instance.h"

/* Whose metrics: goevd's own and those of the plugins, of the pollers of all reactors. */
struct stats_source {
    struct reactor *const *reactors;
    size_t reactor_count;
    const struct plugins *plugins;
};

/* As records: poller INDEX REACTOR CPU for each, then metric NAME TYPE UNIT HELP INSTANCE SHARES
 * CELLS. SHARES are the values of the pollers in that order, or how many values a histogram of
 * theirs has; CELLS the sum and the buckets of a histogram. The pollers run; not from one of them.
 * 0 with *ret_text, to be freed, and its length; -ENOMEM. */
int stats_text(const struct stats_source *source, char **ret_text, size_t *ret_len);
