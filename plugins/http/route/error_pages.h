/* `error_pages:` - what the content of errors is, by status; read once, at start. */
#pragma once

#include <goevd/plugin.h>

#include "http/message/util.h"
#include "http/options.h"

enum { HTTP_ERROR_PAGES_FIRST = 400, HTTP_ERROR_PAGES_END = 600 };

struct http_error_page {
    struct http_span type;
    struct http_span body;
    char *memory; /* of body; NULL: the options' */
};

struct http_error_pages {
    struct http_error_page *all;
    size_t count;
    uint16_t of[HTTP_ERROR_PAGES_END -
                HTTP_ERROR_PAGES_FIRST]; /* by status: its place in `all` + 1; 0: there is none */
    uint16_t of_class[(HTTP_ERROR_PAGES_END - HTTP_ERROR_PAGES_FIRST) /
                      100]; /* the same for those that have none */
};

void http_error_pages_fini(struct http_error_pages *pages);

/* Returns  0; -EINVAL after goevd_refuse(); -ENOMEM. After an error http_error_pages_fini() is
 * still due. */
int http_error_pages_init(struct http_error_pages *pages, struct goevd_self *self,
                          const struct http_options *o);

/* What a reply of that status has as its content; NULL: no page. */
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
