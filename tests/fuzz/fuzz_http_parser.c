/* The request parser and the checks of whole heads: no read past the end, the same verdict byte
 * by byte, and spans that lie in the input. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "http/h1/format/parser.h"
#include "http/message/semantics.h"
#include "http/message/uri/target.h"

#define FIELDS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct http_limits limits = {256, 512, FIELDS_MAX, 0};

static struct http_request *
new_request(void)
{
    struct http_request *req = calloc(1, sizeof(*req) + FIELDS_MAX * sizeof(struct http_field));

    assert(req != NULL);
    return req;
}

/* Byte by byte, each time in memory of just that size. */
static ssize_t
parse_slowly(const char *text, size_t len, struct http_request *req)
{
    struct http_resume resume = {0};
    ssize_t r = -EAGAIN;

    for (size_t n = 1; n <= len && r == -EAGAIN; n++) {
        char *copy = malloc(n);

        assert(copy != NULL);
        memcpy(copy, text, n);
        r = http_parse(copy, n, &limits, &resume, req);
        free(copy);
    }
    return r;
}

static void
check_span(const char *data, size_t span_len, const char *text, size_t len)
{
    assert(data >= text && span_len <= len && (size_t)(data - text) <= len - span_len);
}

static void
check_request(struct http_request *req, const char *text, size_t len)
{
    char scratch[256];

    check_span(req->target.data, req->target.len, text, len);
    check_span(req->path.data, req->path.len, text, len);
    assert(req->field_count <= FIELDS_MAX);
    for (uint32_t i = 0; i < req->field_count; i++) {
        check_span(req->fields[i].name, req->fields[i].name_len, text, len);
        check_span(req->fields[i].value, req->fields[i].value_len, text, len);
    }
    if (http_semantics_check(req) == 0 && http_target_check(req, scratch) == 0)
        assert(req->path.len > 0 && (req->path.data[0] == '/' || req->path.data[0] == '*'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *text = (const char *)data;
    struct http_request *req = new_request();
    struct http_resume resume = {0};
    ssize_t whole = len == 0 ? -EAGAIN : http_parse(text, len, &limits, &resume, req);

    assert(whole <= (ssize_t)len);
    if (whole > 0)
        check_request(req, text, len);
    assert(parse_slowly(text, len, req) == whole);
    free(req);
    return 0;
}
