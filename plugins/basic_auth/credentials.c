#include "basic_auth/credentials.h"

#include <string.h>
#include <strings.h>

#include <nettle/base64.h>

#define PAIR_MAX (2 * AUTH_CREDENTIALS_PART_MAX + 1)

/* Decode the pair. Returns its length; 0: malformed. */
static size_t
auth_credentials_decode(struct goevd_str text, uint8_t pair[PAIR_MAX])
{
    struct base64_decode_ctx ctx;
    size_t n = PAIR_MAX;

    /* the bound keeps nettle from writing beyond the buffer; nettle would skip spaces */
    if (BASE64_DECODE_LENGTH(text.len) > PAIR_MAX || memchr(text.data, ' ', text.len) ||
        memchr(text.data, '\t', text.len))
        return 0;
    base64_decode_init(&ctx);
    if (base64_decode_update(&ctx, &n, pair, text.len, text.data) != 1 ||
        base64_decode_final(&ctx) != 1)
        return 0;
    return n;
}

/* Whether name and password have no control characters. */
static bool
auth_credentials_copy(const uint8_t *from, size_t len, char to[AUTH_CREDENTIALS_PART_MAX + 1])
{
    if (len > AUTH_CREDENTIALS_PART_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (from[i] < ' ' || from[i] == 0x7f)
            return false;
    memcpy(to, from, len);
    to[len] = '\0';
    return true;
}

bool
auth_credentials_read(struct goevd_str value, struct auth_credentials *ret)
{
    static const char scheme[] = "Basic ";
    uint8_t pair[PAIR_MAX];
    const uint8_t *colon;
    size_t skip = sizeof(scheme) - 1;
    size_t n;
    bool good;

    if (value.len <= skip || strncasecmp(value.data, scheme, skip) != 0)
        return false;
    while (skip < value.len && value.data[skip] == ' ')
        skip++;
    n = auth_credentials_decode((struct goevd_str){value.data + skip, value.len - skip}, pair);
    colon = n == 0 ? NULL : memchr(pair, ':', n);
    good = colon && auth_credentials_copy(pair, (size_t)(colon - pair), ret->name) &&
           auth_credentials_copy(colon + 1, n - (size_t)(colon + 1 - pair), ret->password);
    explicit_bzero(pair, sizeof(pair));
    return good;
}
