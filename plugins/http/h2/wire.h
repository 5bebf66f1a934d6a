/* HTTP/2 as a wire: the link of an exchange to its stream. */
#pragma once

#include "http/h2/stream.h"

struct http_h2_link {
    struct http_h2_stream *stream; /* NULL: it is gone */
    struct http_buffer copy;       /* of the request, once it lasts */
};

extern const struct http_wire http_h2_wire;

static inline struct http_h2_link *
http_h2_link(const struct http_exchange *x)
{
    return (struct http_h2_link *)(uintptr_t)x->link;
}

/* The request lasts, and the block that it lies in does not: copy it. 0; -ENOMEM. */
int http_h2_link_keep(struct http_exchange *x);
