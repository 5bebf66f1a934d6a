#include "http/message/coding/coding.h"

#include "http/message/semantics.h"

#define CODING_UNSAID UINT32_MAX

static struct http_span
http_coding_trim(struct http_span s)
{
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
        s = (struct http_span){s.data + 1, s.len - 1};
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* The part before the first `separator`. *rest becomes the part behind it; data is NULL if there is
 * no separator. */
static struct http_span
http_coding_split(struct http_span s, char separator, struct http_span *rest)
{
    const char *at = s.len == 0 ? NULL : memchr(s.data, separator, s.len);

    *rest = (struct http_span){0};
    if (!at)
        return http_coding_trim(s);
    *rest = (struct http_span){at + 1, (size_t)(s.data + s.len - at) - 1};
    return http_coding_trim((struct http_span){s.data, (size_t)(at - s.data)});
}

static bool
http_coding_is(struct http_span s, const char *name)
{
    return s.len == strlen(name) && http_chars_equal_any(s.data, name, s.len);
}

/* Parse "q=0.123", section 12.4.2. A malformed weight counts as 0, so that the client gets nothing
 * that it may not want. */
static unsigned
http_coding_quality(struct http_span s)
{
    unsigned weight, unit = HTTP_CODING_FULL;

    s = http_coding_trim(s);
    if (s.len < 3 || s.len > 7 || (s.data[0] | 0x20) != 'q' || s.data[1] != '=')
        return 0;
    if ((s.data[2] != '0' && s.data[2] != '1') || (s.len > 3 && s.data[3] != '.'))
        return 0;
    weight = (unsigned)(s.data[2] - '0') * HTTP_CODING_FULL;
    for (size_t i = 4; i < s.len; i++) {
        if (!http_chars_is(s.data[i], HTTP_CHARS_DIGIT))
            return 0;
        unit /= 10;
        weight += (unsigned)(s.data[i] - '0') * unit;
    }
    return weight > HTTP_CODING_FULL ? 0 : weight;
}

/* The weights in Accept-Encoding: of one coding, and of "*". */
struct http_coding_said {
    unsigned it;
    unsigned others;
};

static void
http_coding_item(struct http_span item, const char *coding, struct http_coding_said *said)
{
    struct http_span parameters;
    struct http_span name = http_coding_split(item, ';', &parameters);
    unsigned weight = !parameters.data ? HTTP_CODING_FULL : http_coding_quality(parameters);

    if (http_coding_is(name, coding) ||
        (http_coding_is(name, "x-gzip") && strcmp(coding, "gzip") == 0))
        said->it = weight;
    else if (http_coding_is(name, "*"))
        said->others = weight;
}

unsigned
http_coding_weight(const struct http_request *req, const char *coding)
{
    static const char header[] = "accept-encoding";
    struct http_coding_said said = {CODING_UNSAID, CODING_UNSAID};

    for (uint32_t i = 0; i < req->field_count; i++) {
        const struct http_field *f = &req->fields[i];
        struct http_span value = {f->value, f->value_len};

        if (!http_field_is(f, header, strlen(header)))
            continue;
        while (value.data)
            http_coding_item(http_coding_split(value, ',', &value), coding, &said);
    }
    if (said.it != CODING_UNSAID)
        return said.it;
    if (strcmp(coding, "identity") == 0)
        return said.others == 0 ? 0 : 1;
    return said.others == CODING_UNSAID ? 0 : said.others;
}
