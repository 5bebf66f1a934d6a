#include "http/message/semantics.h"

#include "http/message/authority.h"
#include "http/message/chars.h"

static bool
headers_old(const struct http_request *req)
{
    return (req->flags & HTTP_OLD) != 0;
}

static bool
headers_seen(const struct http_request *req, enum http_known known)
{
    return (req->seen & (1U << known)) != 0;
}

static bool
headers_repeated(const struct http_request *req, enum http_known known)
{
    return (req->repeated & (1U << known)) != 0;
}

static const struct http_field *
headers_field(const struct http_request *req, enum http_known known)
{
    return &req->fields[req->at[known]];
}

static bool
headers_value_is(const struct http_field *f, const char *lower)
{
    size_t len = strlen(lower);

    return f->value_len == len && chars_equal_nocase(f->value, lower, len);
}

static bool
headers_host_valid(struct http_request *req, const struct http_field *f)
{
    if (http_headers_host_known(req, f))
        return true;
    if (!http_host_valid(f->value, f->value_len))
        return false;
    req->flags |= HTTP_OTHER_HOST;
    if (f->value_len <= HTTP_HOST_MEMO_MAX) {
        req->host_memo_len = (uint8_t)f->value_len;
        memcpy(req->host_memo, f->value, f->value_len);
    }
    return true;
}

/* RFC 9112 section 3.2. */
static int
headers_host(struct http_request *req)
{
    if (!headers_seen(req, HTTP_KNOWN_HOST))
        return headers_old(req) ? 0 : HTTP_BAD_HOST;
    if (headers_repeated(req, HTTP_KNOWN_HOST) ||
        !headers_host_valid(req, headers_field(req, HTTP_KNOWN_HOST)))
        return HTTP_BAD_HOST;
    return 0;
}

/* 1*DIGIT and nothing else, once: RFC 9112 section 6.3 lets a server refuse repeated equal values,
 * and what other servers make of them differs. */
static int
headers_content_length(struct http_request *req)
{
    const struct http_field *f = headers_field(req, HTTP_KNOWN_CONTENT_LENGTH);
    uint64_t length = 0;

    if (headers_repeated(req, HTTP_KNOWN_CONTENT_LENGTH) || f->value_len == 0)
        return HTTP_BAD_LENGTH;
    for (uint32_t i = 0; i < f->value_len; i++) {
        if (!chars_is(f->value[i], CHARS_DIGIT) || length > (INT64_MAX - 9) / 10)
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
headers_list_next(struct span *list, struct span *ret_element)
{
    const char *p = list->data;
    const char *comma;
    const char *stop;

    if (p == NULL)
        return false;
    comma = memchr(p, ',', list->len);
    stop = comma == NULL ? p + list->len : comma;
    list->data = comma == NULL ? NULL : comma + 1;
    list->len -= comma == NULL ? list->len : (size_t)(comma - p) + 1;
    while (p < stop && (*p == ' ' || *p == '\t'))
        p++;
    while (stop > p && (stop[-1] == ' ' || stop[-1] == '\t'))
        stop--;
    *ret_element = (struct span){p, (size_t)(stop - p)};
    return true;
}

static bool
headers_span_is(struct span s, const char *lower)
{
    return s.len == strlen(lower) && chars_equal_nocase(s.data, lower, s.len);
}

/* RFC 9112 sections 6.1 and 6.3. */
static int
headers_transfer_encoding(struct http_request *req)
{
    const struct http_field *f = headers_field(req, HTTP_KNOWN_TRANSFER_ENCODING);
    struct span list = {f->value, f->value_len};
    struct span coding;
    bool unknown = false;
    bool chunked = false;

    if (headers_repeated(req, HTTP_KNOWN_TRANSFER_ENCODING) ||
        headers_seen(req, HTTP_KNOWN_CONTENT_LENGTH) || headers_old(req))
        return HTTP_BAD_CODING;
    while (headers_list_next(&list, &coding)) {
        if (chunked || coding.len == 0 || !chars_all(coding.data, coding.len, CHARS_TOKEN))
            return HTTP_BAD_CODING;
        chunked = headers_span_is(coding, "chunked");
        unknown |= !chunked;
    }
    if (!chunked)
        return HTTP_BAD_CODING;
    if (unknown)
        return HTTP_UNKNOWN_CODING;
    req->flags |= HTTP_CHUNKED;
    return 0;
}

/* What the options of one Connection line ask for: HTTP_CLOSE, HTTP_KEEP, both, or 0. */
static unsigned
headers_connection_line(const struct http_field *f)
{
    struct span list = {f->value, f->value_len};
    struct span option;
    unsigned asked = 0;

    if (headers_value_is(f, "keep-alive"))
        return HTTP_KEEP;
    while (headers_list_next(&list, &option)) {
        asked |= headers_span_is(option, "close") ? HTTP_CLOSE : 0;
        asked |= headers_span_is(option, "keep-alive") ? HTTP_KEEP : 0;
    }
    return asked;
}

/* RFC 9112 section 9.3. */
static void
headers_connection(struct http_request *req)
{
    unsigned asked = 0;

    if (headers_repeated(req, HTTP_KNOWN_CONNECTION)) {
        for (uint32_t i = 0; i < req->field_count; i++)
            if (req->fields[i].known == HTTP_KNOWN_CONNECTION)
                asked |= headers_connection_line(&req->fields[i]);
    } else if (headers_seen(req, HTTP_KNOWN_CONNECTION)) {
        asked = headers_connection_line(headers_field(req, HTTP_KNOWN_CONNECTION));
    }
    if ((asked & HTTP_CLOSE) != 0 || (headers_old(req) && (asked & HTTP_KEEP) == 0))
        req->flags |= HTTP_CLOSE;
    else if (headers_old(req))
        req->flags |= HTTP_KEEP;
}

/* RFC 9110 section 10.1.1. */
static int
headers_expect(struct http_request *req)
{
    if (headers_old(req))
        return 0;
    if (headers_repeated(req, HTTP_KNOWN_EXPECT) ||
        !headers_value_is(headers_field(req, HTTP_KNOWN_EXPECT), "100-continue"))
        return HTTP_UNKNOWN_EXPECT;
    if ((req->flags & HTTP_BODY) != 0)
        req->flags |= HTTP_CONTINUE;
    return 0;
}

int
http_headers_check_all(struct http_request *req)
{
    int r = headers_host(req);

    if (r == 0 && headers_seen(req, HTTP_KNOWN_TRANSFER_ENCODING))
        r = headers_transfer_encoding(req);
    else if (r == 0 && headers_seen(req, HTTP_KNOWN_CONTENT_LENGTH))
        r = headers_content_length(req);
    if (r == 0 && headers_seen(req, HTTP_KNOWN_EXPECT))
        r = headers_expect(req);
    headers_connection(req);
    return r;
}

/* Whether a header of that name lists an element, in lower case. */
static bool
headers_list_has(const struct http_request *req, const char *name, const char *element)
{
    struct span found;

    for (uint32_t i = 0; i < req->field_count; i++) {
        const struct http_field *f = &req->fields[i];
        struct span list = {f->value, f->value_len};

        if (!http_field_is(f, name, strlen(name)))
            continue;
        while (headers_list_next(&list, &found))
            if (found.len == strlen(element) && chars_equal_any(found.data, element, found.len))
                return true;
    }
    return false;
}

bool
http_request_upgrades(const struct http_request *req, const char *protocol)
{
    return !headers_old(req) && headers_list_has(req, "Connection", "upgrade") &&
           headers_list_has(req, "Upgrade", protocol);
}
