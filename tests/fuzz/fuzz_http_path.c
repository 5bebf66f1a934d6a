/* Paths: the result is not longer, begins with "/", leads nowhere up, and stays as it is. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/message/uri/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char *
copy_of(const char *text, size_t len)
{
    char *copy = malloc(len);

    assert(copy != NULL);
    memcpy(copy, text, len);
    return copy;
}

/* A path that has no escapes any more is normal if it does not change. */
static void
check_normal(const char *path, size_t len)
{
    char *again;

    assert(path[0] == '/' && memmem(path, len, "//", 2) == NULL);
    assert(memmem(path, len, "/../", 4) == NULL && memmem(path, len, "/./", 3) == NULL);
    assert(memchr(path, '\0', len) == NULL);
    if (memchr(path, '%', len) != NULL)
        return;
    again = copy_of(path, len);
    assert(http_path_normalise(path, len, again) == (ssize_t)len && memcmp(path, again, len) == 0);
    free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *to;
    char *same;
    ssize_t n;

    if (len == 0 || data[0] != '/' || memchr(data, '\0', len) != NULL)
        return 0;
    to = malloc(len);
    same = copy_of((const char *)data, len);
    assert(to != NULL);
    n = http_path_normalise((const char *)data, len, to);
    assert(n == HTTP_BAD_PATH || (n >= 1 && n <= (ssize_t)len));
    if (n > 0)
        check_normal(to, (size_t)n);
    /* in place */
    assert(http_path_normalise(same, len, same) == n);
    assert(n < 0 || memcmp(same, to, (size_t)n) == 0);
    free(same);
    free(to);
    return 0;
}
