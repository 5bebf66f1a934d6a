/* download - serves the files beneath a directory. An HTTP handler.
 *
 *   reply.c      answers requests, with refusal.c where there is no file
 *   find.c       finds the file of a path, and its coding
 *   root.c       the directory, opened again from time to time
 *   file.c       opens a file, beneath the root only
 *   cache.c      keeps files open for a moment
 *   condition.c  evaluates conditions, RFC 9110 section 13
 *   range.c      evaluates ranges, section 14
 *   listing.c    lists a directory; listing_entry.c and listing_page.c format the list
 *   sending.c    writes the content
 *   throttle.c   limits the rates
 *   pace.c       computes when bytes may be sent
 *   clients.c    finds the rate limit of a client
 *   types.c      media types, from the options and the system
 *   type_table.c and type_common.c hold the table of types
 */
#include "download/download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <goevd/metrics.h>

GOEVD_HTTP_TABLE;

static void
dl_destroy(void *instance)
{
    struct dl_instance *d = instance;

    dl_types_fini(&d->types);
    if (d->shared)
        dl_clients_fini(&d->shared->clients);
    free(d->shared);
    dl_root_fini(&d->root);
    free(d);
}

/* Open the root, and check that files beneath it can be opened. */
static int
dl_open_root(struct dl_instance *d)
{
    int r = dl_root_init(&d->root, d->self, d->options);

    if (r == 0 && dl_file_check_kernel(d->root.fd) < 0)
        r = goevd_refuse(
            d->self, "",
            "openat2(2) cannot be used: Linux 5.6 has it, unless a sandbox forbids it");
    return r;
}

static int
dl_check_names(struct dl_instance *d)
{
    const struct goevd_str *index = d->options->index.items;
    struct goevd_str value = d->options->cache_control;

    for (size_t i = 0; i < d->options->index.count; i++)
        if (strchr(index[i].data, '/'))
            return goevd_refuse(d->self, "index", "\"%s\" is no name of a file in a directory",
                                index[i].data);
    for (size_t i = 0; i < value.len; i++)
        if (value.data[i] < ' ' || value.data[i] > '~')
            return goevd_refuse(d->self, "cache_control",
                                "only printable ASCII can be sent in the header");
    if (value.len > 0 && (value.data[0] == ' ' || value.data[value.len - 1] == ' '))
        return goevd_refuse(d->self, "cache_control", "there is a space at an end");
    return 0;
}

static int
dl_register(struct dl_instance *d)
{
    const struct {
        int *ret;
        struct goevd_metric about;
    } all[] = {
        {&d->metrics.kept,
         {.name = "goevd_download_files_kept",
          .help = "Files that are kept open for the next request.",
          .type = GOEVD_METRIC_GAUGE}},
        {&d->metrics.reused,
         {.name = "goevd_download_files_reused_total",
          .help = "Files that were open when they were asked for.",
          .type = GOEVD_METRIC_COUNTER}},
        {&d->metrics.opened,
         {.name = "goevd_download_files_opened_total",
          .help = "Files that had to be opened.",
          .type = GOEVD_METRIC_COUNTER}},
        {&d->metrics.failed,
         {.name = "goevd_download_failures_total",
          .help = "Requests that were answered with 500 or 503.",
          .type = GOEVD_METRIC_COUNTER}},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        int number = goevd_metric_new(d->self, &all[i].about, NULL);

        if (number < 0)
            return number;
        *all[i].ret = number;
    }
    return 0;
}

static int
dl_share(struct dl_instance *d)
{
    uint64_t key;

    if (getrandom(&key, sizeof(key), 0) != sizeof(key))
        return -EIO;
    d->shared = aligned_alloc(alignof(struct dl_throttle_shared), sizeof(*d->shared));
    if (!d->shared)
        return -ENOMEM;
    memset(d->shared, 0, sizeof(*d->shared));
    dl_clients_init(&d->shared->clients, key);
    return 0;
}

static int
dl_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct dl_instance *d = calloc(1, sizeof(*d));
    int r;

    if (!d)
        return -ENOMEM;
    d->self = self;
    d->options = options;
    r = dl_open_root(d);
    if (r == 0)
        r = dl_check_names(d);
    if (r == 0)
        r = dl_types_init(&d->types, self, d->options);
    if (r == 0)
        r = dl_share(d);
    if (r == 0)
        r = dl_register(d);
    if (r < 0) {
        dl_destroy(d);
        return r;
    }
    *ret_instance = d;
    return 0;
}

static void
dl_poller_stop(void *instance, struct goevd_poller *poller, void *local)
{
    struct dl_local *l = local;

    (void)instance, (void)poller;
    dl_cache_fini(&l->cache);
    dl_root_copy_fini(&l->root);
    goevd_timer_free(l->timer);
    free(l);
}

static int
dl_poller_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    struct dl_instance *d = instance;
    struct dl_local *l = calloc(1, sizeof(*l));
    int r;

    if (!l)
        return -ENOMEM;
    l->download = d;
    l->poller = poller;
    l->root.fd = -1;
    l->timer = goevd_timer_new(poller, dl_find_timer, l);
    r = dl_cache_init(&l->cache, (size_t)d->options->open_max, (uint64_t)d->options->open_time_ns);
    if (r == 0 && !l->timer)
        r = -ENOMEM;
    if (r == 0)
        r = dl_root_copy_init(&l->root, &d->root);
    if (r == 0 && getrandom(&l->boundary, sizeof(l->boundary), 0) != sizeof(l->boundary))
        r = -EIO;
    if (r < 0) {
        dl_poller_stop(instance, poller, l);
        return r;
    }
    *ret_local = l;
    return 0;
}

static const void *
dl_interface(const char *id)
{
    return strcmp(id, GOEVD_HTTP) == 0 ? &dl_reply_handler : NULL;
}

GOEVD_PLUGIN(.name = "download", .description = "serves the files beneath a directory",
             .options = &dl_options_schema, .create = dl_create, .destroy = dl_destroy,
             .poller_start = dl_poller_start, .poller_stop = dl_poller_stop,
             .interface = dl_interface);
