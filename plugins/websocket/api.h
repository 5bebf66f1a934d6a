/* The functions that applications call, goevd/websocket.h. */
#pragma once

#include <goevd/http.h>

#include "websocket/conn.h"
#include "websocket/message/handshake.h"

#define WS_REQUEST_MAGIC 0x5e9a0d31

/* Lowest status that refuses a handshake. */
#define WS_REFUSAL_MIN 300
#define WS_REFUSAL_MAX 599

struct goevd_websocket_request {
    uint32_t magic; /* WS_REQUEST_MAGIC until on_request has returned */
    struct goevd_http_request *http;
    struct ws_handshake *handshake;
    bool refused; /* the application has sent its own reply */
};

extern const struct goevd_websocket ws_api_table;

/* The function table for `goevd --strict`, in strict.c. */
const struct goevd_websocket *ws_strict_table(void);
