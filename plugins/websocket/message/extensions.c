#include "websocket/message/extensions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME "permessage-deflate"

/* ---- The grammar, RFC 6455 section 9.1 ------------------------------------------------------- */

struct cursor {
    const char *at, *end;
};

/* The value of a parameter; of a longer one the beginning is as good as all of it. */
struct value {
    char text[3];
    size_t len; /* 0: there is none */
};

static bool
char_is_token(char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static void
cursor_skip_space(struct cursor *c)
{
    while (c->at != c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
}

/* Whether this comes next, besides white space; then it is behind. */
static bool
cursor_passes(struct cursor *c, char what)
{
    cursor_skip_space(c);
    if (c->at == c->end || *c->at != what)
        return false;
    c->at++;
    return true;
}

/* Empty if none comes next. */
static struct goevd_str
cursor_token(struct cursor *c)
{
    const char *from;

    cursor_skip_space(c);
    from = c->at;
    while (c->at != c->end && char_is_token(*c->at))
        c->at++;
    return (struct goevd_str){from, (size_t)(c->at - from)};
}

static void
value_add(struct value *v, char c)
{
    if (v->len < sizeof(v->text))
        v->text[v->len++] = c;
}

/* A token in quotes; a backslash is before what it stands for. */
static int
cursor_quoted(struct cursor *c, struct value *ret)
{
    while (c->at != c->end && *c->at != '"') {
        if (*c->at == '\\')
            c->at++;
        if (c->at == c->end || !char_is_token(*c->at))
            return -EBADMSG;
        value_add(ret, *c->at++);
    }
    return cursor_passes(c, '"') && ret->len != 0 ? 0 : -EBADMSG;
}

static int
cursor_value(struct cursor *c, struct value *ret)
{
    struct goevd_str token;

    if (cursor_passes(c, '"'))
        return cursor_quoted(c, ret);
    token = cursor_token(c);
    for (size_t i = 0; i < token.len; i++)
        value_add(ret, token.data[i]);
    return token.len != 0 ? 0 : -EBADMSG;
}

/* ---- Offers ---------------------------------------------------------------------------------- */

struct offer {
    bool known; /* it can be agreed to as far as it is read */
    uint8_t named;
    uint8_t server_bits, client_bits;
};

static bool
str_is(struct goevd_str s, const char *what)
{
    return s.len == strlen(what) && memcmp(s.data, what, s.len) == 0;
}

/* 8 to 15, in decimal without zeros before it; 0 if it is something else. */
static uint8_t
value_bits(const struct value *v)
{
    if (v->len == 1 && (v->text[0] == '8' || v->text[0] == '9'))
        return (uint8_t)(v->text[0] - '0');
    if (v->len == 2 && v->text[0] == '1' && v->text[1] >= '0' && v->text[1] <= '5')
        return (uint8_t)(10 + v->text[1] - '0');
    return 0;
}

static uint8_t
offer_parameter(struct goevd_str name)
{
    static const char *const names[] = {"server_no_context_takeover", "client_no_context_takeover",
                                        "server_max_window_bits", "client_max_window_bits"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_is(name, names[i]))
            return (uint8_t)(1U << i);
    return 0;
}

/* Whether a parameter that was not there before may have this value. */
static bool
offer_takes(struct offer *o, uint8_t parameter, const struct value *v)
{
    uint8_t bits = value_bits(v);

    switch (parameter) {
    case DEFLATE_SERVER_ALONE:
    case DEFLATE_CLIENT_ALONE:
        return v->len == 0;
    case DEFLATE_SERVER_BITS:
        o->server_bits = bits;
        return bits >= DEFLATE_BITS_MIN;
    case DEFLATE_CLIENT_BITS:
        o->client_bits = v->len == 0 ? DEFLATE_BITS_MAX : bits;
        return o->client_bits != 0;
    default:
        return false;
    }
}

static int
offer_read(struct cursor *c, struct offer *o)
{
    struct goevd_str name = cursor_token(c);

    o->known = str_is(name, NAME);
    while (name.len != 0 && cursor_passes(c, ';')) {
        struct value value = {.len = 0};
        uint8_t parameter;

        name = cursor_token(c);
        if (name.len != 0 && cursor_passes(c, '=') && cursor_value(c, &value) < 0)
            return -EBADMSG;
        parameter = offer_parameter(name);
        if ((o->named & parameter) != 0 || !offer_takes(o, parameter, &value))
            o->known = false;
        o->named |= parameter;
    }
    cursor_skip_space(c);
    return name.len != 0 && (c->at == c->end || *c->at == ',') ? 0 : -EBADMSG;
}

static uint8_t
bits_min(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

static struct deflate_terms
offer_agree(const struct offer *o, const struct deflate_policy *policy)
{
    return (struct deflate_terms){
        .server_bits = bits_min(policy->server_bits, o->server_bits),
        .client_bits = (o->named & DEFLATE_CLIENT_BITS) != 0
                           ? bits_min(policy->client_bits, o->client_bits)
                           : DEFLATE_BITS_MAX,
        .server_alone = policy->server_alone || (o->named & DEFLATE_SERVER_ALONE) != 0,
        .named = o->named,
    };
}

int
extensions_take(const struct deflate_policy *policy, struct goevd_str value,
                struct deflate_terms *terms)
{
    struct cursor c = {value.data, value.data + value.len};

    for (cursor_skip_space(&c); c.at != c.end; cursor_skip_space(&c)) {
        struct offer offer = {.server_bits = DEFLATE_BITS_MAX};

        if (cursor_passes(&c, ','))
            continue;
        if (offer_read(&c, &offer) < 0)
            return -EBADMSG;
        if (offer.known && policy->server_bits != 0 && terms->server_bits == 0)
            *terms = offer_agree(&offer, policy);
    }
    return 0;
}

/* ---- The answer ------------------------------------------------------------------------------ */

size_t
extensions_answer(const struct deflate_terms *terms, char ret[EXTENSIONS_ANSWER_MAX])
{
    char server[40] = "", client[40] = "";

    if ((terms->named & DEFLATE_SERVER_BITS) != 0)
        snprintf(server, sizeof(server), "; server_max_window_bits=%u", terms->server_bits);
    if ((terms->named & DEFLATE_CLIENT_BITS) != 0)
        snprintf(client, sizeof(client), "; client_max_window_bits=%u", terms->client_bits);
    return (size_t)snprintf(
        ret, EXTENSIONS_ANSWER_MAX, NAME "%s%s%s%s",
        (terms->named & DEFLATE_SERVER_ALONE) != 0 ? "; server_no_context_takeover" : "",
        (terms->named & DEFLATE_CLIENT_ALONE) != 0 ? "; client_no_context_takeover" : "", server,
        client);
}
