#include "http/log/trace.h"

#include "http/message/semantics.h"

/* Offsets in the text 00-ID-SPAN-FLAGS. */
#define ID_AT 3
#define SPAN_AT 36
#define FLAGS_AT 53

enum {
    HTTP_TRACE_SAMPLED = 1,
    HTTP_TRACE_RANDOM = 2,
    HTTP_TRACE_FLAGS = HTTP_TRACE_SAMPLED | HTTP_TRACE_RANDOM
};

/* ---- Digits ---------------------------------------------------------------------------------- */

void
http_trace_hex(char *to, uint64_t n)
{
    for (int i = 15; i >= 0; i--, n >>= 4)
        to[i] = "0123456789abcdef"[n & 15];
}

/* Returns the value of a digit. Capital letters are malformed, section 3.2.2.1. */
static int
http_trace_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
http_trace_is_hex(const char *text, size_t len, bool *ret_zero)
{
    *ret_zero = true;
    for (size_t i = 0; i < len; i++) {
        if (http_trace_digit(text[i]) < 0)
            return false;
        *ret_zero = *ret_zero && text[i] == '0';
    }
    return true;
}

static unsigned
http_trace_byte(const char *text)
{
    return (unsigned)(http_trace_digit(text[0]) << 4 | http_trace_digit(text[1]));
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Of a later version, only the fields of version 00 are read, section 3.2.4. */
static bool
http_trace_is_framed(struct http_span v)
{
    bool zero;

    if (v.len < HTTP_TRACE_LEN || !http_trace_is_hex(v.data, 2, &zero) ||
        memcmp(v.data, "ff", 2) == 0)
        return false;
    if (zero ? v.len != HTTP_TRACE_LEN : v.len > HTTP_TRACE_LEN && v.data[HTTP_TRACE_LEN] != '-')
        return false;
    return v.data[ID_AT - 1] == '-' && v.data[SPAN_AT - 1] == '-' && v.data[FLAGS_AT - 1] == '-';
}

bool
http_trace_parse(struct http_span value, struct http_trace *ret)
{
    bool no_id, no_span, no_flags;

    if (!http_trace_is_framed(value) ||
        !http_trace_is_hex(value.data + ID_AT, HTTP_TRACE_ID_LEN, &no_id) ||
        !http_trace_is_hex(value.data + SPAN_AT, HTTP_TRACE_SPAN_LEN, &no_span) ||
        !http_trace_is_hex(value.data + FLAGS_AT, 2, &no_flags) || no_id || no_span)
        return false;
    ret->len = HTTP_TRACE_LEN;
    ret->continued = true;
    memcpy(ret->text, value.data, HTTP_TRACE_LEN);
    memcpy(ret->text, "00", 2);
    memcpy(ret->caller, value.data + SPAN_AT, HTTP_TRACE_SPAN_LEN);
    /* unknown flags are passed on as 0 */
    ret->text[FLAGS_AT] = '0';
    ret->text[FLAGS_AT + 1] =
        (char)('0' + (http_trace_byte(value.data + FLAGS_AT) & HTTP_TRACE_FLAGS));
    return true;
}

/* ---- Making ---------------------------------------------------------------------------------- */

static uint64_t
http_trace_rotate(uint64_t n, unsigned by)
{
    return n << by | n >> (64 - by);
}

/* xoroshiro128++. Never returns 0, which is not a valid id. */
static uint64_t
http_trace_next(struct http_trace_random *random)
{
    uint64_t a = random->state[0], b = random->state[1];
    uint64_t n = http_trace_rotate(a + b, 17) + a;

    b ^= a;
    random->state[0] = http_trace_rotate(a, 49) ^ b ^ (b << 21);
    random->state[1] = http_trace_rotate(b, 28);
    return n ? n : 1;
}

bool
http_trace_continue(const struct http_request *req, struct http_trace_random *random,
                    struct http_trace *ret)
{
    const struct http_field *found = NULL;

    for (uint32_t i = 0; i < req->field_count; i++) {
        const struct http_field *f = &req->fields[i];

        if (!http_field_is(f, "traceparent", strlen("traceparent")))
            continue;
        if (found)
            return false; /* with two headers, neither can be trusted */
        found = f;
    }
    if (!found || !http_trace_parse((struct http_span){found->value, found->value_len}, ret))
        return false;
    http_trace_hex(ret->text + SPAN_AT, http_trace_next(random));
    return true;
}

void
http_trace_begin(struct http_trace_random *random, bool sampled, struct http_trace *ret)
{
    ret->len = HTTP_TRACE_LEN;
    ret->continued = false;
    memcpy(ret->text, "00-", 3);
    http_trace_hex(ret->text + ID_AT, http_trace_next(random));
    http_trace_hex(ret->text + ID_AT + 16, http_trace_next(random));
    ret->text[SPAN_AT - 1] = '-';
    http_trace_hex(ret->text + SPAN_AT, http_trace_next(random));
    memcpy(ret->text + SPAN_AT + HTTP_TRACE_SPAN_LEN, sampled ? "-03" : "-02", 3);
}
