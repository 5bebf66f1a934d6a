/* The opening handshake, RFC 6455 section 4.2: what the headers of a request say. */
#pragma once

#include "websocket/message/extensions.h"

#define WS_HANDSHAKE_ACCEPT_LEN 28 /* bytes of Sec-WebSocket-Accept */

/* What the server allows; both lists are of struct goevd_str. */
struct ws_handshake_policy {
    struct goevd_list origins; /* none: all; no "*" */
    bool same_origin;          /* that of the host is one of them */
    struct goevd_list protocols;
    struct ws_deflate_policy deflate;
};

/* Begin with zeroes, then take every header of the request. */
struct ws_handshake {
    struct goevd_str key, version, origin, host;
    unsigned keys, versions, origins; /* how many of each were sent */
    struct goevd_str protocol;        /* the first offered one that is allowed; data NULL: none */
    struct ws_deflate_terms deflate;
    bool malformed;
};

void ws_handshake_take(struct ws_handshake *h, const struct ws_handshake_policy *policy,
                       struct goevd_str name, struct goevd_str value);

/* Whether a header of that name lists protocols. */
bool ws_handshake_offers(struct goevd_str name);

/* Take the next of a list of offered protocols off its front. False at its end. */
bool ws_handshake_offer(struct goevd_str *list, struct goevd_str *ret);

/* 0, or the status that refuses it: 400, 403, 426. */
int ws_handshake_status(const struct ws_handshake *h, const struct ws_handshake_policy *policy);

/* The proof that the key was read, for handshakes whose status is 0. */
void ws_handshake_accept(const struct ws_handshake *h, char ret[WS_HANDSHAKE_ACCEPT_LEN]);
