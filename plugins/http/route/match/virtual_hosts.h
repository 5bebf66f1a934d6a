/* Maps the host of a request to a number of the caller.
 *
 * Case, port and a trailing dot are ignored. "*.example.org" matches all names below example.org,
 * but not example.org. The longest matching name wins. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "http/message/util.h"

/* Longest name, in bytes; DNS names have at most 253. */
#define HTTP_VIRTUAL_HOSTS_NAME_MAX 255

#define HTTP_VIRTUAL_HOSTS_NONE UINT32_MAX

struct http_virtual_host {
    char *text; /* in lower case; for "*.example.org" the part behind the "*" */
    uint32_t len;
    uint32_t number;
};

struct http_virtual_hosts {
    struct http_virtual_host *names; /* in the order of their bytes */
    size_t count;
    size_t room;
};

void http_virtual_hosts_fini(struct http_virtual_hosts *hosts);

/* Assign a number to a name.
 *
 * Returns  0; -EEXIST if the name has one already; -EINVAL if it is no host, or has a port;
 *          -ENOMEM.
 */
int http_virtual_hosts_add(struct http_virtual_hosts *hosts, struct http_span name,
                           uint32_t number);

/* The number of a well-formed host, with or without a port; HTTP_VIRTUAL_HOSTS_NONE. */
uint32_t http_virtual_hosts_find(const struct http_virtual_hosts *hosts, struct http_span host);
