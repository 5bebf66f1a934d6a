#include "http/message/request.h"

#include "http/message/text/buffer.h"

const char *const http_method_names[HTTP_METHOD_COUNT] = {
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT",
};

uint8_t
http_method_find(const char *name, size_t len)
{
    uint8_t m = 0;

    while (m < HTTP_METHOD_COUNT &&
           (strlen(http_method_names[m]) != len || memcmp(name, http_method_names[m], len) != 0))
        m++;
    return m;
}

/* Relocate a pointer from the bytes at `from` to their copy at `to`. */
static void
http_request_move(const char **p, struct http_span from, char *to)
{
    uintptr_t at = (uintptr_t)*p - (uintptr_t)from.data;

    if (at <= from.len)
        *p = to + at;
}

struct http_request *
http_request_copy(struct http_buffer *to, const struct http_request *req, struct http_span head,
                  const char *scratch)
{
    size_t fields = sizeof(*req) + req->field_count * sizeof(req->fields[0]);
    bool changed = req->path.data == scratch;
    struct http_request *copy;
    char *bytes;

    if (http_buffer_reserve(to, fields + head.len + (changed ? req->path.len : 0)) < 0)
        return NULL;
    copy = (struct http_request *)(void *)to->data;
    bytes = to->data + fields;
    memcpy(copy, req, fields);
    memcpy(bytes, head.data, head.len);
    for (uint32_t i = 0; i < req->field_count; i++) {
        http_request_move(&copy->fields[i].name, head, bytes);
        http_request_move(&copy->fields[i].value, head, bytes);
    }
    http_request_move(&copy->target.data, head, bytes);
    if (!changed) {
        http_request_move(&copy->path.data, head, bytes);
        return copy;
    }
    memcpy(bytes + head.len, scratch, req->path.len);
    copy->path.data = bytes + head.len;
    return copy;
}
