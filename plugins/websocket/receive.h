/* Received frames: the callbacks of a connection, which pass messages to the application. */
#pragma once

#include "websocket/conn.h"

extern const struct goevd_stream ws_conn_stream;
