#include "download/bytes/range.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* first-pos, last-pos and suffix-length as sent. */
struct dl_range_spec {
    bool has_first;
    bool has_last;
    uint64_t first;
    uint64_t last;
};

struct dl_range_reader {
    const char *at;
    const char *end;
};

static void
dl_range_skip_space(struct dl_range_reader *in)
{
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t'))
        in->at++;
}

/* Parse a number; one that does not fit becomes the largest. False: no digits. */
static bool
dl_range_number(struct dl_range_reader *in, uint64_t *ret)
{
    const char *begin = in->at;
    uint64_t n = 0;

    for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++) {
        unsigned digit = (unsigned)(*in->at - '0');

        n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
    }
    *ret = n;
    return in->at > begin;
}

/* Parse an int-range or a suffix-range, up to the next comma. */
static bool
dl_range_spec(struct dl_range_reader *in, struct dl_range_spec *ret)
{
    ret->has_first = dl_range_number(in, &ret->first);
    if (in->at == in->end || *in->at++ != '-')
        return false;
    ret->has_last = dl_range_number(in, &ret->last);
    if (!ret->has_last && !ret->has_first)
        return false;
    if (ret->has_first && ret->has_last && ret->last < ret->first)
        return false;
    dl_range_skip_space(in);
    return in->at == in->end || *in->at == ',';
}

/* Whether the range has bytes of the file. */
static bool
dl_range_resolve(const struct dl_range_spec *spec, uint64_t size, struct dl_range *ret)
{
    uint64_t last = spec->has_last && spec->last < size ? spec->last : size - 1;

    if (!spec->has_first) {
        uint64_t len = spec->last < size ? spec->last : size;

        *ret = (struct dl_range){size - len, len};
        return len > 0;
    }
    if (spec->first >= size)
        return false;
    *ret = (struct dl_range){spec->first, last - spec->first + 1};
    return true;
}

/* Whether the range is the beginning or the end of an empty file. It covers the whole file, but
 * Content-Range cannot express it. The file is sent with 200, because clients that always send
 * Range would take a 416 for a failure. */
static bool
dl_range_is_empty_file(const struct dl_range_spec *spec, uint64_t size)
{
    return size == 0 && (spec->has_first ? spec->first == 0 : spec->last != 0);
}

/* Skip "bytes", in any case, and "=". */
static bool
dl_range_unit(struct dl_range_reader *in)
{
    static const char unit[] = "bytes=";
    size_t len = strlen(unit);

    if ((size_t)(in->end - in->at) < len || strncasecmp(in->at, unit, len) != 0)
        return false;
    in->at += len;
    return true;
}

int
dl_range_parse(struct goevd_str value, uint64_t size, struct dl_range *ret, unsigned max)
{
    struct dl_range_reader in = {value.data, value.data + value.len};
    unsigned specs = 0, count = 0;
    uint64_t left = size;

    if (!dl_range_unit(&in))
        return 0;
    for (;; in.at++) {
        struct dl_range_spec spec;
        struct dl_range range;

        dl_range_skip_space(&in);
        if (in.at < in.end && *in.at != ',') {
            if (++specs > max || !dl_range_spec(&in, &spec))
                return 0;
            if (dl_range_resolve(&spec, size, &range)) {
                if (range.len > left)
                    return 0;
                left -= range.len;
                ret[count++] = range;
            } else if (dl_range_is_empty_file(&spec, size)) {
                return 0;
            }
        }
        if (in.at == in.end)
            break;
    }
    if (specs == 0)
        return 0;
    return count > 0 ? (int)count : -ERANGE;
}
