/* `headers:` - what is done to the headers of all replies of a route, of a host, or of all routes.
 *
 * Several are made into one: names that are taken out, then lines that are added. What is done
 * later sees what was done before. */
#pragma once

#include <goevd/plugin.h>

#include "http/message/buffer.h"
#include "http/options.h"

/* Bytes that all lines of one route may have. */
#define HTTP_HEADER_EDITS_LINES_MAX 8192

struct http_header_edits {
    struct http_span *drops; /* names: the options' */
    size_t drop_count;
    struct http_buffer lines; /* header lines, each with CR LF */
};

void http_header_edits_fini(struct http_header_edits *edits);

/* Whether there is anything to do. */
static inline bool
http_header_edits_any(const struct http_header_edits *edits)
{
    return edits->drop_count != 0 || edits->lines.len != 0;
}

/* Check one header of a reply that the options spell out, at `path` in them.
 *
 * Returns  0; -EINVAL after goevd_refuse().
 */
int http_header_edits_check_header(struct goevd_self *self, const char *path, struct goevd_str name,
                                   struct goevd_str value);

/* Check what `headers` says at `path`; NULL is good. Returns as http_header_edits_check_header().
 */
int http_header_edits_check(struct goevd_self *self, const char *path,
                            const struct http_options_headers *o);

/* Whether they add no more bytes than they may. Returns likewise. */
int http_header_edits_check_length(struct goevd_self *self, const char *path,
                                   const struct http_header_edits *edits);

/* Let that be done too, after the others; NULL: nothing. 0 or -ENOMEM. */
int http_header_edits_add(struct http_header_edits *edits, const struct http_options_headers *o);

/* Let what these have for replies without a route be done too; both may be NULL. 0 or -ENOMEM. */
int http_header_edits_add_always(struct http_header_edits *edits,
                                 const struct http_options_headers *all,
                                 const struct http_options_headers *host);

/* Do it to header lines. 0 or -ENOMEM. */
int http_header_edits_apply(const struct http_header_edits *edits, struct http_buffer *lines);
