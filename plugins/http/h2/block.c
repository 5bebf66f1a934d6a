#include "http/h2/block.h"

#include <errno.h>

#include "http/message/semantics.h"
#include "http/message/text/chars.h"
#include "http/message/text/lines.h"
#include "http/message/text/scan.h"
#include "http/message/verdict.h"

/* Overhead that counts for each field, RFC 9113 section 6.5.2. */
#define BLOCK_FIELD_BYTES 32

/* Where a field lies in the text. */
struct http_h2_field {
    uint32_t name_at;
    uint32_t name_len;
    uint32_t value_at;
    uint32_t value_len;
};

void
http_h2_block_begin(struct http_h2_block *block, bool trailers)
{
    block->text.len = block->fields.len = block->cookie.len = 0;
    block->method.seen = block->scheme.seen = block->authority.seen = block->path.seen = false;
    block->bytes = block->count = 0;
    block->verdict = 0;
    block->trailers = trailers;
}

void
http_h2_block_clear(struct http_h2_block *block, size_t keep)
{
    http_buffer_clear(&block->text, keep);
    http_buffer_clear(&block->fields, keep);
    http_buffer_clear(&block->cookie, keep);
}

/* ---- Fields in ------------------------------------------------------------------------------- */

static bool
http_h2_block_is(struct http_span name, const char *other)
{
    return name.len == strlen(other) && memcmp(name.data, other, name.len) == 0;
}

static struct http_h2_span *
http_h2_block_pseudo(struct http_h2_block *block, struct http_span name)
{
    if (http_h2_block_is(name, ":method"))
        return &block->method;
    if (http_h2_block_is(name, ":scheme"))
        return &block->scheme;
    if (http_h2_block_is(name, ":authority"))
        return &block->authority;
    return http_h2_block_is(name, ":path") ? &block->path : NULL;
}

/* RFC 9113 section 8.2.3: the crumbs of a cookie are joined. */
static int
http_h2_block_add_crumb(struct http_h2_block *block, struct http_span value)
{
    int r = block->cookie.len == 0 ? 0 : http_buffer_append(&block->cookie, "; ", 2);

    return r < 0 ? r : http_buffer_append(&block->cookie, value.data, value.len);
}

static int
http_h2_block_add_field(struct http_h2_block *block, struct http_span name, struct http_span value)
{
    struct http_h2_field f = {
        .name_at = (uint32_t)block->text.len,
        .name_len = (uint32_t)name.len,
        .value_at = (uint32_t)(block->text.len + name.len),
        .value_len = (uint32_t)value.len,
    };
    int r = http_buffer_append(&block->text, name.data, name.len);

    if (r == 0)
        r = http_buffer_append(&block->text, value.data, value.len);
    return r < 0 ? r : http_buffer_append(&block->fields, (const char *)&f, sizeof(f));
}

/* Limits count fields as they are decoded: one byte on the wire may be a long field. Beyond a limit
 * decoding goes on, because the compression state is the connection's, but nothing is kept. */
static bool
http_h2_block_fits(struct http_h2_block *block, const struct http_limits *limits,
                   struct http_span name, struct http_span value)
{
    block->bytes += name.len + value.len + BLOCK_FIELD_BYTES;
    block->count += name.data[0] != ':';
    if (block->verdict == 0 && block->count > limits->headers_max)
        block->verdict = HTTP_MANY_HEADERS;
    if (block->verdict == 0 && block->bytes > limits->header_bytes_max + limits->request_line_max)
        block->verdict = block->trailers ? HTTP_LARGE_TRAILERS : HTTP_LARGE_HEADERS;
    return block->verdict == 0;
}

int
http_h2_block_add(struct http_h2_block *block, const struct http_limits *limits,
                  struct http_span name, struct http_span value)
{
    struct http_h2_span *pseudo;

    if (!http_h2_block_fits(block, limits, name, value))
        return 0;
    pseudo = name.data[0] == ':' ? http_h2_block_pseudo(block, name) : NULL;
    if (pseudo) {
        *pseudo = (struct http_h2_span){block->text.len, value.len, true};
        return http_buffer_append(&block->text, value.data, value.len);
    }
    if (http_h2_block_is(name, "cookie"))
        return http_h2_block_add_crumb(block, value);
    return http_h2_block_add_field(block, name, value);
}

/* ---- The request ----------------------------------------------------------------------------- */

static struct http_span
http_h2_block_span(const struct http_h2_block *block, struct http_h2_span s)
{
    return (struct http_span){block->text.data + s.at, s.len};
}

/* Put "METHOD target" and the cookie behind the rest of the text. goevd_http_method() looks for a
 * method there, and one copy then holds all bytes of a request. 0; -ENOMEM. */
static int
http_h2_block_gather(struct http_h2_block *block, struct http_h2_span *ret_target,
                     struct http_h2_span *ret_cookie)
{
    struct http_h2_span method = block->method;
    struct http_h2_span target = block->path.seen ? block->path : block->authority;
    struct http_buffer *text = &block->text;
    char *to;

    if (http_buffer_reserve(text, text->len + method.len + 1 + target.len + block->cookie.len) < 0)
        return -ENOMEM;
    to = text->data + text->len;
    memcpy(to, text->data + method.at, method.len);
    to[method.len] = ' ';
    memcpy(to + method.len + 1, text->data + target.at, target.len);
    *ret_target = (struct http_h2_span){text->len + method.len + 1, target.len, true};
    text->len += method.len + 1 + target.len;
    *ret_cookie = (struct http_h2_span){text->len, block->cookie.len, block->cookie.len != 0};
    return http_buffer_append(text, block->cookie.data, block->cookie.len);
}

