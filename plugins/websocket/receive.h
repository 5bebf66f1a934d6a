/* Frames in, messages to the application: the callbacks of a connection. */
#pragma once

#include "websocket/conn.h"

extern const struct goevd_stream ws_conn_stream;
