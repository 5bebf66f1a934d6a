/* The opening handshake, RFC 6455 section 4.2: evaluates the headers of the request. */
#pragma once

#include "websocket/message/extensions.h"

#define WS_HANDSHAKE_ACCEPT_LEN 28 /* length of Sec-WebSocket-Accept */

/* Settings of the server; both lists have struct goevd_str. */
struct ws_handshake_policy {
    struct goevd_list origins; /* empty: all origins; no "*" */
    bool same_origin;          /* the server's own origin is permitted, too */
    struct goevd_list protocols;
    struct ws_deflate_policy deflate;
};

/* Zeroed at first; then each header of the request is passed in. */
struct ws_handshake {
    struct goevd_str key, version, origin, host;
    unsigned keys, versions, origins; /* number of headers of each kind */
    struct goevd_str protocol;        /* the first offered protocol that is permitted; data NULL:
                                       * none */
    struct ws_deflate_terms deflate;
    bool malformed;
};

void ws_handshake_take(struct ws_handshake *h, const struct ws_handshake_policy *policy,
                       struct goevd_str name, struct goevd_str value);

/* Whether a header of that name lists subprotocols. */
bool ws_handshake_offers(struct goevd_str name);

/* Cut the first element off a list of offered subprotocols. False: the list is empty. */
bool ws_handshake_offer(struct goevd_str *list, struct goevd_str *ret);

/* 0, or the status that refuses the handshake: 400, 403, 426. */
int ws_handshake_status(const struct ws_handshake *h, const struct ws_handshake_policy *policy);

/* Sec-WebSocket-Accept for an accepted handshake. */
void ws_handshake_accept(const struct ws_handshake *h, char ret[WS_HANDSHAKE_ACCEPT_LEN]);
