/* A connection of the plugin, whatever version of HTTP its client speaks. */
#pragma once

#include <goevd/plugin.h>

/* Its instance is a struct http, its local a struct http_local. */
extern const struct goevd_stream http_conn_stream;
