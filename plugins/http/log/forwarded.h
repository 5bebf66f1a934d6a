/* Reads the clients' addresses that proxies pass on, from Forwarded (RFC 7239) or X-Forwarded-
 * For. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>

#include "http/message/request.h"

/* Most nodes that are kept: the last ones in the header. */
#define HTTP_FORWARDED_HOPS_MAX 16

enum http_forwarded_header { HTTP_FORWARDED_X_FORWARDED_FOR, HTTP_FORWARDED_STANDARD };

union http_forwarded_address {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* The chain of proxies: each proxy appends the address of its client, so the nearest one is the
 * last. */
struct http_forwarded_hops {
    struct http_span
        nodes[HTTP_FORWARDED_HOPS_MAX]; /* the nth is nodes[n % HTTP_FORWARDED_HOPS_MAX] */
    size_t count;
};

/* Read the nodes of all headers of that name. A node is empty if its element has no `for`, or is
 * malformed. */
void http_forwarded_read(const struct http_request *req, enum http_forwarded_header header,
                         struct http_forwarded_hops *ret);

/* Parse the address of a node, RFC 7239 section 6, with or without a port. False: the node has no
 * address. */
bool http_forwarded_node(struct http_span node, union http_forwarded_address *ret);
