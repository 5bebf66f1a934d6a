#include "http/h1/format/chunked.h"

#include <assert.h>

#include "http/message/text/chars.h"

enum {
    HTTP_CHUNKED_SIZE_FIRST,
    HTTP_CHUNKED_SIZE,
    HTTP_CHUNKED_EXT_SPACE, /* white space, before a semicolon */
    HTTP_CHUNKED_EXT_NAME_FIRST,
    HTTP_CHUNKED_EXT_NAME,
    HTTP_CHUNKED_EXT_NAME_SPACE, /* before a semicolon or an equals sign */
    HTTP_CHUNKED_EXT_VALUE_FIRST,
    HTTP_CHUNKED_EXT_VALUE,
    HTTP_CHUNKED_EXT_QUOTED,
    HTTP_CHUNKED_EXT_ESCAPED,
    HTTP_CHUNKED_EXT_QUOTED_END,
    HTTP_CHUNKED_SIZE_LF,
    HTTP_CHUNKED_DATA,
    HTTP_CHUNKED_DATA_CR,
    HTTP_CHUNKED_DATA_LF,
    HTTP_CHUNKED_TRAILER_FIRST,
    HTTP_CHUNKED_TRAILER_NAME,
    HTTP_CHUNKED_TRAILER_VALUE,
    HTTP_CHUNKED_TRAILER_LF,
    HTTP_CHUNKED_END_LF,
    HTTP_CHUNKED_DONE
};

/* RFC 9110 section 6.5.1: trailers that would frame or route the message. A recipient that obeys
 * them and one that ignores them would see two different messages. */
static const char *const chunked_not_allowed[] = {"content-length", "host", "transfer-encoding"};

static_assert(sizeof(struct http_chunked) == 8, "http_chunked shares a word with others");

static int
http_chunked_count(struct http_chunked *d)
{
    if (d->overhead == HTTP_CHUNKED_OVERHEAD_MAX)
        return HTTP_LARGE_TRAILERS;
    d->overhead++;
    return 0;
}

static int
http_chunked_go(struct http_chunked *d, bool fits, unsigned state, int verdict)
{
    if (!fits)
        return verdict;
    d->state = state & 31;
    return 0;
}

/* Read on after a size or an extension: the end of the line, or another extension. */
static int
http_chunked_ext_next(struct http_chunked *d, char c, bool may_end)
{
    if (c == '\r')
        return http_chunked_go(d, may_end, HTTP_CHUNKED_SIZE_LF, HTTP_BAD_CHUNK);
    if (c == ' ' || c == '\t')
        return http_chunked_go(d, true, HTTP_CHUNKED_EXT_SPACE, 0);
    return http_chunked_go(d, c == ';', HTTP_CHUNKED_EXT_NAME_FIRST, HTTP_BAD_CHUNK);
}

static int
http_chunked_size(struct http_chunked *d, char c)
{
    int digit = http_chars_hex(c);

    if (digit < 0) {
        if (d->state == HTTP_CHUNKED_SIZE_FIRST)
            return HTTP_BAD_CHUNK;
        return http_chunked_ext_next(d, c, true);
    }
    if (d->left >> 40 != 0)
        return HTTP_BAD_CHUNK;
    if (d->state == HTTP_CHUNKED_SIZE && d->left == 0 && http_chunked_count(d) < 0)
        return HTTP_LARGE_TRAILERS;
    d->left = (d->left << 4 | (unsigned)digit) & ((UINT64_C(1) << 44) - 1);
    d->state = HTTP_CHUNKED_SIZE;
    return 0;
}

/* Read the name of an extension and the white space around it. */
static int
http_chunked_ext_name(struct http_chunked *d, char c)
{
    bool space = c == ' ' || c == '\t';

    if (d->state != HTTP_CHUNKED_EXT_NAME_SPACE && http_chars_is(c, HTTP_CHARS_TOKEN))
        return http_chunked_go(d, true, HTTP_CHUNKED_EXT_NAME, 0);
    if (d->state == HTTP_CHUNKED_EXT_NAME_FIRST)
        return space ? 0 : HTTP_BAD_CHUNK;
    if (space)
        return http_chunked_go(d, true, HTTP_CHUNKED_EXT_NAME_SPACE, 0);
    if (c == '=')
        return http_chunked_go(d, true, HTTP_CHUNKED_EXT_VALUE_FIRST, 0);
    return http_chunked_ext_next(d, c, d->state == HTTP_CHUNKED_EXT_NAME);
}

