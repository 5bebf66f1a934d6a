/* The PROXY protocol's header, in which a proxy names its client. A pure parser and a builder of
 * both versions, after haproxy's doc/proxy-protocol.txt, whose sections are named here. */
#pragma once

#include <sys/types.h>

#include "net/address.h"

#define PROXY_HEADER_V1_MAX 107           /* bytes, with CR LF; section 2.1 */
#define PROXY_HEADER_V2_MIN 16            /* bytes before the addresses; section 2.2 */
#define PROXY_HEADER_MAX (16 + 65535)     /* bytes of a version 2, TLVs included */
#define PROXY_HEADER_WRITE_MAX (16 + 216) /* the longest that is built: version 2, unix */

/* The contents of a header. If it is empty (UNKNOWN, LOCAL, UNSPEC), the socket's own addresses
 * count. */
struct proxy_header {
    bool told; /* the addresses below are set */
    struct address from;
    struct address to;
};

/* Read a header from the first of len bytes.
 *
 * max      of its length, for version 2.
 * Returns  its length; -EAGAIN if all of the bytes belong to one that goes on; -EBADMSG if they do
 *          not begin one; -EMSGSIZE if it is one longer than max. TLVs are skipped, and none is
 *          looked into: a CRC32c is not verified.
 */
ssize_t proxy_header_parse(const void *data, size_t len, size_t max, struct proxy_header *ret);

/* Build one for a connection between two addresses. Where they have no common form, because one is
 * not known (AF_UNSPEC) or has another family, the header is one without addresses.
 *
 * version  1 or 2.
 * buf      PROXY_HEADER_WRITE_MAX bytes.
 * Returns  its length.
 */
size_t proxy_header_write(unsigned version, const struct address *from, const struct address *to,
                          void *buf);
