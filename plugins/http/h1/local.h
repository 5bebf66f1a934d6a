/* State of HTTP/1.1 on one poller. */
#pragma once

#include "http/exchange/instance.h"
#include "http/h1/format/parser.h"
#include "http/h1/prepared/head_cache.h"
#include "http/h1/prepared/prerendered.h"

struct http_h1_record;

/* Accessed by its poller only. */
struct http_h1_local {
    struct goevd_place *place;
    struct http_limits limits; /* those of the instance */
    struct http_prerendered_set prerendered;
    struct http_head_cache head_cache;
    struct http_request *request;               /* the request being read; valid within one
                                                 * callback */
    char *scratch;                              /* buffer for the decoded path */
    const struct http_site *site;               /* site of the remembered Host */
    const struct http_handler *const *handlers; /* the first handler of each chain, by number */
    struct http_exchange *fresh;                /* the exchange for the next request with a
                                                 * handler */
    size_t reply_guess;                         /* estimated length of that request's reply */
    struct http_request_info info;              /* info of the request being read */
    struct http_h1_record *records;
    unsigned record_count;
    unsigned record_free; /* number of the first free record, plus 1 */
    uint64_t replies;
    uint64_t refused[HTTP_VERDICT_COUNT]; /* requests refused, by http_verdict_index() */
};
