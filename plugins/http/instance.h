/* What one instance of the plugin owns: together, and on each poller. */
#pragma once

#include <goevd/plugin.h>

#include "http/canned.h"
#include "http/options.h"
#include "http/parser.h"
#include "http/routes.h"

struct http {
    struct goevd_self *self;
    const struct options *options;
    struct http_limits limits;
    unsigned pipeline_max;
    struct routes routes;
};

/* Only its poller touches it. */
struct http_local {
    const struct http *http;
    struct canned_set canned;
    struct http_request *request; /* the one being read; valid within one callback */
    char *scratch;                /* for its path */
    uint64_t replies;
    uint64_t refused[HTTP_VERDICT_COUNT]; /* by http_verdict_index() */
};
