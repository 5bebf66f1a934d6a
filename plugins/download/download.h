/* What the parts of this plugin have in common that serve requests. */
#pragma once

#include <goevd/metrics.h>

#include "download/cache.h"
#include "download/options.h"
#include "download/root.h"
#include "download/throttle.h"
#include "download/types.h"

struct dl_instance {
    struct goevd_self *self;
    const struct dl_options *options;
    struct dl_types types;
    struct dl_throttle_shared *shared;
    struct dl_root root;
    struct {
        int kept, reused, opened, failed;
    } metrics;
};

/* Of a poller. */
struct dl_local {
    const struct dl_instance *download;
    struct goevd_poller *poller;
    struct dl_root_copy root;
    struct goevd_timer *timer; /* the next file of the cache to let go of */
    struct dl_cache cache;
    uint64_t boundary;
    unsigned unheld; /* pieces of files that are queued, whose requests are over */
};

static inline void
dl_local_count(const struct dl_local *l, int metric, int64_t delta)
{
    goevd_metric_add(l->download->self, l->poller, metric, delta);
}

/* ---- Finding a file, find.c ------------------------------------------------------------------ */

/* The file of a path, or the one that stands for its directory. Returns 0 with a reference more; or
 * as dl_file_open(), -EACCES also for a directory without such a file. */
int dl_find_file(struct dl_local *l, struct goevd_str path, struct dl_file **ret);

/* Codings that files can be prepared in; in the order of their names in the options. */
enum dl_encoding { DL_ENCODING_BR, DL_ENCODING_ZST, DL_ENCODING_GZ, DL_ENCODING_COUNT };

/* What headers call them. */
extern const char *const dl_encoding_names[DL_ENCODING_COUNT];

/* A prepared coding of a file that the client prefers, and that is not older. Returns its enum
 * encoding, with a reference; -ENOENT. */
int dl_find_coding(struct dl_local *l, const struct dl_file *file,
                   const struct goevd_http_request *r, struct dl_file **ret);

/* The timer of a poller: let go of files that were kept for long enough. arg: struct dl_local. */
void dl_find_timer(struct goevd_timer *timer, void *arg);

/* ---- Replies without one, refusal.c ---------------------------------------------------------- */

/* 405. */
int dl_refusal_method(struct goevd_http_request *r);

/* What dl_find_file() has failed with. */
int dl_refusal_error(struct dl_local *l, struct goevd_http_request *r, int error);

/* ---- Replies with one, reply.c --------------------------------------------------------------- */

extern const struct goevd_http_handler dl_reply_handler;
