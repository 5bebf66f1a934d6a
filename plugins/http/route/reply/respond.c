#include "http/route/reply/respond.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/message/status.h"
#include "http/message/text/chars.h"
#include "http/route/reply/header_edits.h"

static const char default_type[] = "text/plain; charset=utf-8";

static int
http_respond_check_status(struct goevd_self *self, const char *path,
                          const struct http_options_respond *o)
{
    char at[128];

    if (o->body.len == 0 || (http_status_has_content((int)o->status) && o->status != 205))
        return 0;
    snprintf(at, sizeof(at), "%s.respond.body", path);
    return goevd_refuse(self, at,
                        "a reply with status %d has no body; leave body out or choose "
                        "another status",
                        (int)o->status);
}

static bool
http_respond_has_type(const struct http_options_respond *o)
{
    const struct goevd_pair *headers = o->headers.items;

    for (size_t i = 0; i < o->headers.count; i++)
        if (headers[i].key.len == strlen("content-type") &&
            http_chars_equal_nocase(headers[i].key.data, "content-type", headers[i].key.len))
            return true;
    return false;
}

/* The default content type, if the headers have none; "": no type. */
static const char *
http_respond_type(const struct http_options_respond *o, const struct http_error_page *page)
{
    if (page)
        return page->type.data;
    /* without a type, browsers guess one from the content */
    return o->body.len != 0 && !http_respond_has_type(o) ? default_type : "";
}

static size_t
http_respond_fields_size(const struct http_options_respond *o, const char *type)
{
    const struct goevd_pair *headers = o->headers.items;
    size_t size = sizeof("Content-Type: \r\n") + strlen(type);

    for (size_t i = 0; i < o->headers.count; i++)
        size += headers[i].key.len + headers[i].value.len + strlen(": \r\n");
    return size;
}

static size_t
http_respond_write_fields(char *to, size_t size, const struct http_options_respond *o,
                          const char *type)
{
    const struct goevd_pair *headers = o->headers.items;
    size_t n = 0;

    to[0] = '\0';
    for (size_t i = 0; i < o->headers.count; i++)
        n += (size_t)snprintf(to + n, size - n, "%s: %s\r\n", headers[i].key.data,
                              headers[i].value.data);
    if (type[0] != '\0')
        n += (size_t)snprintf(to + n, size - n, "Content-Type: %s\r\n", type);
    return n;
}

int
http_respond_build(struct goevd_self *self, const char *path, const struct http_options_respond *o,
                   const struct http_error_pages *pages, struct http_reply *ret_reply)
{
    const struct goevd_pair *headers = o->headers.items;
    const struct http_error_page *page = o->body.data || http_respond_has_type(o)
                                             ? NULL
                                             : http_error_pages_find(pages, (int)o->status);
    const char *type = http_respond_type(o, page);
    size_t size = http_respond_fields_size(o, type);
    char at[128];
    char *fields;
    int r = http_respond_check_status(self, path, o);

    snprintf(at, sizeof(at), "%s.respond.headers", path);
    for (size_t i = 0; r == 0 && i < o->headers.count; i++)
        r = http_header_edits_check_header(self, at, headers[i].key, headers[i].value);
    if (r < 0)
        return r;
    if (size > HTTP_RESPOND_FIELDS_MAX)
        return goevd_refuse(self, at, "the headers have %zu bytes in all; at most %d can be sent",
                            size, HTTP_RESPOND_FIELDS_MAX);
    fields = malloc(size);
    if (!fields)
        return -ENOMEM;
    *ret_reply = (struct http_reply){
        .status = (int)o->status,
        .fields = {fields, http_respond_write_fields(fields, size, o, type)},
        .body = page ? page->body : (struct http_span){o->body.data, o->body.len},
        .memory = fields,
    };
    return 0;
}
