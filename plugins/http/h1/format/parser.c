#include "http/h1/format/parser.h"

#include "http/message/text/chars.h"
#include "http/message/text/scan.h"

/* Length of SP HTTP-version, which follows the target in a request line, RFC 9112 section 3. */
#define VERSION_LEN 8

static int
http_parser_line_end(const char *p, const char *end)
{
    if (p == end)
        return -EAGAIN;
    if (*p != '\r')
        return HTTP_BAD_LINE_END;
    if (end - p < 2)
        return -EAGAIN;
    return p[1] == '\n' ? 0 : HTTP_BAD_LINE_END;
}

static int
http_parser_empty_lines(const char **p, const char *end)
{
    for (int i = 0; *p < end && **p == '\r'; i++) {
        int r = http_parser_line_end(*p, end);

        if (r < 0)
            return r;
        if (i == HTTP_EMPTY_LINES_MAX)
            return HTTP_BAD_EMPTY_LINES;
        *p += 2;
    }
    return *p == end ? -EAGAIN : 0;
}

/* Parse any method and the SP after it. */
static int
http_parser_method(const char **p, const char *end, struct http_request *req)
{
    const char *name = *p;
    const char *stop = end - name > HTTP_METHOD_MAX ? name + HTTP_METHOD_MAX + 1 : end;
    const char *q = http_scan_token(name, stop);

    /* RFC 9112 section 3: a method longer than any that is implemented gets 501 */
    if (q - name > HTTP_METHOD_MAX)
        return HTTP_UNKNOWN_METHOD;
    if (q == end)
        return -EAGAIN;
    if (q == name || *q != ' ')
        return HTTP_BAD_METHOD;
    req->method = http_method_find(name, (size_t)(q - name));
    req->method_len = (uint8_t)(q - name);
    if (req->method >= HTTP_CONNECT)
        req->flags |= HTTP_TARGET_OTHER;
    *p = q + 1;
    return 0;
}

/* Parse the target and the SP after it. `last` is the last position allowed for that SP. */
static hot int
http_parser_target(const char **p, const char *end, const char *last, struct http_request *req)
{
    struct http_scan_target s;
    const char *target = *p;
    const char *q;

    if (likely(end - target >= 2 && http_load16(target) == http_load16("/ "))) {
        req->target = req->path = (struct http_span){target, 1};
        *p = target + 2;
        return 0;
    }
    q = http_scan_target(target, MIN(end, last), &s);
    if (q == end)
        return -EAGAIN;
    if (*q != ' ')
        return q == last ? HTTP_LONG_LINE : HTTP_BAD_TARGET;
    if (q == target)
        return HTTP_BAD_TARGET;
    req->target = (struct http_span){target, (size_t)(q - target)};
    req->path = (struct http_span){target, (size_t)((s.query ? s.query : q) - target)};
    if (s.odd != 0 || *target != '/')
        req->flags |= HTTP_TARGET_OTHER;
    *p = q + 1;
    return 0;
}

/* Parse HTTP-version and the end of the line, byte by byte. */
static cold int
http_parser_version_slow(const char **p, const char *end, struct http_request *req)
{
    static const char pattern[VERSION_LEN + 1] = "HTTP/d.d";
    const char *version = *p;
    int r;

    for (int i = 0; i < VERSION_LEN; i++) {
        if (version + i == end)
            return -EAGAIN;
        if (pattern[i] == 'd' ? !http_chars_is(version[i], HTTP_CHARS_DIGIT)
                              : version[i] != pattern[i])
            return HTTP_BAD_VERSION;
    }
    r = http_parser_line_end(version + VERSION_LEN, end);
    if (r < 0)
        return r == HTTP_BAD_LINE_END && version[VERSION_LEN] != '\n' &&
                       version[VERSION_LEN] != '\r'
                   ? HTTP_BAD_VERSION
                   : r;
    if (version[5] != '1')
        return HTTP_UNKNOWN_VERSION;
    /* RFC 9110 section 2.5: a higher minor version is treated as the highest known */
    if (version[7] == '0')
        req->flags |= HTTP_OLD;
    *p = version + VERSION_LEN + 2;
    return 0;
}

