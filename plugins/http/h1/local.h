/* What HTTP/1.1 has on each poller. */
#pragma once

#include "http/exchange/instance.h"
#include "http/h1/format/parser.h"
#include "http/h1/head_cache.h"
#include "http/h1/prerendered.h"

struct http_h1_record;

/* Only its poller touches it. */
struct http_h1_local {
    struct goevd_place *place;
    struct http_limits limits; /* the instance's */
    struct http_prerendered_set prerendered;
    struct http_head_cache head_cache;
    struct http_request *request;               /* the one being read; valid within one callback */
    char *scratch;                              /* for its path */
    const struct http_site *site;               /* of the Host that it remembers */
    const struct http_handler *const *handlers; /* the first of each chain, by number */
    struct http_exchange *fresh;                /* for the next request that a handler gets */
    size_t reply_guess;                         /* how long its reply will be */
    struct http_request_info info;              /* of the request that is being read */
    struct http_h1_record *records;
    unsigned record_count;
    unsigned record_free; /* the first of the free ones, plus 1 */
    uint64_t replies;
    uint64_t refused[HTTP_VERDICT_COUNT]; /* by http_verdict_index() */
};
