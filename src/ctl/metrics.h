/* The list of metrics: what each poller counts, by what name, in what unit. The control socket
 * prints from it; whoever adds a metric to a struct adds its row here, or nothing compiles. */
#pragma once

#include <goevd/metrics.h>
#include <goevd/plugin.h>

#include "ev/poller.h"

struct metric_row {
    const char *name; /* a-z, 0-9, _ and dots: it needs no quoting anywhere */
    const char *unit;
    const char *help;
    enum goevd_metric_type type;
    size_t offset;                      /* in its struct; where read is NULL */
    uint64_t (*read)(struct poller *p); /* on its thread */
};

/* How many there are, and one of them. */
unsigned metrics_count(void);
const struct metric_row *metrics_row(unsigned i);

/* Whether one has this name. */
bool metrics_have(const char *name);

/* [poller p] All its values, in the order of the rows: metrics_count() of them. */
void metrics_take(struct poller *p, uint64_t *ret_values);
