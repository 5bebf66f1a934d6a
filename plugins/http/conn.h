/* HTTP/1.1 on one connection: requests in, replies out in the same order. */
#pragma once

#include <goevd/plugin.h>

/* Its instance is a struct http, its local a struct http_local. */
extern const struct goevd_stream conn_stream;
