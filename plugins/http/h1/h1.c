#include "http/h1/h1.h"

#include <errno.h>
#include <stdlib.h>

#include "http/h1/link.h"
#include "http/h1/output/record.h"

static int
http_h1_local_fill(struct http_h1_local *h1, struct http_local *local)
{
    const struct http *http = local->http;
    struct http_span server = {http->options->server.data, http->options->server.len};
    size_t fields = http->limits.headers_max * sizeof(struct http_field);
    int r;

    h1->place = local->place;
    h1->limits = http->limits;
    h1->handlers = http->routes.handlers.first;
    h1->site = http->routes.sites;
    h1->reply_guess = 1;
    h1->request = calloc(1, sizeof(*h1->request) + fields);
    h1->scratch = malloc(http->limits.request_line_max);
    if (!h1->request || !h1->scratch)
        return -ENOMEM;
    r = http_prerendered_set_init(&h1->prerendered, local->poller, &http->routes, server);
    if (r < 0)
        return r;
    http_head_cache_init(&h1->head_cache, &h1->prerendered);
    return http_h1_link_fresh(local);
}

int
http_h1_local_init(struct http_local *local)
{
    local->h1 = calloc(1, sizeof(*local->h1));
    return local->h1 ? http_h1_local_fill(local->h1, local) : -ENOMEM;
}

void
http_h1_local_fini(struct http_local *local)
{
    struct http_h1_local *h1 = local->h1;

    if (!h1)
        return;
    http_h1_record_fini(h1);
    http_head_cache_fini(&h1->head_cache);
    http_prerendered_set_fini(&h1->prerendered);
    free(h1->request);
    free(h1->scratch);
    free(h1);
}

size_t
http_h1_link_size(void)
{
    return sizeof(struct http_h1_link);
}