/* Read the value of an extension up to the end of a token, or up to a quoted string. */
static int
http_chunked_ext_value(struct http_chunked *d, char c)
{
    bool first = d->state == HTTP_CHUNKED_EXT_VALUE_FIRST;

    if (http_chars_is(c, HTTP_CHARS_TOKEN))
        return http_chunked_go(d, true, HTTP_CHUNKED_EXT_VALUE, 0);
    if (!first)
        return http_chunked_ext_next(d, c, true);
    if (c == ' ' || c == '\t')
        return 0;
    return http_chunked_go(d, c == '"', HTTP_CHUNKED_EXT_QUOTED, HTTP_BAD_CHUNK);
}

/* RFC 9110 section 5.6.4. */
static int
http_chunked_ext_quoted(struct http_chunked *d, char c)
{
    bool escaped = d->state == HTTP_CHUNKED_EXT_ESCAPED;
    unsigned next = HTTP_CHUNKED_EXT_QUOTED;

    if (!escaped && c == '"')
        next = HTTP_CHUNKED_EXT_QUOTED_END;
    else if (!escaped && c == '\\')
        next = HTTP_CHUNKED_EXT_ESCAPED;
    return http_chunked_go(d, http_chars_is(c, HTTP_CHARS_VALUE), next, HTTP_BAD_CHUNK);
}

/* Read one byte between a size and the end of its line, RFC 9112 section 7.1.1. */
static int
http_chunked_extension(struct http_chunked *d, char c)
{
    int r = c == '\r' ? 0 : http_chunked_count(d);

    if (r < 0)
        return http_chars_is(c, HTTP_CHARS_VALUE) ? r : HTTP_BAD_CHUNK;
    switch (d->state) {
    case HTTP_CHUNKED_EXT_SPACE:
        return http_chunked_ext_next(d, c, false);
    case HTTP_CHUNKED_EXT_VALUE_FIRST:
    case HTTP_CHUNKED_EXT_VALUE:
        return http_chunked_ext_value(d, c);
    case HTTP_CHUNKED_EXT_QUOTED:
    case HTTP_CHUNKED_EXT_ESCAPED:
        return http_chunked_ext_quoted(d, c);
    case HTTP_CHUNKED_EXT_QUOTED_END:
        return http_chunked_ext_next(d, c, true);
    default:
        return http_chunked_ext_name(d, c);
    }
}

/* Read the name of a trailer up to its colon. While the name may still be a forbidden one, `left`,
 * which is otherwise unused here, holds the number of bytes read and the candidates. */
static int
http_chunked_trailer_name(struct http_chunked *d, char c)
{
    unsigned at = d->left & 255;
    unsigned may_be = (unsigned)(d->left >> 8);
    bool ends = c == ':';

    if (!ends && !http_chars_is(c, HTTP_CHARS_TOKEN))
        return HTTP_BAD_TRAILER;
    for (unsigned i = 0; i < ARRAY_LEN(chunked_not_allowed); i++)
        if ((may_be & 1U << i) && chunked_not_allowed[i][at] != (ends ? '\0' : (c | 0x20)))
            may_be &= ~(1U << i);
    d->left = ends || may_be == 0 ? 0 : may_be << 8 | (at + 1);
    return ends ? http_chunked_go(d, may_be == 0, HTTP_CHUNKED_TRAILER_VALUE, HTTP_BAD_TRAILER) : 0;
}

