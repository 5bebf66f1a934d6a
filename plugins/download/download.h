/* What the parts of this plugin have in common that serve requests. */
#pragma once

#include "download/cache.h"
#include "download/options.h"
#include "download/throttle.h"
#include "download/types.h"

struct download {
    struct goevd_self *self;
    const struct options *options;
    struct types types;
    struct throttle_shared *shared;
    int root;
    struct {
        int kept, reused, opened, failed;
    } figures;
};

/* Of a poller. */
struct local {
    const struct download *download;
    struct goevd_poller *poller;
    struct goevd_timer *timer; /* the next file of the cache to let go of */
    struct cache cache;
    uint64_t boundary;
};

static inline void
local_count(const struct local *l, int figure, int64_t delta)
{
    goevd_figure_add(l->download->self, l->poller, figure, delta);
}

/* ---- Finding a file, find.c ------------------------------------------------------------------ */

/* The file of a path, or the one that stands for its directory. Returns 0 with a reference more; or
 * as file_open(), -EACCES also for a directory without such a file. */
int find_file(struct local *l, struct goevd_str path, struct file **ret);

/* Codings that files can be prepared in; in the order of their names in the options. */
enum encoding { ENCODING_BR, ENCODING_ZST, ENCODING_GZ, ENCODING_COUNT };

/* What headers call them. */
extern const char *const encoding_names[ENCODING_COUNT];

/* A prepared coding of a file that the client prefers, and that is not older. Returns its enum
 * encoding, with a reference; -ENOENT. */
int find_coding(struct local *l, const struct file *file, const struct goevd_http_request *r,
                struct file **ret);

/* The timer of a poller: let go of files that were kept for long enough. arg: struct local. */
void find_timer(struct goevd_timer *timer, void *arg);

/* ---- Replies without one, refusal.c ---------------------------------------------------------- */

/* 405. */
int refusal_method(struct goevd_http_request *r);

/* What find_file() has failed with. */
int refusal_error(struct local *l, struct goevd_http_request *r, int error);

/* ---- Replies with one, reply.c --------------------------------------------------------------- */

extern const struct goevd_http_handler reply_handler;
