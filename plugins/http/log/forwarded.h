/* Whom a proxy speaks for, as headers tell: Forwarded of RFC 7239, or X-Forwarded-For. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>

#include "http/message/request.h"

/* How far back they are read: of more, the last ones. */
#define HTTP_FORWARDED_HOPS_MAX 16

enum http_forwarded_header { HTTP_FORWARDED_X_FORWARDED_FOR, HTTP_FORWARDED_STANDARD };

union http_forwarded_address {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* Who has asked whom, as each proxy has added whom it was asked by: the last one at the end. */
struct http_forwarded_hops {
    struct http_span
        nodes[HTTP_FORWARDED_HOPS_MAX]; /* the nth in nodes[n % HTTP_FORWARDED_HOPS_MAX] */
    size_t count;
};

/* Those of all headers of that name; a node is empty where its element names none, or is
 * malformed. */
void http_forwarded_read(const struct http_request *req, enum http_forwarded_header header,
                         struct http_forwarded_hops *ret);

/* The address of a node, RFC 7239 section 6, perhaps with a port; false: it tells none. */
bool http_forwarded_node(struct http_span node, union http_forwarded_address *ret);
