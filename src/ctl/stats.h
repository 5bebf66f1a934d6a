/* All metrics, as lines and as JSON. */
#pragma once

#include "ev/reactor.h"
#include "metrics/reader.h"

struct stats_request {
    bool json;
    bool all;           /* lines of values that are 0, too */
    const char *prefix; /* of names; "": all */
    struct reactor *const *reactors; /* of the worker that answers */
    size_t reactor_count;
};

/* In lines: name, labels, and the value in the unit that the name has. 0 with *ret_text, to be
 * freed, and its length; -ENOENT if no name begins with the prefix; -ENOMEM, -EAGAIN. */
int stats_text(struct reader *reader, const struct stats_request *request, char **ret_text,
               size_t *ret_len);
