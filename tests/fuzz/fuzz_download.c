/* Headers of requests for files: the ranges that come out lie in the file and are never more than
 * it.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "download/bytes/condition.h"
#include "download/bytes/range.h"

#define RANGES_MAX 16

const struct goevd_http *goevd_http;
const struct goevd_host *goevd_host;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_ranges(struct goevd_str value, uint64_t size)
{
    struct dl_range ranges[RANGES_MAX];
    int count = dl_range_parse(value, size, ranges, RANGES_MAX);
    uint64_t total = 0;

    assert(count == -ERANGE || (count >= 0 && count <= RANGES_MAX));
    for (int i = 0; i < count; i++) {
        assert(ranges[i].len > 0 && ranges[i].at < size);
        assert(ranges[i].len <= size - ranges[i].at);
        total += ranges[i].len;
        assert(total <= size);
    }
}

static void
check_conditions(struct goevd_str value)
{
    static const char *const names[] = {"If-Match", "If-None-Match", "If-Modified-Since",
                                        "If-Unmodified-Since", "If-Range"};
    static const struct dl_condition_file file = {
        {"\"1-2\"", 5}, {"Sun, 06 Nov 1994 08:49:37 GMT", DL_CONDITION_DATE_LEN}, 784111777};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct dl_condition c = {0};

        dl_condition_header(&c, &file, (struct goevd_str){names[i], strlen(names[i])}, value);
        dl_condition_header(&c, &file, value, value);
        (void)dl_condition_check(&c, &file);
        (void)dl_condition_range(&c, &file, 0);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint64_t sizes[] = {0, 1, 1000, UINT64_C(1) << 40, INT64_MAX};
    char *copy = malloc(len + (len == 0));
    struct goevd_str value = {copy, len};

    assert(copy != NULL);
    memcpy(copy, data, len);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        check_ranges(value, sizes[i]);
    check_conditions(value);
    free(copy);
    return 0;
}
