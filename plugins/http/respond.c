#include "http/respond.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/chars.h"
#include "http/fields.h"

/* Header lines of one reply; with its head it must fit what a connection reserves at once. */
#define RESPOND_FIELDS_MAX 16384

static const char default_type[] = "Content-Type: text/plain; charset=utf-8\r\n";

static int
respond_check_header(struct goevd_self *self, const char *path, const struct goevd_pair *header)
{
    const char *name = header->key.data;
    char at[128];

    snprintf(at, sizeof(at), "%s.respond.headers", path);
    if (!http_field_name_valid(name, header->key.len))
        return goevd_refuse(self, at,
                            "\"%s\" is no header name: letters, digits and \"-\" may "
                            "stand in one, no spaces and no colon",
                            name);
    if (http_field_is_ours(name, header->key.len))
        return goevd_refuse(self, at, "%s is set by the server itself; leave it out%s", name,
                            chars_equal_nocase(name, "server", strlen("server"))
                                ? " and see the option server"
                                : "");
    if (!http_field_value_valid(header->value.data, header->value.len))
        return goevd_refuse(self, at,
                            "the value of %s has a line break or other control "
                            "character, or white space at an end",
                            name);
    return 0;
}

static int
respond_check_status(struct goevd_self *self, const char *path, const struct options_respond *o)
{
    char at[128];

    if (o->body.len == 0 || (http_reply_has_body((int)o->status) && o->status != 205))
        return 0;
    snprintf(at, sizeof(at), "%s.respond.body", path);
    return goevd_refuse(self, at,
                        "a reply with status %d has no body; leave body out or choose "
                        "another status",
                        (int)o->status);
}

static size_t
respond_fields_size(const struct options_respond *o)
{
    const struct goevd_pair *headers = o->headers.items;
    size_t size = sizeof(default_type);

    for (size_t i = 0; i < o->headers.count; i++)
        size += headers[i].key.len + headers[i].value.len + strlen(": \r\n");
    return size;
}

static bool
respond_has_type(const struct options_respond *o)
{
    const struct goevd_pair *headers = o->headers.items;

    for (size_t i = 0; i < o->headers.count; i++)
        if (headers[i].key.len == strlen("content-type") &&
            chars_equal_nocase(headers[i].key.data, "content-type", headers[i].key.len))
            return true;
    return false;
}

static size_t
respond_write_fields(char *to, size_t size, const struct options_respond *o)
{
    const struct goevd_pair *headers = o->headers.items;
    size_t n = 0;

    to[0] = '\0';
    for (size_t i = 0; i < o->headers.count; i++)
        n += (size_t)snprintf(to + n, size - n, "%s: %s\r\n", headers[i].key.data,
                              headers[i].value.data);
    /* without a type, browsers guess one from the content */
    if (o->body.len != 0 && !respond_has_type(o))
        n += (size_t)snprintf(to + n, size - n, "%s", default_type);
    return n;
}

int
respond_build(struct goevd_self *self, const char *path, const struct options_respond *o,
              struct http_reply *ret_reply)
{
    const struct goevd_pair *headers = o->headers.items;
    size_t size = respond_fields_size(o);
    char at[128];
    char *fields;
    int r = respond_check_status(self, path, o);

    for (size_t i = 0; r == 0 && i < o->headers.count; i++)
        r = respond_check_header(self, path, &headers[i]);
    if (r < 0)
        return r;
    if (size > RESPOND_FIELDS_MAX) {
        snprintf(at, sizeof(at), "%s.respond.headers", path);
        return goevd_refuse(self, at, "the headers have %zu bytes in all; at most %d can be sent",
                            size, RESPOND_FIELDS_MAX);
    }
    fields = malloc(size);
    if (fields == NULL)
        return -ENOMEM;
    *ret_reply = (struct http_reply){
        .status = (int)o->status,
        .fields = {fields, respond_write_fields(fields, size, o)},
        .body = {o->body.data, o->body.len},
        .memory = fields,
    };
    return 0;
}
