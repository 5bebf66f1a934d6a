#include "websocket/message/handshake.h"

#include <string.h>
#include <strings.h>

#include <nettle/base64.h>
#include <nettle/sha1.h>

#define KEY_LEN 24 /* base64 length of 16 bytes */
#define BASE64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

static bool
ws_handshake_is(struct goevd_str name, const char *what)
{
    return name.len == strlen(what) && strncasecmp(name.data, what, name.len) == 0;
}

static const struct goevd_str *
ws_handshake_find(const struct goevd_list *list, struct goevd_str what)
{
    const struct goevd_str *items = list->items;

    for (size_t i = 0; i < list->count; i++)
        if (items[i].len == what.len && memcmp(items[i].data, what.data, what.len) == 0)
            return &items[i];
    return NULL;
}

/* Trim the white space around an element of a list. */
static struct goevd_str
ws_handshake_trim(const char *from, const char *to)
{
    while (from != to && (*from == ' ' || *from == '\t'))
        from++;
    while (from != to && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    return (struct goevd_str){from, (size_t)(to - from)};
}

bool
ws_handshake_offers(struct goevd_str name)
{
    return ws_handshake_is(name, "Sec-WebSocket-Protocol");
}

bool
ws_handshake_offer(struct goevd_str *list, struct goevd_str *ret)
{
    const char *end = list->data + list->len, *comma;

    ret->len = 0;
    while (list->len != 0 && ret->len == 0) {
        comma = memchr(list->data, ',', list->len);
        *ret = ws_handshake_trim(list->data, comma ? comma : end);
        list->data = comma ? comma + 1 : end;
        list->len = (size_t)(end - list->data);
    }
    return ret->len != 0;
}

static void
ws_handshake_choose(struct ws_handshake *h, const struct ws_handshake_policy *policy,
                    struct goevd_str offers)
{
    struct goevd_str offer;

    while (!h->protocol.data && ws_handshake_offer(&offers, &offer))
        if (ws_handshake_find(&policy->protocols, offer) != NULL)
            h->protocol = offer;
}

void
ws_handshake_take(struct ws_handshake *h, const struct ws_handshake_policy *policy,
                  struct goevd_str name, struct goevd_str value)
{
    if (ws_handshake_is(name, "Sec-WebSocket-Key")) {
        h->key = value;
        h->keys++;
    } else if (ws_handshake_is(name, "Sec-WebSocket-Version")) {
        h->version = value;
        h->versions++;
    } else if (ws_handshake_is(name, "Origin")) {
        h->origin = value;
        h->origins++;
    } else if (ws_handshake_is(name, "Host")) {
        h->host = value;
    } else if (ws_handshake_offers(name)) {
        ws_handshake_choose(h, policy, value);
    } else if (ws_handshake_is(name, "Sec-WebSocket-Extensions")) {
        h->malformed |= ws_extensions_take(&policy->deflate, value, &h->deflate) < 0;
    }
}

/* Section 4.2.1: base64 of 16 bytes. The unused bits of the last character may have any value, so
 * that the example of section 4.1 is accepted. */
static bool
ws_handshake_key_valid(struct goevd_str key)
{
    if (key.len != KEY_LEN || memcmp(key.data + KEY_LEN - 2, "==", 2) != 0)
        return false;
    for (size_t i = 0; i < KEY_LEN - 2; i++)
        if (!strchr(BASE64, key.data[i]) || key.data[i] == '\0')
            return false;
    return true;
}

/* Whether the origin is that of this server: a scheme and the value of Host. */
static bool
ws_handshake_same_origin(const struct ws_handshake *h)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(schemes[i]);

        if (h->origin.len == len + h->host.len && h->host.len != 0 &&
            memcmp(h->origin.data, schemes[i], len) == 0 &&
            strncasecmp(h->origin.data + len, h->host.data, h->host.len) == 0)
            return true;
    }
    return false;
}

/* Whether the origin is permitted. A client without Origin is not a browser, so no foreign page
 * controls it. */
static bool
ws_handshake_permits(const struct ws_handshake *h, const struct ws_handshake_policy *policy)
{
    if (h->origins == 0 || policy->origins.count == 0 ||
        (policy->same_origin && ws_handshake_same_origin(h)))
        return true;
    return memchr(h->origin.data, ':', h->origin.len) &&
           ws_handshake_find(&policy->origins, h->origin);
}

int
ws_handshake_status(const struct ws_handshake *h, const struct ws_handshake_policy *policy)
{
    if (h->versions != 1 || h->keys != 1 || h->origins > 1 || h->malformed)
        return 400;
    if (h->version.len != 2 || memcmp(h->version.data, "13", 2) != 0)
        return 426;
    if (!ws_handshake_key_valid(h->key))
        return 400;
    return ws_handshake_permits(h, policy) ? 0 : 403;
}

void
ws_handshake_accept(const struct ws_handshake *h, char ret[WS_HANDSHAKE_ACCEPT_LEN])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t digest[SHA1_DIGEST_SIZE];
    struct sha1_ctx ctx;

    sha1_init(&ctx);
    sha1_update(&ctx, h->key.len, (const uint8_t *)h->key.data);
    sha1_update(&ctx, sizeof(guid) - 1, (const uint8_t *)guid);
    sha1_digest(&ctx, sizeof(digest), digest);
    base64_encode_raw(ret, sizeof(digest), digest);
}
