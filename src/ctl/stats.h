/* The metrics of all pollers, as text and as JSON. */
#pragma once

#include "ev/reactor.h"
#include "plug/instance.h"

/* Whose metrics: goevd's own and those of the plugins, of the pollers of all reactors. */
struct stats_source {
    struct reactor *const *reactors;
    size_t reactor_count;
    const struct plugins *plugins;
};

/* The totals as aligned lines of name, value and unit; or, as JSON, each poller's share as well.
 * The pollers run; not from one of them. 0 with *ret_text, to be freed, and its length; -ENOMEM. */
int stats_text(const struct stats_source *source, bool json, char **ret_text, size_t *ret_len);
