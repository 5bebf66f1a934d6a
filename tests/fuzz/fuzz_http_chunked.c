/* Chunked bodies: the same content and the same verdict whole and byte by byte, and extensions as a
 * second reading of the grammar has them. */
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/h1/format/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Returns the bytes consumed in all, or a verdict. */
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

/* ---- Extensions, RFC 9112 section 7.1.1 ------------------------------------------------------ */

static const char *
skip_space(const char *p)
{
    return p + strspn(p, " \t");
}

static const char *
skip_token(const char *p)
{
    return p + strspn(p, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

/* The end of a quoted string; NULL if it is none. */
static const char *
skip_quoted(const char *p)
{
    for (p++; *p != '"'; p++) {
        p += *p == '\\';
        if (*p != '\t' && ((unsigned char)*p < ' ' || *p == 0x7f))
            return NULL;
    }
    return p + 1;
}

static bool
extensions_valid(const char *p)
{
    while (p && *p != '\0') {
        const char *name = skip_space(p);
        const char *value;

        if (*name != ';')
            return false;
        name = skip_space(name + 1);
        p = skip_token(name);
        if (p == name)
            return false;
        value = skip_space(p);
        if (*value != '=')
            continue;
        value = skip_space(value + 1);
        p = *value == '"' ? skip_quoted(value) : skip_token(value);
        if (p == value)
            return false;
    }
    return p;
}

static void
check_extensions(const uint8_t *data, size_t len)
{
    size_t size = len + 32;
    char *text = calloc(1, size);
    char *body = malloc(size);
    char content[4];
    size_t content_len;
    ssize_t r;
    int n;

    assert(text != NULL && body != NULL);
    memcpy(text, data, len); /* up to a NUL, if there is one */
    text[strcspn(text, "\r\n")] = '\0';
    if (isxdigit((unsigned char)text[0]))
        text[0] = ';'; /* no digit of the size */
    n = snprintf(body, size, "1%s\r\nx\r\n0\r\n\r\n", text);
    r = decode(body, (size_t)n, (size_t)n, content, &content_len);
    assert((r == n) == extensions_valid(text));
    assert(r == n || r == HTTP_BAD_CHUNK);
    free(text);
    free(body);
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
    if (len < HTTP_CHUNKED_OVERHEAD_MAX)
        check_extensions(data, len);
    return 0;
}
