/* The prerendered replies: those of routes, and those without a route: refusals, 404, 405, 421 and
 * OPTIONS *. */
#pragma once

#include "http/message/request.h"
#include "http/message/verdict.h"
#include "http/route/reply/error_pages.h"
#include "http/route/reply/header_edits.h"
#include "http/route/reply/reply.h"

#define HTTP_REPLIES_MAX 0x7fff

/* Numbers of the fixed replies. Those for verdicts come first. */
enum {
    HTTP_REPLIES_NOT_FOUND = HTTP_VERDICT_COUNT,
    HTTP_REPLIES_MISDIRECTED, /* for a host that is not served */
    HTTP_REPLIES_SERVER_WIDE  /* for OPTIONS * */
};

struct http_replies {
    struct http_error_pages error_pages;
    struct http_header_edits always; /* edits for replies without a route that are made from now
                                      * on */
    struct http_reply *all;
    size_t count;
    size_t room;
    unsigned count_at; /* place of the series that replies added from now on count in */
    uint16_t refusals[1 << HTTP_TRACE]; /* number of the 405 by the set of methods; 0: not made
                                         * yet */
};

void http_replies_fini(struct http_replies *replies);

/* Append a reply, whose memory is taken over in any case. Returns its number; -ENOMEM; -E2BIG. */
int http_replies_push(struct http_replies *replies, struct http_reply reply);

/* Apply header edits to a reply of a route. 0; -EINVAL after goevd_refuse(); -ENOMEM. */
int http_replies_edit(struct http_reply *reply, struct goevd_self *self, const char *at,
                      const struct http_header_edits *edits);

/* The number of the 405 for paths with these methods. All such paths share it. -ENOMEM.
 *
 * arg      struct http_replies.
 */
int http_replies_refuse(void *arg, uint16_t methods);

/* Apply the edits that `all` and the host (or NULL) have for replies without a route to those made
 * from now on. Returns as http_replies_edit() does. */
int http_replies_set_always(struct http_replies *replies, struct goevd_self *self,
                            const struct http_options_headers *all,
                            const struct http_options_headers *host);

/* Append a 404. Returns its number; -ENOMEM. */
int http_replies_push_absent(struct http_replies *replies);

/* Append the fixed replies, in the order of their numbers.
 *
 * methods  Methods that the server has on any path.
 * Returns  The last number; -ENOMEM.
 */
int http_replies_push_fixed(struct http_replies *replies, uint16_t methods);
