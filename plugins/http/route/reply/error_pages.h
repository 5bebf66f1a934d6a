/* `error_pages:` - the content of error replies by status, read once at start. */
#pragma once

#include <goevd/plugin.h>

#include "http/message/util.h"
#include "http/options.h"

enum { HTTP_ERROR_PAGES_FIRST = 400, HTTP_ERROR_PAGES_END = 600 };

struct http_error_page {
    struct http_span type;
    struct http_span body;
    char *memory; /* memory of body; NULL: owned by the options */
};

struct http_error_pages {
    struct http_error_page *all;
    size_t count;
    uint16_t of[HTTP_ERROR_PAGES_END -
                HTTP_ERROR_PAGES_FIRST]; /* by status: index into `all`, plus 1; 0: no page */
    uint16_t of_class[(HTTP_ERROR_PAGES_END - HTTP_ERROR_PAGES_FIRST) /
                      100]; /* by class, for statuses without a page of their own */
};

void http_error_pages_fini(struct http_error_pages *pages);

/* Returns 0; -EINVAL after goevd_refuse(); -ENOMEM. Call http_error_pages_fini() also after an
 * error. */
int http_error_pages_init(struct http_error_pages *pages, struct goevd_self *self,
                          const struct http_options *o);

/* The content of a reply with that status; NULL: no page. */
static inline const struct http_error_page *
http_error_pages_find(const struct http_error_pages *pages, int status)
{
    unsigned at = (unsigned)status - HTTP_ERROR_PAGES_FIRST;

    uint16_t number;

    if (at >= ARRAY_LEN(pages->of))
        return NULL;
    number = pages->of[at] != 0 ? pages->of[at] : pages->of_class[at / 100];
    return number == 0 ? NULL : &pages->all[number - 1];
}