/* As the parser of HTTP/1.1 does. */
static int
http_h2_block_line(const struct http_h2_block *block, const struct http_limits *limits,
                   struct http_span target, struct http_request *ret)
{
    struct http_scan_target s;
    struct http_span method = http_h2_block_span(block, block->method);
    const char *end = target.data + target.len;

    if (method.len + 1 + target.len > limits->request_line_max)
        return HTTP_LONG_LINE;
    if (method.len > UINT8_MAX || !http_chars_all(method.data, method.len, HTTP_CHARS_TOKEN))
        return HTTP_BAD_METHOD;
    ret->method = http_method_find(method.data, method.len);
    ret->method_len = (uint8_t)method.len;
    if (target.len == 0 || http_scan_target(target.data, end, &s) != end)
        return HTTP_BAD_TARGET;
    ret->target = target;
    ret->path = (struct http_span){target.data, (size_t)((s.query ? s.query : end) - target.data)};
    if (s.odd != 0 || target.data[0] != '/' || ret->method >= HTTP_CONNECT)
        ret->flags |= HTTP_TARGET_OTHER;
    return 0;
}

static enum http_known
http_h2_block_known(struct http_span name)
{
    if (http_h2_block_is(name, "host"))
        return HTTP_KNOWN_HOST;
    if (http_h2_block_is(name, "content-length"))
        return HTTP_KNOWN_CONTENT_LENGTH;
    return http_h2_block_is(name, "expect") ? HTTP_KNOWN_EXPECT : HTTP_KNOWN_NONE;
}

static void
http_h2_block_put(struct http_request *ret, struct http_span name, struct http_span value,
                  enum http_known known)
{
    uint16_t bit = (uint16_t)(1U << known);

    if (known != HTTP_KNOWN_NONE) {
        ret->repeated |= ret->seen & bit;
        ret->seen |= bit;
        ret->at[known] = (uint16_t)ret->field_count;
    }
    ret->fields[ret->field_count++] = (struct http_field){
        .name = name.data,
        .name_len = (unsigned)name.len & 0xffffff,
        .value = value.data,
        .value_len = (uint32_t)value.len,
        .known = (uint8_t)known,
    };
}

/* RFC 9113 section 8.3.1: a Host beside :authority has to be the same, and adds nothing. 1: it is
 * that one; 0: it is not; HTTP_BAD_HOST. */
static int
http_h2_block_is_authority(const struct http_h2_block *block, enum http_known known,
                           struct http_span value)
{
    struct http_span authority = http_h2_block_span(block, block->authority);

    if (known != HTTP_KNOWN_HOST || !block->authority.seen)
        return 0;
    return value.len == authority.len && http_chars_equal_any(value.data, authority.data, value.len)
               ? 1
               : HTTP_BAD_HOST;
}

static int
http_h2_block_fields(const struct http_h2_block *block, struct http_h2_span cookie_span,
                     struct http_request *ret)
{
    const struct http_h2_field *fields =
        (const struct http_h2_field *)(const void *)block->fields.data;
    size_t count = block->fields.len / sizeof(*fields);
    static const struct http_span host = {"host", 4}, cookie = {"cookie", 6};

    if (block->authority.seen)
        http_h2_block_put(ret, host, http_h2_block_span(block, block->authority), HTTP_KNOWN_HOST);
    for (size_t i = 0; i < count; i++) {
        struct http_span name = {block->text.data + fields[i].name_at, fields[i].name_len};
        struct http_span value = {block->text.data + fields[i].value_at, fields[i].value_len};
        enum http_known known = http_h2_block_known(name);
        int r = http_h2_block_is_authority(block, known, value);

        if (r < 0)
            return r;
        if (r == 0)
            http_h2_block_put(ret, name, value, known);
    }
    if (cookie_span.seen)
        http_h2_block_put(ret, cookie, http_h2_block_span(block, cookie_span), HTTP_KNOWN_NONE);
    return 0;
}

int
http_h2_block_request(struct http_h2_block *block, const struct http_limits *limits, bool ended,
                      struct http_request *ret)
{
    struct http_h2_span target, cookie;
    int r = block->verdict;

    ret->method = HTTP_METHOD_UNKNOWN;
    ret->flags = limits->flags;
    ret->seen = ret->repeated = 0;
    ret->field_count = 0;
    ret->target = ret->path = (struct http_span){"", 0};
    if (r == 0)
        r = http_h2_block_gather(block, &target, &cookie);
    if (r == 0)
        r = http_h2_block_line(block, limits, http_h2_block_span(block, target), ret);
    if (r == 0)
        r = http_h2_block_fields(block, cookie, ret);
    if (r == 0)
        r = http_semantics_check(ret);
    if (r == 0 && !ended && !(ret->flags & HTTP_LENGTH))
        ret->flags |= HTTP_CHUNKED; /* its length is not known */
    return r;
}

/* ---- Trailers -------------------------------------------------------------------------------- */

int
http_h2_block_trailers(struct http_h2_block *block, struct http_buffer *ret)
{
    const struct http_h2_field *fields =
        (const struct http_h2_field *)(const void *)block->fields.data;
    size_t count = block->fields.len / sizeof(*fields);
    int r = block->verdict;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = http_lines_add(
            ret, (struct http_span){block->text.data + fields[i].name_at, fields[i].name_len},
            (struct http_span){block->text.data + fields[i].value_at, fields[i].value_len});
    return r < 0 ? r : http_buffer_append(ret, "\r\n", 2);
}
