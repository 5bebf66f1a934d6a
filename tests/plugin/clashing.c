/* Its name and its metric's make the name of a metric of goevd's own. */
#include "plain.h"

#include <goevd/metrics.h>

static int
clashing_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    int n = goevd_metric_new(self, "open", "doors", "that stand open", GOEVD_METRIC_GAUGE);

    (void)options;
    *ret_instance = NULL;
    return n < 0 ? n : 0;
}

GOEVD_PLUGIN(.name = "connections", .description = "is called as goevd's own metrics are",
             .create = clashing_create, .interface = plain_interface);
