/* uri-host [ ":" port ], RFC 9110 section 7.2 and RFC 3986 section 3.2.2. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Whether host and port are well-formed. The empty host is, because it stands for "no authority";
 * an empty host with a port is not. */
bool http_authority_valid(const char *host, size_t len);

/* The same for the target of CONNECT, which must have a host and a port. */
bool http_authority_valid_with_port(const char *host, size_t len);
