#include "http/message/coding/gzip.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <goevd/http.h>

#include "http/message/rows.h"
#include "http/message/status.h"
#include "http/message/text/chars.h"

/* A window of 32 KiB (15), in the gzip format (16), and 128 KiB to find repetitions: 256 KiB. */
#define GZIP_WINDOW (15 + 16)
#define GZIP_MEMORY 8

#define GZIP_LINE(text)                                                                            \
    (struct http_span)                                                                             \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

/* ---- Options --------------------------------------------------------------------------------- */

/* Whether a type is "type/subtype", or "type/" with an asterisk. */
static bool
http_gzip_type_valid(struct goevd_str type)
{
    const char *slash = memchr(type.data, '/', type.len);
    size_t len = !slash ? 0 : (size_t)(slash - type.data);

    return slash && http_field_name_valid(type.data, len) &&
           http_field_name_valid(slash + 1, type.len - len - 1);
}

int
http_gzip_check(struct goevd_self *self, const char *path, const struct http_options_gzip *o)
{
    const struct goevd_str *types = !o ? NULL : o->types.items;
    char at[256];

    for (size_t i = 0; o && i < o->types.count; i++) {
        snprintf(at, sizeof(at), "%s.types[%zu]", path, i);
        if (!http_gzip_type_valid(types[i]))
            return goevd_refuse(self, at,
                                "\"%s\" is no type of content such as text/html, without "
                                "parameters, or text/*",
                                types[i].data);
    }
    return 0;
}

/* ---- Eligible replies ------------------------------------------------------------------------ */

static bool
http_gzip_type_is(struct http_span type, struct http_span wanted)
{
    bool all = wanted.len > 2 && memcmp(wanted.data + wanted.len - 2, "/*", 2) == 0;
    size_t len = wanted.len - all;

    return (all ? type.len > len : type.len == len) &&
           http_chars_equal_any(type.data, wanted.data, len);
}

static bool
gzip_type_listed(const struct http_options_gzip *o, struct http_span type)
{
    const struct goevd_str *types = o->types.items;
    const char *end = type.len == 0 ? NULL : memchr(type.data, ';', type.len);

    if (end)
        type.len = (size_t)(end - type.data);
    while (type.len != 0 && type.data[type.len - 1] == ' ')
        type.len--;
    for (size_t i = 0; i < o->types.count; i++)
        if (http_gzip_type_is(type, (struct http_span){types[i].data, types[i].len}))
            return true;
    return false;
}

