/* Sec-WebSocket-Extensions: negotiates permessage-deflate, RFC 7692 section 7.1. */
#pragma once

#include <goevd/plugin.h>

#define WS_DEFLATE_BITS_MIN 9 /* smallest window; zlib cannot compress with 8 bits */
#define WS_DEFLATE_BITS_MAX 15

enum ws_deflate_parameters {
    WS_DEFLATE_SERVER_ALONE = 1 << 0, /* server_no_context_takeover */
    WS_DEFLATE_CLIENT_ALONE = 1 << 1,
    WS_DEFLATE_SERVER_BITS = 1 << 2, /* server_max_window_bits */
    WS_DEFLATE_CLIENT_BITS = 1 << 3
};

/* Settings of the server. */
struct ws_deflate_policy {
    uint8_t server_bits; /* window of sent messages; 0: no offer is accepted */
    uint8_t client_bits;
    bool server_alone; /* each sent message is compressed independently */
};

/* The agreed terms; zeroed: no compression. */
struct ws_deflate_terms {
    uint8_t server_bits; /* 0: no compression */
    uint8_t client_bits;
    bool server_alone;
    uint8_t named; /* enum ws_deflate_parameters in the reply, a subset of the offer */
};

/* Read the value of one header. The first acceptable offer wins, so that terms already agreed on
 * are not changed. Returns 0; -EBADMSG: malformed. */
int ws_extensions_take(const struct ws_deflate_policy *policy, struct goevd_str value,
                       struct ws_deflate_terms *terms);

#define WS_EXTENSIONS_ANSWER_MAX 160

/* The value of the reply's header; returns its length. */
size_t ws_extensions_answer(const struct ws_deflate_terms *terms,
                            char ret[WS_EXTENSIONS_ANSWER_MAX]);
