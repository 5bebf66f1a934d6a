/* goevd/proxy.h - the PROXY protocol: the client's address for a server behind this one.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_PROXY_H
#define GOEVD_PROXY_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GOEVD_PROXY_HEADER_MAX 232 /* bytes */

/* The functions below, in the table that goevd_host->proxy points to. */
struct goevd_host_proxy {
    struct goevd_version version;

    int (*proxy_header)(struct goevd_conn *c, unsigned version, void *ret_buf, size_t size);
    socklen_t (*conn_proxy_address)(struct goevd_conn *c, struct sockaddr_storage *ret_address);
};

/* Make a header of the PROXY protocol with the peer's and the local address of a connection, to be
 * the first bytes on a connection to another server. IPv4-mapped addresses are written as IPv4. For
 * two addresses of different families, the header says "unknown".
 *
 * version  1: a line of text; 2: bytes, which hold unix addresses too.
 * ret_buf  size bytes, GOEVD_PROXY_HEADER_MAX or more.
 * Thread   [poller]
 * Returns  its length in bytes; -EINVAL for another version; -ENOBUFS if size is less.
 * Source   haproxy's proxy-protocol.txt.
 */
static inline int
goevd_proxy_header(struct goevd_conn *c, unsigned version, void *ret_buf, size_t size)
{
    return goevd_host->proxy->proxy_header(c, version, ret_buf, size);
}

/* The address that the socket is connected to: of the proxy, where goevd_conn_peer_address() is the
 * client's. It costs a system call.
 *
 * ret_address  the address.
 * Thread       [poller]
 * Returns      its length in bytes; 0 once the connection is reset.
 * Source       getpeername(2).
 */
static inline socklen_t
goevd_conn_proxy_address(struct goevd_conn *c, struct sockaddr_storage *ret_address)
{
    return goevd_host->proxy->conn_proxy_address(c, ret_address);
}

#ifdef __cplusplus
}
#endif

#endif
