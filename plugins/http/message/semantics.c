#include "http/message/semantics.h"

#include "http/message/text/chars.h"
#include "http/message/uri/authority.h"

static bool
http_semantics_old(const struct http_request *req)
{
    return req->flags & HTTP_OLD;
}

static bool
http_semantics_seen(const struct http_request *req, enum http_known known)
{
    return (req->seen & (1U << known)) != 0;
}

static bool
http_semantics_repeated(const struct http_request *req, enum http_known known)
{
    return (req->repeated & (1U << known)) != 0;
}

static const struct http_field *
http_semantics_field(const struct http_request *req, enum http_known known)
{
    return &req->fields[req->at[known]];
}

static bool
http_semantics_value_is(const struct http_field *f, const char *lower)
{
    size_t len = strlen(lower);

    return f->value_len == len && http_chars_equal_nocase(f->value, lower, len);
}

static bool
http_semantics_host_valid(struct http_request *req, const struct http_field *f)
{
    if (http_semantics_host_known(req, f))
        return true;
    if (!http_authority_valid(f->value, f->value_len))
        return false;
    req->flags |= HTTP_OTHER_HOST;
    if (f->value_len <= HTTP_HOST_MEMO_MAX) {
        req->host_memo_len = (uint8_t)f->value_len;
        memcpy(req->host_memo, f->value, f->value_len);
    }
    return true;
}

/* Check Host, RFC 9112 section 3.2. */
static int
http_semantics_host(struct http_request *req)
{
    if (!http_semantics_seen(req, HTTP_KNOWN_HOST))
        return http_semantics_old(req) ? 0 : HTTP_BAD_HOST;
    if (http_semantics_repeated(req, HTTP_KNOWN_HOST) ||
        !http_semantics_host_valid(req, http_semantics_field(req, HTTP_KNOWN_HOST)))
        return HTTP_BAD_HOST;
    return 0;
}

/* Parse Content-Length: 1*DIGIT, once. RFC 9112 section 6.3 permits a server to refuse repeated
 * equal values, which other servers interpret differently. */
static int
http_semantics_content_length(struct http_request *req)
{
    const struct http_field *f = http_semantics_field(req, HTTP_KNOWN_CONTENT_LENGTH);
    uint64_t length = 0;

    if (http_semantics_repeated(req, HTTP_KNOWN_CONTENT_LENGTH) || f->value_len == 0)
        return HTTP_BAD_LENGTH;
    for (uint32_t i = 0; i < f->value_len; i++) {
        if (!http_chars_is(f->value[i], HTTP_CHARS_DIGIT) || length > (INT64_MAX - 9) / 10)
            return HTTP_BAD_LENGTH;
        length = length * 10 + (uint64_t)(f->value[i] - '0');
    }
    req->content_length = length;
    if (length != 0)
        req->flags |= HTTP_LENGTH;
    return 0;
}

/* Cut the first element off a comma-separated list, RFC 9110 section 5.6.1. */
static bool
http_semantics_list_next(struct http_span *list, struct http_span *ret_element)
{
    const char *p = list->data;
    const char *comma;
    const char *stop;

    if (!p)
        return false;
    comma = memchr(p, ',', list->len);
    stop = !comma ? p + list->len : comma;
    list->data = !comma ? NULL : comma + 1;
    list->len -= !comma ? list->len : (size_t)(comma - p) + 1;
    while (p < stop && (*p == ' ' || *p == '\t'))
        p++;
    while (stop > p && (stop[-1] == ' ' || stop[-1] == '\t'))
        stop--;
    *ret_element = (struct http_span){p, (size_t)(stop - p)};
    return true;
}

static bool
http_semantics_span_is(struct http_span s, const char *lower)
{
    return s.len == strlen(lower) && http_chars_equal_nocase(s.data, lower, s.len);
}

/* The transfer codings of a request. */
struct http_semantics_codings {
    bool chunked; /* the last one so far is chunked */
    bool unknown; /* one is unknown */
};

/* Read the codings of one line. 0 or HTTP_BAD_CODING. */
static int
http_semantics_coding_line(const struct http_field *f, struct http_semantics_codings *codings)
{
    struct http_span list = {f->value, f->value_len};
    struct http_span coding;

    while (http_semantics_list_next(&list, &coding)) {
        if (codings->chunked || coding.len == 0 ||
            !http_chars_all(coding.data, coding.len, HTTP_CHARS_TOKEN))
            return HTTP_BAD_CODING;
        codings->chunked = http_semantics_span_is(coding, "chunked");
        codings->unknown |= !codings->chunked;
    }
    return 0;
}

