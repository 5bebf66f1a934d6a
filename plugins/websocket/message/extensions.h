/* Sec-WebSocket-Extensions: what of permessage-deflate a client offers, and what is agreed upon,
 * RFC 7692 section 7.1. */
#pragma once

#include <goevd/plugin.h>

#define WS_DEFLATE_BITS_MIN 9 /* of a window; zlib compresses into none of 8 */
#define WS_DEFLATE_BITS_MAX 15

enum ws_deflate_parameters {
    WS_DEFLATE_SERVER_ALONE = 1 << 0, /* server_no_context_takeover */
    WS_DEFLATE_CLIENT_ALONE = 1 << 1,
    WS_DEFLATE_SERVER_BITS = 1 << 2, /* server_max_window_bits */
    WS_DEFLATE_CLIENT_BITS = 1 << 3
};

/* What the server would have. */
struct ws_deflate_policy {
    uint8_t server_bits; /* of the window of what it sends; 0: it agrees to no offer */
    uint8_t client_bits;
    bool server_alone; /* each message that it sends is compressed without those before */
};

/* What was agreed upon; zeroed: nothing. */
struct ws_deflate_terms {
    uint8_t server_bits; /* 0: messages are not compressed */
    uint8_t client_bits;
    bool server_alone;
    uint8_t named; /* enum ws_deflate_parameters: what the answer says, all of it offered */
};

/* Take the value of one such header; the first offer that can be agreed to counts, so it does not
 * change terms that are there. Returns 0; -EBADMSG if it is malformed. */
int ws_extensions_take(const struct ws_deflate_policy *policy, struct goevd_str value,
                       struct ws_deflate_terms *terms);

#define WS_EXTENSIONS_ANSWER_MAX 160

/* The value of the answer's header; returns its length. */
size_t ws_extensions_answer(const struct ws_deflate_terms *terms,
                            char ret[WS_EXTENSIONS_ANSWER_MAX]);
