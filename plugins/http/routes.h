/* All that an instance can answer: the replies of its routes, and those for errors, by number. */
#pragma once

#include <goevd/plugin.h>

#include "http/options.h"
#include "http/reply.h"
#include "http/router.h"
#include "http/verdict.h"

/* Numbers of replies that are always there. Those for verdicts come first. */
enum {
    ROUTES_NOT_FOUND = HTTP_VERDICT_COUNT,
    ROUTES_SERVER_WIDE, /* to OPTIONS * */
    ROUTES_FIRST
};

struct routes {
    struct http_router router;
    struct http_reply *replies;
    size_t count;
    size_t room;
    uint16_t refusals[1 << HTTP_TRACE]; /* by methods of a path: its 405; 0: not made yet */
};

void routes_fini(struct routes *routes);

/* Returns  0; -EINVAL after goevd_refuse(); -ENOMEM. After an error routes_fini() is still due. */
int routes_init(struct routes *routes, struct goevd_self *self, const struct goevd_list *list);

/* The number of the reply to a request whose head is good and has a path. */
static inline unsigned
routes_find(const struct routes *routes, const struct http_request *req)
{
    const struct http_node *n = http_router_find(&routes->router, req->path);

    return likely(n != NULL) ? n->answer[req->method] : ROUTES_NOT_FOUND;
}