/* Read a header line after the last chunk, RFC 9112 section 7.1.2. */
static int
http_chunked_trailer(struct http_chunked *d, char c)
{
    int r = http_chunked_count(d);

    if (r < 0)
        return r;
    switch (d->state) {
    case HTTP_CHUNKED_TRAILER_FIRST:
        if (c == '\r')
            return http_chunked_go(d, true, HTTP_CHUNKED_END_LF, 0);
        d->left = ((1U << ARRAY_LEN(chunked_not_allowed)) - 1) << 8;
        r = http_chunked_go(d, c != ':', HTTP_CHUNKED_TRAILER_NAME, HTTP_BAD_TRAILER);
        return r < 0 ? r : http_chunked_trailer_name(d, c);
    case HTTP_CHUNKED_TRAILER_NAME:
        return http_chunked_trailer_name(d, c);
    case HTTP_CHUNKED_TRAILER_VALUE:
        if (c == '\r')
            return http_chunked_go(d, true, HTTP_CHUNKED_TRAILER_LF, 0);
        return http_chars_is(c, HTTP_CHARS_VALUE) ? 0 : HTTP_BAD_TRAILER;
    default:
        return http_chunked_go(d, c == '\n', HTTP_CHUNKED_TRAILER_FIRST, HTTP_BAD_TRAILER);
    }
}

/* Read one byte that is not content. */
static int
http_chunked_step(struct http_chunked *d, char c)
{
    switch (d->state) {
    case HTTP_CHUNKED_SIZE_FIRST:
    case HTTP_CHUNKED_SIZE:
        return http_chunked_size(d, c);
    case HTTP_CHUNKED_SIZE_LF:
        return http_chunked_go(d, c == '\n',
                               d->left == 0 ? HTTP_CHUNKED_TRAILER_FIRST : HTTP_CHUNKED_DATA,
                               HTTP_BAD_CHUNK);
    case HTTP_CHUNKED_DATA_CR:
        return http_chunked_go(d, c == '\r', HTTP_CHUNKED_DATA_LF, HTTP_BAD_CHUNK);
    case HTTP_CHUNKED_DATA_LF:
        return http_chunked_go(d, c == '\n', HTTP_CHUNKED_SIZE_FIRST, HTTP_BAD_CHUNK);
    case HTTP_CHUNKED_END_LF:
        return http_chunked_go(d, c == '\n', HTTP_CHUNKED_DONE, HTTP_BAD_TRAILER);
    case HTTP_CHUNKED_TRAILER_FIRST:
    case HTTP_CHUNKED_TRAILER_NAME:
    case HTTP_CHUNKED_TRAILER_VALUE:
    case HTTP_CHUNKED_TRAILER_LF:
        return http_chunked_trailer(d, c);
    default:
        return http_chunked_extension(d, c);
    }
}

ssize_t
http_chunked_read(struct http_chunked *d, const char *data, size_t len, struct http_span *ret_data)
{
    size_t at = 0;

    assert(len > 0 && d->state < HTTP_CHUNKED_DONE);
    *ret_data = (struct http_span){data, 0};
    while (at < len && d->state != HTTP_CHUNKED_DONE && d->state != HTTP_CHUNKED_DATA) {
        bool before = http_chunked_in_trailers(d);
        int r = http_chunked_step(d, data[at++]);

        if (r < 0)
            return r;
        if (!before && http_chunked_in_trailers(d))
            break;
    }
    if (d->state == HTTP_CHUNKED_DATA) {
        uint64_t n = MIN(len - at, (uint64_t)d->left);

        *ret_data = (struct http_span){data + at, (size_t)n};
        d->left -= n;
        at += n;
        if (d->left == 0)
            d->state = HTTP_CHUNKED_DATA_CR;
    }
    return (ssize_t)at;
}

void
http_chunked_unread(struct http_chunked *d, size_t n)
{
    assert(d->state == HTTP_CHUNKED_DATA || d->state == HTTP_CHUNKED_DATA_CR);
    if (n == 0)
        return;
    d->state = HTTP_CHUNKED_DATA;
    d->left += n;
}

bool
http_chunked_in_trailers(const struct http_chunked *d)
{
    return d->state >= HTTP_CHUNKED_TRAILER_FIRST && d->state < HTTP_CHUNKED_DONE;
}

bool
http_chunked_done(const struct http_chunked *d)
{
    return d->state == HTTP_CHUNKED_DONE;
}

uint64_t
http_chunked_known(const struct http_chunked *d)
{
    return d->state == HTTP_CHUNKED_DATA ? d->left : 0;
}