static hot int
http_parser_version(const char **p, const char *end, struct http_request *req)
{
    const char *version = *p;

    if (likely(end - version >= VERSION_LEN + 2 &&
               http_load64(version) == http_load64("HTTP/1.1") &&
               http_load16(version + VERSION_LEN) == http_load16("\r\n"))) {
        *p = version + VERSION_LEN + 2;
        return 0;
    }
    return http_parser_version_slow(p, end, req);
}

static hot int
http_parser_request_line(const char **p, const char *end, const struct http_limits *limits,
                         struct http_request *req)
{
    const char *line = *p;
    int r;

    if (likely(end - line >= 4 && http_load32(line) == http_load32("GET "))) {
        req->method = HTTP_GET;
        *p = line + 4;
    } else {
        r = http_parser_empty_lines(p, end);
        line = *p;
        if (r == 0)
            r = http_parser_method(p, end, req);
        if (r < 0)
            return r;
    }
    r = http_parser_target(p, end, line + limits->request_line_max - VERSION_LEN - 1, req);
    if (unlikely(r < 0))
        return r;
    return http_parser_version(p, end, req);
}

/* The HTTP_* flag of a header that the server obeys, found by name and length. 0: not one of
 * these. */
static hot uint8_t
http_parser_known(const char *name, size_t len)
{
    static const struct {
        uint8_t len;
        uint8_t known;
        char lower[18];
    } known[] = {
        {10, HTTP_KNOWN_CONNECTION, "connection"},
        {14, HTTP_KNOWN_CONTENT_LENGTH, "content-length"},
        {17, HTTP_KNOWN_TRANSFER_ENCODING, "transfer-encoding"},
        {6, HTTP_KNOWN_EXPECT, "expect"},
    };
    const unsigned lengths = 1U << 10 | 1U << 14 | 1U << 17 | 1U << 6;
    char first = (char)(name[0] | 0x20);

    if (len == 4)
        return (http_load32(name) | 0x20202020) == http_load32("host") ? HTTP_KNOWN_HOST
                                                                       : HTTP_KNOWN_NONE;
    if (len > 17 || !(lengths & 1U << len) || (first != 'c' && first != 't' && first != 'e'))
        return HTTP_KNOWN_NONE;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i].len == len && http_chars_equal_nocase(name, known[i].lower, len))
            return known[i].known;
    return HTTP_KNOWN_NONE;
}

static inline bool
http_parser_is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Verdict for a line that ends at *stop: any byte but CR is an invalid value. */
static cold int
http_parser_value_end(const char *stop, const char *end)
{
    int r = http_parser_line_end(stop, end);

    return r == HTTP_BAD_LINE_END && *stop != '\n' && *stop != '\r' ? HTTP_BAD_FIELD_VALUE : r;
}

/* Skip the white space before a value. */
static hot const char *
http_parser_value_start(const char *value, const char *end)
{
    if (likely(end - value >= 2 && value[0] == ' ' && value[1] > ' '))
        return value + 1;
    while (value < end && http_parser_is_space(*value))
        value++;
    return value;
}

/* Parse field-name ":". Returns the header's flag, a negative verdict or -EAGAIN. */
static hot int
http_parser_name(const char *name, const char *end, const char **ret_colon)
{
    const char *colon;

    /* nearly every request has Host in this spelling */
    if (end - name >= 5 && http_load32(name) == http_load32("Host") && name[4] == ':') {
        *ret_colon = name + 4;
        return HTTP_KNOWN_HOST;
    }
    colon = http_scan_token(name, end);
    if (unlikely(colon == end))
        return -EAGAIN;
    if (unlikely(*colon != ':' || colon == name))
        return http_parser_is_space(*name) ? HTTP_BAD_FOLD : HTTP_BAD_FIELD_NAME;
    *ret_colon = colon;
    return http_parser_known(name, (size_t)(colon - name));
}

