#include "download/encoding.h"

#include <string.h>
#include <strings.h>

#define ENCODING_FULL 1000
#define ENCODING_UNSAID UINT16_MAX

const char *const encoding_suffixes[ENCODING_COUNT] = {".br", ".zst", ".gz"};
const char *const encoding_names[ENCODING_COUNT] = {"br", "zstd", "gzip"};

static struct goevd_str
encoding_trim(struct goevd_str s)
{
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
        s = (struct goevd_str){s.data + 1, s.len - 1};
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* What stands before the first `separator`; *rest is what stands behind it, data NULL if it is not
 * there. */
static struct goevd_str
encoding_split(struct goevd_str s, char separator, struct goevd_str *rest)
{
    const char *at = s.len == 0 ? NULL : memchr(s.data, separator, s.len);

    *rest = (struct goevd_str){0};
    if (at == NULL)
        return encoding_trim(s);
    *rest = (struct goevd_str){at + 1, (size_t)(s.data + s.len - at) - 1};
    return encoding_trim((struct goevd_str){s.data, (size_t)(at - s.data)});
}

static bool
encoding_is(struct goevd_str s, const char *name)
{
    return s.len == strlen(name) && strncasecmp(s.data, name, s.len) == 0;
}

/* "q=0.123", section 12.4.2. What is malformed counts as 0, for it is not known to be wanted. */
static uint16_t
encoding_weight(struct goevd_str s)
{
    unsigned weight, unit = ENCODING_FULL;

    s = encoding_trim(s);
    if (s.len < 3 || s.len > 7 || (s.data[0] | 0x20) != 'q' || s.data[1] != '=')
        return 0;
    if ((s.data[2] != '0' && s.data[2] != '1') || (s.len > 3 && s.data[3] != '.'))
        return 0;
    weight = (unsigned)(s.data[2] - '0') * ENCODING_FULL;
    for (size_t i = 4; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return 0;
        unit /= 10;
        weight += (unsigned)(s.data[i] - '0') * unit;
    }
    return weight > ENCODING_FULL ? 0 : (uint16_t)weight;
}

static void
encoding_item(struct goevd_str item, struct encoding_weights *w, uint16_t *others)
{
    struct goevd_str parameters;
    struct goevd_str name = encoding_split(item, ';', &parameters);
    uint16_t weight = parameters.data == NULL ? ENCODING_FULL : encoding_weight(parameters);

    for (int i = 0; i < ENCODING_COUNT; i++)
        if (encoding_is(name, encoding_names[i]))
            w->of[i] = weight;
    if (encoding_is(name, "x-gzip"))
        w->of[ENCODING_GZ] = weight;
    else if (encoding_is(name, "identity"))
        w->identity = weight;
    else if (encoding_is(name, "*"))
        *others = weight;
}

void
encoding_read(struct goevd_str value, struct encoding_weights *ret)
{
    uint16_t others = ENCODING_UNSAID;

    for (int i = 0; i < ENCODING_COUNT; i++)
        ret->of[i] = ENCODING_UNSAID;
    ret->identity = ENCODING_UNSAID;
    while (value.data != NULL)
        encoding_item(encoding_split(value, ',', &value), ret, &others);
    for (int i = 0; i < ENCODING_COUNT; i++)
        if (ret->of[i] == ENCODING_UNSAID)
            ret->of[i] = others == ENCODING_UNSAID ? 0 : others;
    /* unless it is spoken of, a file as it is comes after every coding that is taken */
    if (ret->identity == ENCODING_UNSAID)
        ret->identity = others == 0 ? 0 : 1;
}
