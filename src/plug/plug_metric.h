/* Metrics of an instance, registered by the plugin while it is created, or by parts of the host on
 * its behalf. Every series has two labels of goevd's own in front: the listener, and the place of
 * the instance below that listener's handler. */
#pragma once

#include "ev/poller.h"
#include "metrics/registry.h"

struct instance;

/* [main, while instances are created] As goevd_metric_new(). */
int plug_metric_new(struct instance *i, const struct goevd_metric *of, const char *const *values);

/* [poller p] The poller's cell of a counter or gauge. */
static inline metric *
plug_metric_cell(const struct registry *r, const struct poller *p, int number)
{
    assert(p == poller_current);
    return registry_cell(r, p->index, number);
}
