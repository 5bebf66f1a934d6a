/* The replies of routes and those that no route has: refusals, 404, 405, 421 and OPTIONS *. */
#pragma once

#include "http/message/request.h"
#include "http/message/verdict.h"
#include "http/route/error_pages.h"
#include "http/route/header_edits.h"
#include "http/route/reply.h"

#define HTTP_REPLIES_MAX 0x7fff

/* Numbers of those that are always there. The ones for verdicts come first. */
enum {
    HTTP_REPLIES_NOT_FOUND = HTTP_VERDICT_COUNT,
    HTTP_REPLIES_MISDIRECTED, /* to a host that is not served */
    HTTP_REPLIES_SERVER_WIDE  /* to OPTIONS * */
};

struct http_replies {
    struct http_error_pages error_pages;
    struct http_header_edits always; /* of those that no route has and are made from now on */
    struct http_reply *all;
    size_t count;
    size_t room;
    uint16_t refusals[1 << HTTP_TRACE]; /* by methods of a path: its 405; 0: not made yet */
};

void http_replies_fini(struct http_replies *replies);

/* The number of a new reply, whose memory is taken over in any case; -ENOMEM; -E2BIG. */
int http_replies_push(struct http_replies *replies, struct http_reply reply);

/* Edit the headers of one of the options' own. 0; -EINVAL after goevd_refuse(); -ENOMEM. */
int http_replies_edit(struct http_reply *reply, struct goevd_self *self, const char *at,
                      const struct http_header_edits *edits);

/* The number of the 405 for a path that takes these methods; paths that take the same share it.
 * -ENOMEM.
 *
 * arg      struct http_replies.
 */
int http_replies_refuse(void *arg, uint16_t methods);

/* Let the headers that `all` and the host, perhaps NULL, have for replies without a route be on
 * those that are made from now on. Returns as http_replies_edit(). */
int http_replies_set_always(struct http_replies *replies, struct goevd_self *self,
                            const struct http_options_headers *all,
                            const struct http_options_headers *host);

/* The number of a new 404. -ENOMEM. */
int http_replies_push_absent(struct http_replies *replies);

/* Make those that are always there, in the order of their numbers.
 *
 * methods  that the server has on any path.
 * Returns  the last number; -ENOMEM.
 */
int http_replies_push_fixed(struct http_replies *replies, uint16_t methods);