/* Whether the content already has a coding, or has a digest, and must stay unchanged. */
static bool
http_gzip_is_fixed(const struct http_line *line)
{
    static const char *const names[] = {"content-encoding", "content-digest", "repr-digest",
                                        "digest"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (http_line_is(line, names[i]))
            return true;
    return false;
}

/* The complete length behind the "/" of Content-Range. */
static uint64_t
http_gzip_range_length(struct http_span value)
{
    const char *at = value.len == 0 ? NULL : memchr(value.data, '/', value.len);
    const char *end = value.data + value.len;
    uint64_t length = 0;

    if (!at || at + 1 == end || end - at > 19)
        return GOEVD_HTTP_LENGTH_UNKNOWN;
    while (++at < end) {
        if (!http_chars_is(*at, HTTP_CHARS_DIGIT))
            return GOEVD_HTTP_LENGTH_UNKNOWN;
        length = length * 10 + (uint64_t)(*at - '0');
    }
    return length;
}

/* Whether the type is multipart/byteranges, which is not the type of the parts. */
static bool
http_gzip_is_multipart(struct http_span type)
{
    static const char parts[] = "multipart/byteranges";

    return type.len >= strlen(parts) && http_chars_equal_any(type.data, parts, strlen(parts));
}

bool
http_gzip_applies(const struct http_options_gzip *o, int status, struct http_span type,
                  uint64_t length, const struct http_buffer *lines)
{
    struct http_line line;

    if ((!http_status_has_content(status) && status != 304) || status == 205)
        return false;
    if (status == 206)
        length = GOEVD_HTTP_LENGTH_UNKNOWN;
    for (size_t at = 0; http_lines_next(lines, &at, &line);) {
        if (http_gzip_is_fixed(&line))
            return false;
        if (http_line_is(&line, "content-range")) {
            if (status != 206)
                return false;
            length = http_gzip_range_length(line.value);
        }
        if (type.len == 0 && http_line_is(&line, "content-type"))
            type = line.value;
    }
    if (length < (uint64_t)o->length_min ||
        http_lines_have_token(lines, "cache-control", "no-transform"))
        return false;
    if ((status == 304 && type.len == 0) || (status == 206 && http_gzip_is_multipart(type)))
        return true;
    return gzip_type_listed(o, type);
}

/* ---- Headers --------------------------------------------------------------------------------- */

int
http_gzip_set_vary(struct http_buffer *lines)
{
    if (http_lines_have_token(lines, "vary", "accept-encoding") ||
        http_lines_have_token(lines, "vary", "*"))
        return 0;
    return http_lines_add(lines, GZIP_LINE("Vary"), GZIP_LINE("Accept-Encoding"));
}

int
http_gzip_weaken(struct http_buffer *lines)
{
    struct http_line line;

    for (size_t at = 0; http_lines_next(lines, &at, &line);) {
        size_t before = (size_t)(line.value.data - lines->data);

        if (!http_line_is(&line, "etag") || line.value.len == 0 || line.value.data[0] != '"')
            continue;
        if (http_buffer_reserve(lines, lines->len + 2) < 0)
            return -ENOMEM;
        memmove(lines->data + before + 2, lines->data + before, lines->len - before);
        memcpy(lines->data + before, "W/", 2);
        lines->len += 2;
        at += 2;
    }
    return 0;
}

int
http_gzip_set_coding(struct http_buffer *lines)
{
    const struct http_span ranges = GZIP_LINE("Accept-Ranges");
    int r = http_gzip_weaken(lines);

    http_lines_drop(lines, &ranges, 1); /* a compressed reply has no ranges: each compression yields
                                         * other bytes */
    return r < 0 ? r : http_lines_add(lines, GZIP_LINE("Content-Encoding"), GZIP_LINE("gzip"));
}

/* ---- Streams --------------------------------------------------------------------------------- */

struct http_gzip *
http_gzip_new(unsigned max)
{
    struct http_gzip *gzip = malloc(sizeof(*gzip));

    if (!gzip)
        return NULL;
    gzip->max = max;
    gzip->free = NULL;
    gzip->free_count = gzip->count = 0;
    gzip->worked = 0;
    return gzip;
}

static void
http_gzip_stream_free(struct http_gzip_stream *stream)
{
    (void)deflateEnd(&stream->z);
    free(stream);
}

void
http_gzip_free(struct http_gzip *gzip)
{
    while (gzip && gzip->free) {
        struct http_gzip_stream *stream = gzip->free;

        gzip->free = stream->next;
        http_gzip_stream_free(stream);
    }
    free(gzip);
}

static struct http_gzip_stream *
http_gzip_stream_new(int level)
{
    struct http_gzip_stream *stream = calloc(1, sizeof(*stream));

    if (!stream)
        return NULL;
    if (deflateInit2(&stream->z, level, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) ==
        Z_OK)
        return stream;
    free(stream);
    return NULL;
}

struct http_gzip_stream *
http_gzip_take(struct http_gzip *gzip, int level)
{
    struct http_gzip_stream *stream = gzip->free;

    if (stream) {
        gzip->free = stream->next;
        gzip->free_count--;
        (void)deflateReset(&stream->z);
        (void)deflateParams(&stream->z, level, Z_DEFAULT_STRATEGY);
        return stream;
    }
    stream = gzip->count < gzip->max ? http_gzip_stream_new(level) : NULL;
    gzip->count += stream != NULL;
    return stream;
}

void
http_gzip_give(struct http_gzip *gzip, struct http_gzip_stream *stream)
{
    if (gzip->free_count == HTTP_GZIP_SPARE_MAX) {
        gzip->count--;
        http_gzip_stream_free(stream);
        return;
    }
    stream->next = gzip->free;
    gzip->free = stream;
    gzip->free_count++;
}

size_t
http_gzip_whole(struct http_gzip *gzip, int level, const char *data, size_t len)
{
    struct http_gzip_stream *stream = http_gzip_take(gzip, level);
    size_t n = 0;

    assert(len <= HTTP_GZIP_STEP);
    if (!stream)
        return 0;
    gzip->worked += len;
    stream->z.next_in = (Bytef *)(uintptr_t)data;
    stream->z.avail_in = (uInt)len;
    stream->z.next_out = (Bytef *)gzip->out;
    stream->z.avail_out = (uInt)len;
    if (deflate(&stream->z, Z_FINISH) == Z_STREAM_END)
        n = len - stream->z.avail_out;
    http_gzip_give(gzip, stream);
    return n < len ? n : 0;
}