/* field-line CRLF, RFC 9112 section 5. There is at least one byte. */
static hot int
http_parser_field(const char **p, const char *end, struct http_field *f)
{
    const char *name = *p;
    const char *colon;
    const char *value;
    const char *stop;
    int known = http_parser_name(name, end, &colon);

    if (unlikely(known < 0))
        return known;
    value = http_parser_value_start(colon + 1, end);
    stop = http_scan_value(value, end);
    if (unlikely(end - stop < 2 || http_load16(stop) != http_load16("\r\n")))
        return http_parser_value_end(stop, end);
    *p = stop + 2;
    while (unlikely(http_parser_is_space(stop[-1])) && stop > value)
        stop--;
    f->name = name;
    f->value = value;
    f->value_len = (uint32_t)(stop - value);
    f->name_len = (uint32_t)(colon - name) & 0xffffff;
    f->known = (uint8_t)known;
    return known;
}

/* Parse header lines from *p to the empty line, and count them in *count. On -EAGAIN and verdicts
 * *p and *count are those of the line that failed. */
static hot int
http_parser_fields(const char **p, const char *end, const char *section, uint32_t *count,
                   const struct http_limits *limits, struct http_request *req)
{
    /* latest possible end of the empty line */
    const char *last = section + limits->header_bytes_max + 2;
    const char *stop = MIN(end, last);
    const char *at = *p;
    uint32_t n = *count;
    unsigned repeated = 0;
    unsigned seen = 0;
    int r;

    for (;; n++) {
        r = -EAGAIN;
        if (unlikely(at == stop))
            break;
        if (*at == '\r') {
            r = http_parser_line_end(at, stop);
            at += r == 0 ? 2 : 0;
            break;
        }
        r = HTTP_MANY_HEADERS;
        if (unlikely(n == limits->headers_max))
            break;
        r = http_parser_field(&at, stop, &req->fields[n]);
        if (unlikely(r < 0))
            break;
        repeated |= seen & 1U << r;
        seen |= 1U << r;
        req->at[r] = (uint16_t)n;
    }
    *p = at;
    *count = n;
    req->seen = (uint16_t)(seen & ~(1U << HTTP_KNOWN_NONE));
    req->repeated = (uint16_t)repeated;
    return unlikely(r == -EAGAIN) && end >= last ? HTTP_LARGE_HEADERS : r;
}

/* Check the lines that have arrived since the last call. 0: the head is complete. */
static cold int
http_parser_go_on(const char *data, const char *end, const struct http_limits *limits,
                  struct http_resume *resume, struct http_request *req)
{
    const char *p = data + resume->line;
    uint32_t count = resume->count;
    int r = http_parser_fields(&p, end, data + resume->section, &count, limits, req);

    resume->line = (uint32_t)(p - data);
    resume->count = (uint16_t)count;
    return r;
}

ssize_t
http_parse(const char *data, size_t len, const struct http_limits *limits,
           struct http_resume *resume, struct http_request *req)
{
    const char *p = data;
    const char *end = data + len;
    const char *section;
    uint32_t count = 0;
    int r;

    if (unlikely(resume->line != 0)) {
        r = http_parser_go_on(data, end, limits, resume, req);
        if (r < 0)
            return r;
    }
    req->flags = limits->flags;
    r = http_parser_request_line(&p, end, limits, req);
    if (unlikely(r < 0))
        return r;
    section = p;
    r = http_parser_fields(&p, end, section, &count, limits, req);
    if (unlikely(r < 0)) {
        resume->line = (uint32_t)(p - data);
        resume->section = (uint16_t)(section - data);
        resume->count = (uint16_t)count;
        return r;
    }
    req->field_count = count;
    *resume = (struct http_resume){0};
    return p - data;
}
