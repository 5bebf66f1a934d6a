/* Its metric has the name of one of goevd's own. */
#include "plain.h"

#include <goevd/metrics.h>

static int
clashing_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    static const struct goevd_metric open_doors = {.name = "goevd_connections_open",
                                                   .help = "Doors that stand open.",
                                                   .type = GOEVD_METRIC_GAUGE};
    int n = goevd_metric_new(self, &open_doors, NULL);

    (void)options;
    *ret_instance = NULL;
    return n < 0 ? n : 0;
}

GOEVD_PLUGIN(.name = "clashing", .description = "calls a metric as goevd does",
             .create = clashing_create, .interface = plain_interface);
