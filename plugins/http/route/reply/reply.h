/* A reply that is known at start: status, fields and content, whatever its wire. */
#pragma once

#include "http/message/util.h"

/* A reply that does not depend on the request. */
struct http_reply {
    int status;
    uint32_t count_at;       /* of the series that it counts in: counts.h */
    struct http_span fields; /* header lines, each with CR LF */
    struct http_span body;
    char *memory; /* one allocation with the parts that are not constant; NULL: none */
};
