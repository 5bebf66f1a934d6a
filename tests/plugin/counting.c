/* Metrics of a plugin, behind commands of one line each:
 *
 *   add N      to the counter
 *   gauge N    to the gauge, which may be negative
 *   set N      this poller's share of the gauge
 *   observe N  one more value of the histogram
 *   wrong      results in create for invalid metrics
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <goevd/metrics.h>

#include "plain.h"

struct counting {
    struct goevd_self *self;
    int counter, gauge, histogram;
    char wrong[160];
};

static int
counting_obey(struct goevd_conn *c, struct counting *p, const char *line)
{
    struct goevd_poller *poller = goevd_conn_poller(c);
    int64_t n;

    if (sscanf(line, "add %" SCNd64, &n) == 1)
        goevd_metric_add(p->self, poller, p->counter, n);
    else if (sscanf(line, "gauge %" SCNd64, &n) == 1)
        goevd_metric_add(p->self, poller, p->gauge, n);
    else if (sscanf(line, "set %" SCNd64, &n) == 1)
        goevd_metric_set(p->self, poller, p->gauge, n);
    else if (sscanf(line, "observe %" SCNd64, &n) == 1)
        goevd_metric_observe(p->self, poller, p->histogram, (uint64_t)n, 1);
    else if (strcmp(line, "wrong") == 0)
        return goevd_conn_write(c, p->wrong, strlen(p->wrong));
    else
        return -EPROTO;
    return goevd_conn_write(c, "done\n", 5);
}

static ptrdiff_t
counting_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
              unsigned flags)
{
    const char *end = memchr(data, '\n', len);
    char line[64];
    int r;

    (void)state, (void)fresh, (void)flags;
    if (!end || end - data >= (ptrdiff_t)sizeof(line))
        return 0;
    memcpy(line, data, (size_t)(end - data));
    line[end - data] = '\0';
    r = counting_obey(c, goevd_conn_instance(c), line);
    return r < 0 ? r : end + 1 - data;
}

static const struct goevd_stream counting_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_read = counting_read,
};

static const void *
counting_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &counting_stream : NULL;
}

static int
counting_try(struct counting *p, const struct goevd_metric *metric, const char *const *values)
{
    int n = goevd_metric_new(p->self, metric, values);
    size_t len = strlen(p->wrong);

    snprintf(p->wrong + len, sizeof(p->wrong) - len, "%s%s", len ? ", " : "",
             n < 0 ? strerrorname_np(-n) : "fine");
    return n;
}

#define NAMED(name_, help_, type_)                                                                 \
    {                                                                                              \
        .name = (name_), .help = (help_), .type = (enum goevd_metric_type)(type_)                  \
    }

static const uint64_t bounds[] = {0, 100, 5000}, falling[] = {2, 1};
static const struct goevd_metric lines = {.name = "goevd_counting_lines_total",
                                          .help = "Lines added.",
                                          .type = GOEVD_METRIC_COUNTER,
                                          .labels = {"color"}};
static const struct goevd_metric depth =
    NAMED("goevd_counting_depth", "How deep.", GOEVD_METRIC_GAUGE);
static const struct goevd_metric size = {.name = "goevd_counting_size_bytes",
                                         .help = "Sizes of messages.",
                                         .type = GOEVD_METRIC_HISTOGRAM,
                                         .unit = GOEVD_METRIC_BYTES,
                                         .bounds = bounds,
                                         .bound_count = 3};
static const char *const blue[] = {"blue"};

static void
counting_try_wrong(struct counting *p)
{
    static const struct goevd_metric wrong[] = {
        NAMED("goevd_counting_depth", "With another text.", GOEVD_METRIC_GAUGE),
        NAMED("goevd_Counting", "A capital letter.", GOEVD_METRIC_GAUGE),
        NAMED("counting_things", "Without goevd.", GOEVD_METRIC_GAUGE),
        NAMED("goevd_counting_things", "No ending of a counter.", GOEVD_METRIC_COUNTER),
        NAMED("goevd_counting_broken", "Two\nlines.", GOEVD_METRIC_GAUGE),
        NAMED("goevd_counting_typeless", "No type.", 0),
        NAMED("goevd_counting_typed", "No such type.", GOEVD_METRIC_HISTOGRAM + 1),
        NAMED("goevd_counting_unbound", "No bounds.", GOEVD_METRIC_HISTOGRAM),
        {.name = "goevd_counting_falling",
         .help = "Bounds that fall.",
         .type = GOEVD_METRIC_HISTOGRAM,
         .bounds = falling,
         .bound_count = 2},
    };
    size_t len;

    counting_try(p, &lines, blue);
    counting_try(p, &lines, NULL);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        counting_try(p, &wrong[i], NULL);
    len = strlen(p->wrong);
    p->wrong[len] = '\n';
}

static int
counting_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct counting *p = calloc(1, sizeof(*p));

    (void)options;
    if (!p)
        return -ENOMEM;
    p->self = self;
    p->counter = goevd_metric_new(self, &lines, blue);
    p->gauge = goevd_metric_new(self, &depth, NULL);
    p->histogram = goevd_metric_new(self, &size, NULL);
    counting_try_wrong(p);
    *ret_instance = p;
    return p->counter > 0 && p->gauge > 0 && p->histogram > 0 ? 0 : -ENOMEM;
}

static void
counting_destroy(void *instance)
{
    free(instance);
}

GOEVD_PLUGIN(.name = "counting", .description = "has metrics of its own", .create = counting_create,
             .destroy = counting_destroy, .interface = counting_interface);
