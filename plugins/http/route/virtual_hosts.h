/* From the host that a request is for to a number of the caller's.
 *
 * Names are compared without regard to case, port and a dot at the end. "*.example.org" stands for
 * all names below example.org, not for itself; the longest name that fits decides. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "http/message/util.h"

/* Bytes of a name; one of the DNS has 253 at most. */
#define HTTP_VIRTUAL_HOSTS_NAME_MAX 255

#define HTTP_VIRTUAL_HOSTS_NONE UINT32_MAX

struct http_virtual_host {
    char *text; /* in small letters; of "*.example.org" what follows the "*" */
    uint32_t len;
    uint32_t number;
};

struct http_virtual_hosts {
    struct http_virtual_host *names; /* in the order of their bytes */
    size_t count;
    size_t room;
};

void http_virtual_hosts_fini(struct http_virtual_hosts *hosts);

/* Let a name stand for a number.
 *
 * Returns  0; -EEXIST if it stands for one already; -EINVAL if it is no host, or has a port;
 *          -ENOMEM.
 */
int http_virtual_hosts_add(struct http_virtual_hosts *hosts, struct http_span name,
                           uint32_t number);

/* The number of a host that is well-formed, with or without a port; HTTP_VIRTUAL_HOSTS_NONE. */
uint32_t http_virtual_hosts_find(const struct http_virtual_hosts *hosts, struct http_span host);
