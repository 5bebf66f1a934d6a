/* The figures of all pollers, as text and as JSON. */
#pragma once

#include "ev/reactor.h"

/* The totals as aligned lines of name, value and unit; or, as JSON, each poller's share as well.
 * The pollers run; not from one of them. 0 with *ret_text, to be freed, and its length; -ENOMEM. */
int stats_text(struct reactor *const *reactors, size_t count, bool json, char **ret_text,
               size_t *ret_len);
