/* `headers:` - edits the headers of all replies of a route, of a host, or of all routes.
 *
 * Several edits are merged into one: names to remove, then lines to add. A later edit applies to
 * the result of the earlier ones. */
#pragma once

#include <goevd/plugin.h>

#include "http/message/text/buffer.h"
#include "http/options.h"

/* Limit of all lines of one route, in bytes. */
#define HTTP_HEADER_EDITS_LINES_MAX 8192

struct http_header_edits {
    struct http_span *drops; /* names to remove, owned by the options */
    size_t drop_count;
    struct http_buffer lines; /* lines to add, each with CR LF */
};

void http_header_edits_fini(struct http_header_edits *edits);

/* Whether there is an edit. */
static inline bool
http_header_edits_any(const struct http_header_edits *edits)
{
    return edits->drop_count != 0 || edits->lines.len != 0;
}

/* Check one header in the options, at `path`.
 *
 * Returns  0; -EINVAL after goevd_refuse().
 */
int http_header_edits_check_header(struct goevd_self *self, const char *path, struct goevd_str name,
                                   struct goevd_str value);

/* Check the edits in `headers`, at `path`; NULL is valid. Returns as
 * http_header_edits_check_header() does. */
int http_header_edits_check(struct goevd_self *self, const char *path,
                            const struct http_options_headers *o);

/* Check that the added lines are within the limit. Returns likewise. */
int http_header_edits_check_length(struct goevd_self *self, const char *path,
                                   const struct http_header_edits *edits);

/* Append the edits of `o`; NULL: none. 0 or -ENOMEM. */
int http_header_edits_add(struct http_header_edits *edits, const struct http_options_headers *o);

/* Append the edits that both have for replies without a route; both may be NULL. 0 or -ENOMEM. */
int http_header_edits_add_always(struct http_header_edits *edits,
                                 const struct http_options_headers *all,
                                 const struct http_options_headers *host);

/* Apply the edits to header lines. 0 or -ENOMEM. */
int http_header_edits_apply(const struct http_header_edits *edits, struct http_buffer *lines);
