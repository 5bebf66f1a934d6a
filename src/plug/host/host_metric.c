/* Metrics of plugins, as plugins see them. */
#include <errno.h>
#include <stdio.h>

#include "metrics/prometheus.h"
#include "plug/host/host_parts.h"

int
host_metric_new(struct goevd_self *self, const struct goevd_metric *about,
                const char *const *values)
{
    struct instance *i = host_self(self);

    assert(i->plugins->errors); /* in create */
    return plug_metric_new(i, about, values);
}

void
host_metric_add(struct goevd_self *self, struct goevd_poller *poller, int number, int64_t delta)
{
    const struct registry *r = &host_self(self)->plugins->registry;

    metric_add(plug_metric_cell(r, (struct poller *)poller, number), (uint64_t)delta);
}

void
host_metric_set(struct goevd_self *self, struct goevd_poller *poller, int number, int64_t value)
{
    const struct registry *r = &host_self(self)->plugins->registry;

    assert(registry_type(number) == GOEVD_METRIC_GAUGE);
    metric_set(plug_metric_cell(r, (struct poller *)poller, number), (uint64_t)value);
}

uint64_t *
host_metric_share(struct goevd_self *self, struct goevd_poller *poller, int number)
{
    const struct registry *r = &host_self(self)->plugins->registry;

    return (uint64_t *)(uintptr_t)plug_metric_cell(r, (struct poller *)poller, number);
}

void
host_metric_observe(struct goevd_self *self, struct goevd_poller *poller, int number,
                    uint64_t value, uint64_t times)
{
    struct poller *p = (struct poller *)poller;

    assert(p == poller_current);
    registry_observe(&host_self(self)->plugins->registry, p->index, number, value, times);
}

int
host_metrics_text(struct goevd_self *self, enum goevd_metrics_format format, char **ret_text,
                  size_t *ret_len)
{
    const struct plugins *p = host_self(self)->plugins;
    char *text = NULL;
    size_t len = 0;
    struct view v;
    FILE *out;
    int r;

    if (poller_current)
        return -EDEADLK; /* it would wait for itself */
    if (!p->reader || p->checking)
        return -ECANCELED;
    if (format == GOEVD_METRICS_OVERVIEW)
        return p->overview(p->overview_arg, ret_text, ret_len);
    p->collect(p->collect_arg);
    r = reader_take(p->reader, &v);
    if (r < 0)
        return r;
    out = open_memstream(&text, &len);
    if (out)
        prometheus_print(out, &v,
                         format == GOEVD_METRICS_OPENMETRICS ? PROMETHEUS_OPENMETRICS
                                                             : PROMETHEUS_TEXT);
    view_fini(&v);
    if (!out || fclose(out) != 0) {
        free(text);
        return -ENOMEM;
    }
    *ret_text = text;
    *ret_len = len;
    return 0;
}
