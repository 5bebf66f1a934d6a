/* Chunked bodies: the same content and the same verdict whole and byte by byte. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "http/h1/format/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Returns what was consumed in all, or a verdict. */
static ssize_t
decode(const char *text, size_t len, size_t piece, char *content, size_t *ret_content_len)
{
    struct http_chunked d = {0};
    size_t at = 0;

    *ret_content_len = 0;
    while (at < len && !http_chunked_done(&d)) {
        size_t n = len - at < piece ? len - at : piece;
        struct http_span data;
        ssize_t r = http_chunked_read(&d, text + at, n, &data);

        if (r < 0)
            return r;
        assert(r >= 1 && r <= (ssize_t)n);
        assert(data.len == 0 || (data.data >= text + at && data.data + data.len <= text + at + r));
        memcpy(content + *ret_content_len, data.data, data.len);
        *ret_content_len += data.len;
        at += (size_t)r;
    }
    return (ssize_t)at;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *whole = malloc(len + 1);
    char *pieces = malloc(len + 1);
    size_t whole_len;
    size_t pieces_len;
    ssize_t r;

    assert(whole != NULL && pieces != NULL);
    r = decode((const char *)data, len, len, whole, &whole_len);
    for (size_t piece = 1; piece <= 3; piece++) {
        assert(decode((const char *)data, len, piece, pieces, &pieces_len) == r);
        assert(pieces_len == whole_len && memcmp(whole, pieces, whole_len) == 0);
    }
    free(whole);
    free(pieces);
    return 0;
}
