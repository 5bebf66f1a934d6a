/* Figures of plugins, as plugins see them. */
#include "plug/host/host_parts.h"

int
host_metric_new(struct goevd_self *self, const char *name, const char *unit, const char *help,
                enum goevd_metric_type type)
{
    struct instance *i = host_self(self);
    struct plug_metric_about about = {.name = name, .unit = unit, .help = help, .type = type};

    assert(i->plugins->errors); /* in create */
    return plug_metric_new(i, &about);
}

void
host_metric_add(struct goevd_self *self, struct goevd_poller *poller, int number, int64_t delta)
{
    plug_metric_add(&host_self(self)->plugins->metrics, (struct poller *)poller, number, delta);
}

void
host_metric_set(struct goevd_self *self, struct goevd_poller *poller, int number, int64_t value)
{
    plug_metric_set(&host_self(self)->plugins->metrics, (struct poller *)poller, number, value);
}

void
host_metric_observe(struct goevd_self *self, struct goevd_poller *poller, int number,
                    uint64_t value)
{
    plug_metric_observe(&host_self(self)->plugins->metrics, (struct poller *)poller, number, value);
}
