/* Declarations shared by the files that serve requests. */
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

/* State of a poller. */
struct dl_local {
    const struct dl_instance *download;
    struct goevd_poller *poller;
    struct dl_root_copy root;
    struct goevd_timer *timer; /* expires at the end of the next cached file */
    struct dl_cache cache;
    uint64_t boundary;
    unsigned unheld; /* queued last pieces of files whose requests are over */
};

static inline void
dl_local_count(const struct dl_local *l, int metric, int64_t delta)
{
    goevd_metric_add(l->download->self, l->poller, metric, delta);
}

/* ---- Finding a file, find.c ------------------------------------------------------------------ */

/* Find the file of a path, or the index file of a directory. Returns 0 with a new reference; errors
 * of dl_file_open(); -EACCES also for a directory without index. */
int dl_find_file(struct dl_local *l, struct goevd_str path, struct dl_file **ret);

/* Codings of precompressed files, in the order of their names in the options. */
enum dl_encoding { DL_ENCODING_BR, DL_ENCODING_ZST, DL_ENCODING_GZ, DL_ENCODING_COUNT };

/* Names of the codings in headers. */
extern const char *const dl_encoding_names[DL_ENCODING_COUNT];

/* Find a precompressed sibling of a file in a coding that the client accepts, not older than the
 * file. Returns its enum dl_encoding, with a new reference; -ENOENT. */
int dl_find_coding(struct dl_local *l, const struct dl_file *file,
                   const struct goevd_http_request *r, struct dl_file **ret);

/* Function of a poller's timer: removes expired files from the cache. arg: struct dl_local. */
void dl_find_timer(struct goevd_timer *timer, void *arg);

/* ---- Replies without a file, refusal.c ------------------------------------------------------- */

/* Reply 405. */
int dl_refusal_method(struct goevd_http_request *r);

/* Reply for an error of dl_find_file(). */
int dl_refusal_error(struct dl_local *l, struct goevd_http_request *r, int error);

/* ---- Replies with a file, reply.c ------------------------------------------------------------ */

extern const struct goevd_http_handler dl_reply_handler;
