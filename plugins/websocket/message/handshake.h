/* The opening handshake, RFC 6455 section 4.2: what the headers of a request say. */
#pragma once

#include "websocket/message/extensions.h"

#define HANDSHAKE_ACCEPT_LEN 28 /* bytes of Sec-WebSocket-Accept */

/* What the server allows; both lists are of struct goevd_str. */
struct handshake_policy {
    struct goevd_list origins; /* none: all */
    struct goevd_list protocols;
    struct deflate_policy deflate;
};

/* Begin with zeroes, then take every header of the request. */
struct handshake {
    struct goevd_str key, version, origin;
    unsigned keys, versions, origins; /* how many of each were sent */
    struct goevd_str protocol;        /* the first offered one that is allowed; data NULL: none */
    struct deflate_terms deflate;
    bool malformed;
};

void handshake_take(struct handshake *h, const struct handshake_policy *policy,
                    struct goevd_str name, struct goevd_str value);

/* Whether a header of that name lists protocols. */
bool handshake_offers(struct goevd_str name);

/* Take the next of a list of offered protocols off its front. False at its end. */
bool handshake_offer(struct goevd_str *list, struct goevd_str *ret);

/* 0, or the status that refuses it: 400, 403, 426. */
int handshake_status(const struct handshake *h, const struct handshake_policy *policy);

/* The proof that the key was read, for handshakes whose status is 0. */
void handshake_accept(const struct handshake *h, char ret[HANDSHAKE_ACCEPT_LEN]);
