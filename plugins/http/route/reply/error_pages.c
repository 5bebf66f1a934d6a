#include "http/route/reply/error_pages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <goevd/file.h>

#include "http/message/rows.h"

void
http_error_pages_fini(struct http_error_pages *pages)
{
    for (size_t i = 0; i < pages->count; i++)
        free(pages->all[i].memory);
    free(pages->all);
    *pages = (struct http_error_pages){0};
}

static int
http_error_pages_read(struct goevd_self *self, const char *at, const char *path, size_t max,
                      struct http_error_page *page)
{
    size_t n = 0;
    int r = goevd_file_read(self, path, max, &page->memory, &n);

    if (r == -EFBIG)
        return goevd_refuse(self, at, "%s has more than %zu bytes; see error_page_max", path, max);
    if (r < 0 && r != -ENOMEM)
        return goevd_refuse(self, at, "%s: %s", path, strerror(-r));
    page->body = (struct http_span){page->memory, n};
    return r;
}

/* Parse "404" or "4xx" into the range of statuses from *ret_first up to *ret_end. */
static bool
http_error_pages_read_status(struct goevd_str text, unsigned *ret_first, unsigned *ret_end)
{
    unsigned first = 0;
    size_t digits = strspn(text.data, "0123456789");

    if (text.len != 3 || (digits != 3 && (digits != 1 || strcmp(text.data + 1, "xx") != 0)))
        return false;
    for (size_t i = 0; i < 3; i++)
        first = first * 10 + (i < digits ? (unsigned)(text.data[i] - '0') : 0);
    *ret_first = first;
    *ret_end = digits == 3 ? first + 1 : first + 100;
    return first >= HTTP_ERROR_PAGES_FIRST && first < HTTP_ERROR_PAGES_END;
}

/* Assign the page to its statuses. */
static int
http_error_pages_claim(struct http_error_pages *pages, struct goevd_self *self, const char *at,
                       struct goevd_str text, uint16_t number)
{
    unsigned first, end;
    bool again;

    if (!http_error_pages_read_status(text, &first, &end))
        return goevd_refuse(self, at, "\"%s\" is neither a status from 400 to 599 nor 4xx or 5xx",
                            text.data);
    first -= HTTP_ERROR_PAGES_FIRST;
    end -= HTTP_ERROR_PAGES_FIRST;
    if (end - first == 1) {
        again = pages->of[first] != 0;
        pages->of[first] = number;
    } else {
        again = pages->of_class[first / 100] != 0;
        pages->of_class[first / 100] = number;
    }
    return again ? goevd_refuse(self, at, "%s has a page already; remove one of them", text.data)
                 : 0;
}

static int
http_error_pages_add(struct http_error_pages *pages, struct goevd_self *self,
                     const struct http_options *o, size_t index)
{
    const struct http_options_page *p =
        (const struct http_options_page *)o->error_pages.items + index;
    struct http_error_page *page = &pages->all[index];
    const struct goevd_str *statuses = p->status.items;
    char at[64];
    int r = 0;

    for (size_t i = 0; r == 0 && i < p->status.count; i++) {
        snprintf(at, sizeof(at), "error_pages[%zu].status[%zu]", index, i);
        r = http_error_pages_claim(pages, self, at, statuses[i], (uint16_t)(index + 1));
    }
    if (r < 0)
        return r;
    snprintf(at, sizeof(at), "error_pages[%zu].type", index);
    if (p->type.len == 0 || !http_field_value_valid(p->type.data, p->type.len))
        return goevd_refuse(self, at, "\"%s\" is no type of content", p->type.data);
    page->type = (struct http_span){p->type.data, p->type.len};
    page->body = (struct http_span){p->body.data, p->body.len};
    snprintf(at, sizeof(at), "error_pages[%zu].file", index);
    return p->file.len == 0
               ? 0
               : http_error_pages_read(self, at, p->file.data, (size_t)o->error_page_max, page);
}

int
http_error_pages_init(struct http_error_pages *pages, struct goevd_self *self,
                      const struct http_options *o)
{
    int r = 0;

    *pages = (struct http_error_pages){0};
    if (o->error_pages.count == 0)
        return 0;
    pages->all = calloc(o->error_pages.count, sizeof(*pages->all));
    if (!pages->all)
        return -ENOMEM;
    pages->count = o->error_pages.count;
    for (size_t i = 0; r == 0 && i < pages->count; i++)
        r = http_error_pages_add(pages, self, o, i);
    return r;
}
