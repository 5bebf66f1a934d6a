/* A value of traceparent: the parsed text is a value of version 00 itself. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/log/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *value = malloc(len == 0 ? 1 : len);
    struct http_trace trace = {.len = 0}, again = {.len = 0};

    assert(value != NULL);
    if (len != 0)
        memcpy(value, data, len);
    if (http_trace_parse((struct http_span){value, len}, &trace)) {
        assert(trace.len == HTTP_TRACE_LEN && trace.continued);
        assert(memcmp(trace.text + 3, value + 3, 49) == 0);
        assert(http_trace_parse((struct http_span){trace.text, trace.len}, &again));
        assert(memcmp(trace.text, again.text, HTTP_TRACE_LEN) == 0);
    }
    free(value);
    return 0;
}
