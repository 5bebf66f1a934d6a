/* What applications call, goevd/websocket.h. */
#pragma once

#include <goevd/http.h>

#include "websocket/conn.h"
#include "websocket/message/handshake.h"

struct goevd_websocket_request {
    struct goevd_http_request *http;
    struct ws_handshake *handshake;
};

extern const struct goevd_websocket ws_api_table;

/* For applications that are held to the rules: strict.c. */
const struct goevd_websocket *ws_strict_table(void);
