/* `error_pages:` - what the content of errors is, by status; read once, at start. */
#pragma once

#include <goevd/plugin.h>

#include "http/message/util.h"
#include "http/options.h"

enum { PAGES_FIRST = 400, PAGES_END = 600 };

struct page {
    struct span type;
    struct span body;
    char *memory; /* of body; NULL: the options' */
};

struct pages {
    struct page *all;
    size_t count;
    uint16_t of[PAGES_END - PAGES_FIRST]; /* by status: its place in `all` + 1; 0: there is none */
    uint16_t of_class[(PAGES_END - PAGES_FIRST) / 100]; /* the same for those that have none */
};

void pages_fini(struct pages *pages);

/* Returns  0; -EINVAL after goevd_refuse(); -ENOMEM. After an error pages_fini() is still due. */
int pages_init(struct pages *pages, struct goevd_self *self, const struct options *o);

/* What a reply of that status has as its content; NULL: no page. */
static inline const struct page *
pages_find(const struct pages *pages, int status)
{
    unsigned at = (unsigned)status - PAGES_FIRST;

    uint16_t number;

    if (at >= ARRAY_LEN(pages->of))
        return NULL;
    number = pages->of[at] != 0 ? pages->of[at] : pages->of_class[at / 100];
    return number == 0 ? NULL : &pages->all[number - 1];
}