/* Check Transfer-Encoding, RFC 9112 sections 6.1 and 6.3. Several lines are one list, RFC 9110
 * section 5.3. */
static int
http_semantics_transfer_encoding(struct http_request *req)
{
    struct http_semantics_codings codings = {0};
    int r = 0;

    if (http_semantics_seen(req, HTTP_KNOWN_CONTENT_LENGTH) || http_semantics_old(req))
        return HTTP_BAD_CODING;
    for (uint32_t i = 0; r == 0 && i < req->field_count; i++)
        if (req->fields[i].known == HTTP_KNOWN_TRANSFER_ENCODING)
            r = http_semantics_coding_line(&req->fields[i], &codings);
    if (r < 0 || !codings.chunked)
        return HTTP_BAD_CODING;
    if (codings.unknown)
        return HTTP_UNKNOWN_CODING;
    req->flags |= HTTP_CHUNKED;
    return 0;
}

/* The options of one Connection line: HTTP_CLOSE, HTTP_KEEP, both, or 0. */
static unsigned
http_semantics_connection_line(const struct http_field *f)
{
    struct http_span list = {f->value, f->value_len};
    struct http_span option;
    unsigned asked = 0;

    if (http_semantics_value_is(f, "keep-alive"))
        return HTTP_KEEP;
    while (http_semantics_list_next(&list, &option)) {
        asked |= http_semantics_span_is(option, "close") ? HTTP_CLOSE : 0;
        asked |= http_semantics_span_is(option, "keep-alive") ? HTTP_KEEP : 0;
    }
    return asked;
}

/* Evaluate Connection, RFC 9112 section 9.3. */
static void
http_semantics_connection(struct http_request *req)
{
    unsigned asked = 0;

    if (http_semantics_repeated(req, HTTP_KNOWN_CONNECTION)) {
        for (uint32_t i = 0; i < req->field_count; i++)
            if (req->fields[i].known == HTTP_KNOWN_CONNECTION)
                asked |= http_semantics_connection_line(&req->fields[i]);
    } else if (http_semantics_seen(req, HTTP_KNOWN_CONNECTION)) {
        asked = http_semantics_connection_line(http_semantics_field(req, HTTP_KNOWN_CONNECTION));
    }
    if ((asked & HTTP_CLOSE) || (http_semantics_old(req) && !(asked & HTTP_KEEP)))
        req->flags |= HTTP_CLOSE;
    else if (http_semantics_old(req))
        req->flags |= HTTP_KEEP;
}

/* Evaluate Expect, RFC 9110 section 10.1.1. */
static int
http_semantics_expect(struct http_request *req)
{
    if (http_semantics_old(req))
        return 0;
    if (http_semantics_repeated(req, HTTP_KNOWN_EXPECT) ||
        !http_semantics_value_is(http_semantics_field(req, HTTP_KNOWN_EXPECT), "100-continue"))
        return HTTP_UNKNOWN_EXPECT;
    if (req->flags & HTTP_BODY)
        req->flags |= HTTP_CONTINUE;
    return 0;
}

int
http_semantics_check_all(struct http_request *req)
{
    int r = http_semantics_host(req);

    if (r == 0 && http_semantics_seen(req, HTTP_KNOWN_TRANSFER_ENCODING))
        r = http_semantics_transfer_encoding(req);
    else if (r == 0 && http_semantics_seen(req, HTTP_KNOWN_CONTENT_LENGTH))
        r = http_semantics_content_length(req);
    if (r == 0 && http_semantics_seen(req, HTTP_KNOWN_EXPECT))
        r = http_semantics_expect(req);
    http_semantics_connection(req);
    return r;
}

/* Whether a header of that name lists an element, given in lower case. */
static bool
http_semantics_list_has(const struct http_request *req, const char *name, const char *element)
{
    struct http_span found;

    for (uint32_t i = 0; i < req->field_count; i++) {
        const struct http_field *f = &req->fields[i];
        struct http_span list = {f->value, f->value_len};

        if (!http_field_is(f, name, strlen(name)))
            continue;
        while (http_semantics_list_next(&list, &found))
            if (found.len == strlen(element) &&
                http_chars_equal_any(found.data, element, found.len))
                return true;
    }
    return false;
}

bool
http_request_upgrades(const struct http_request *req, const char *protocol)
{
    return !http_semantics_old(req) && http_semantics_list_has(req, "Connection", "upgrade") &&
           http_semantics_list_has(req, "Upgrade", protocol);
}
