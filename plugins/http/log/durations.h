/* How long requests take, as histograms: from the round of the poller in which the head of the
 * request was complete, to the first byte of the reply and to its end.
 *
 * A round has one reading of the exact clock for all requests that begin in it. The replies that
 * HTTP/1.1 makes within one callback share another reading at its end. Without the option
 * `durations` nothing is read and nothing is counted. */
#pragma once

#include <goevd/metrics.h>
#include <goevd/plugin.h>

#include "http/message/util.h"
#include "http/options.h"

struct http_durations {
    struct goevd_self *self;
    int whole; /* numbers of the histograms */
    int first_byte;
    int *routes; /* by route; NULL: not measured */
};

/* Accessed by its poller only. */
struct http_durations_local {
    const struct http_durations *of; /* NULL: durations are not measured */
    struct goevd_poller *poller;
    unsigned apart; /* replies of the present callback that are measured one by one */
};

/* Add the histograms, also for these routes if the options say so. `o` is the option `durations`,
 * NULL: durations are not measured. 0; -EINVAL after goevd_refuse(); -ENOMEM, -ENOSPC. Call
 * http_durations_fini() in any case. */
int http_durations_init(struct http_durations *d, struct goevd_self *self,
                        const struct http_options_durations *o, char *const *routes, size_t count);
void http_durations_fini(struct http_durations *d);

/* So many requests began in this round and have been answered in this callback. */
void http_durations_count(const struct http_durations_local *local, unsigned requests);

/* A request has begun in this round, and it has been answered already: count it for its route. */
void http_durations_count_route(const struct http_durations_local *local, size_t route);

/* The reply begins, or has ended, to a request that began at that time. */
void http_durations_first_byte(const struct http_durations_local *local, uint64_t begun_ns);
void http_durations_whole(const struct http_durations_local *local, uint64_t begun_ns,
                          size_t route);
