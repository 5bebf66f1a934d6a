/* The methods of a path, as bits 1 << enum http_method, and the 405 reply to other methods. */
#pragma once

#include <goevd/http.h>

#include "http/message/request.h"

#define HTTP_METHODS_ALLOW_MAX 96 /* all names with their commas */

/* The value of Allow, RFC 9110 section 10.2.1. Returns its length. */
size_t http_methods_allow(char to[HTTP_METHODS_ALLOW_MAX], uint16_t methods);

/* Replies 405. Its instance is a pointer whose value is the set of methods. */
extern const struct goevd_http_handler http_methods_handler;
