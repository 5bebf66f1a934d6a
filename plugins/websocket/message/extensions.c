#include "websocket/message/extensions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME "permessage-deflate"

/* ---- The grammar, RFC 6455 section 9.1 ------------------------------------------------------- */

struct ws_cursor {
    const char *at, *end;
};

/* The value of a parameter. Longer values are truncated, because no valid value is that long. */
struct ws_value {
    char text[3];
    size_t len; /* 0: no value */
};

static bool
ws_is_token(char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static void
ws_cursor_skip_space(struct ws_cursor *c)
{
    while (c->at != c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
}

/* Skip white space and this character; false if another character follows. */
static bool
ws_cursor_passes(struct ws_cursor *c, char what)
{
    ws_cursor_skip_space(c);
    if (c->at == c->end || *c->at != what)
        return false;
    c->at++;
    return true;
}

/* Read a token; empty if none follows. */
static struct goevd_str
ws_cursor_token(struct ws_cursor *c)
{
    const char *from;

    ws_cursor_skip_space(c);
    from = c->at;
    while (c->at != c->end && ws_is_token(*c->at))
        c->at++;
    return (struct goevd_str){from, (size_t)(c->at - from)};
}

static void
ws_value_add(struct ws_value *v, char c)
{
    if (v->len < sizeof(v->text))
        v->text[v->len++] = c;
}

/* Read a quoted token; a backslash escapes the next character. */
static int
ws_cursor_quoted(struct ws_cursor *c, struct ws_value *ret)
{
    while (c->at != c->end && *c->at != '"') {
        if (*c->at == '\\')
            c->at++;
        if (c->at == c->end || !ws_is_token(*c->at))
            return -EBADMSG;
        ws_value_add(ret, *c->at++);
    }
    return ws_cursor_passes(c, '"') && ret->len != 0 ? 0 : -EBADMSG;
}

static int
ws_cursor_value(struct ws_cursor *c, struct ws_value *ret)
{
    struct goevd_str token;

    if (ws_cursor_passes(c, '"'))
        return ws_cursor_quoted(c, ret);
    token = ws_cursor_token(c);
    for (size_t i = 0; i < token.len; i++)
        ws_value_add(ret, token.data[i]);
    return token.len != 0 ? 0 : -EBADMSG;
}

/* ---- Offers ---------------------------------------------------------------------------------- */

struct ws_offer {
    bool known; /* no unknown or invalid parameter so far */
    uint8_t named;
    uint8_t server_bits, client_bits;
};

static bool
ws_str_is(struct goevd_str s, const char *what)
{
    return s.len == strlen(what) && memcmp(s.data, what, s.len) == 0;
}

/* Parse 8 to 15 in decimal without leading zeros; 0: anything else. */
static uint8_t
ws_value_bits(const struct ws_value *v)
{
    if (v->len == 1 && (v->text[0] == '8' || v->text[0] == '9'))
        return (uint8_t)(v->text[0] - '0');
    if (v->len == 2 && v->text[0] == '1' && v->text[1] >= '0' && v->text[1] <= '5')
        return (uint8_t)(10 + v->text[1] - '0');
    return 0;
}

static uint8_t
ws_offer_parameter(struct goevd_str name)
{
    static const char *const names[] = {"server_no_context_takeover", "client_no_context_takeover",
                                        "server_max_window_bits", "client_max_window_bits"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (ws_str_is(name, names[i]))
            return (uint8_t)(1U << i);
    return 0;
}

/* Whether a parameter is new in this offer, and may have this value. */
static bool
ws_offer_takes(struct ws_offer *o, uint8_t parameter, const struct ws_value *v)
{
    uint8_t bits = ws_value_bits(v);

    switch (parameter) {
    case WS_DEFLATE_SERVER_ALONE:
    case WS_DEFLATE_CLIENT_ALONE:
        return v->len == 0;
    case WS_DEFLATE_SERVER_BITS:
        o->server_bits = bits;
        return bits >= WS_DEFLATE_BITS_MIN;
    case WS_DEFLATE_CLIENT_BITS:
        o->client_bits = v->len == 0 ? WS_DEFLATE_BITS_MAX : bits;
        return o->client_bits != 0;
    default:
        return false;
    }
}

static int
ws_offer_read(struct ws_cursor *c, struct ws_offer *o)
{
    struct goevd_str name = ws_cursor_token(c);

    o->known = ws_str_is(name, NAME);
    while (name.len != 0 && ws_cursor_passes(c, ';')) {
        struct ws_value value = {.len = 0};
        uint8_t parameter;

        name = ws_cursor_token(c);
        if (name.len != 0 && ws_cursor_passes(c, '=') && ws_cursor_value(c, &value) < 0)
            return -EBADMSG;
        parameter = ws_offer_parameter(name);
        if ((o->named & parameter) != 0 || !ws_offer_takes(o, parameter, &value))
            o->known = false;
        o->named |= parameter;
    }
    ws_cursor_skip_space(c);
    return name.len != 0 && (c->at == c->end || *c->at == ',') ? 0 : -EBADMSG;
}

static uint8_t
ws_bits_min(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

static struct ws_deflate_terms
ws_offer_agree(const struct ws_offer *o, const struct ws_deflate_policy *policy)
{
    return (struct ws_deflate_terms){
        .server_bits = ws_bits_min(policy->server_bits, o->server_bits),
        .client_bits = (o->named & WS_DEFLATE_CLIENT_BITS) != 0
                           ? ws_bits_min(policy->client_bits, o->client_bits)
                           : WS_DEFLATE_BITS_MAX,
        .server_alone = policy->server_alone || (o->named & WS_DEFLATE_SERVER_ALONE),
        .named = o->named,
    };
}

int
ws_extensions_take(const struct ws_deflate_policy *policy, struct goevd_str value,
                   struct ws_deflate_terms *terms)
{
    struct ws_cursor c = {value.data, value.data + value.len};

    for (ws_cursor_skip_space(&c); c.at != c.end; ws_cursor_skip_space(&c)) {
        struct ws_offer offer = {.server_bits = WS_DEFLATE_BITS_MAX};

        if (ws_cursor_passes(&c, ','))
            continue;
        if (ws_offer_read(&c, &offer) < 0)
            return -EBADMSG;
        if (offer.known && policy->server_bits != 0 && terms->server_bits == 0)
            *terms = ws_offer_agree(&offer, policy);
    }
    return 0;
}

/* ---- The reply ------------------------------------------------------------------------------- */

size_t
ws_extensions_answer(const struct ws_deflate_terms *terms, char ret[WS_EXTENSIONS_ANSWER_MAX])
{
    char server[40] = "", client[40] = "";

    if (terms->named & WS_DEFLATE_SERVER_BITS)
        snprintf(server, sizeof(server), "; server_max_window_bits=%u", terms->server_bits);
    if (terms->named & WS_DEFLATE_CLIENT_BITS)
        snprintf(client, sizeof(client), "; client_max_window_bits=%u", terms->client_bits);
    return (size_t)snprintf(
        ret, WS_EXTENSIONS_ANSWER_MAX, NAME "%s%s%s%s",
        (terms->named & WS_DEFLATE_SERVER_ALONE) != 0 ? "; server_no_context_takeover" : "",
        (terms->named & WS_DEFLATE_CLIENT_ALONE) != 0 ? "; client_no_context_takeover" : "", server,
        client);
}
