/* Reports the addresses of a connection. Lines and replies:
 *
 *   who          PEER LOCAL PROXY
 *   header N     a PROXY header of version N about the connection: its length, a line break, it
 *   anything     the same again
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include <goevd/conn.h>
#include <goevd/proxy.h>

#include "plain.h"

#define TEXT_MAX 80

static const char *
address_text(socklen_t len, const struct sockaddr_storage *a, char *buf)
{
    char ip[INET6_ADDRSTRLEN];
    const struct sockaddr_in *in = (const void *)a;
    const struct sockaddr_in6 *in6 = (const void *)a;

    if (len == 0)
        snprintf(buf, TEXT_MAX, "none");
    else if (a->ss_family == AF_INET)
        snprintf(buf, TEXT_MAX, "%s:%d", inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip)),
                 ntohs(in->sin_port));
    else if (a->ss_family == AF_INET6)
        snprintf(buf, TEXT_MAX, "[%s]:%d", inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip)),
                 ntohs(in6->sin6_port));
    else
        snprintf(buf, TEXT_MAX, "unix");
    return buf;
}

static int
addresses_who(struct goevd_conn *c)
{
    char peer_text[TEXT_MAX], local_text[TEXT_MAX], proxy_text[TEXT_MAX], line[256];
    struct sockaddr_storage peer, local, proxy;
    socklen_t peer_len = goevd_conn_peer_address(c, &peer);
    socklen_t local_len = goevd_conn_local_address(c, &local);
    socklen_t proxy_len = goevd_conn_proxy_address(c, &proxy);
    int len = snprintf(line, sizeof(line), "%s %s %s\n", address_text(peer_len, &peer, peer_text),
                       address_text(local_len, &local, local_text),
                       address_text(proxy_len, &proxy, proxy_text));

    return goevd_conn_write(c, line, (size_t)len);
}

static int
addresses_header(struct goevd_conn *c, unsigned version)
{
    char header[GOEVD_PROXY_HEADER_MAX], line[32];
    int r = goevd_proxy_header(c, version, header, sizeof(header) - 1);
    int len = goevd_proxy_header(c, version, header, sizeof(header));

    if (version == 1 || version == 2)
        r = r == -ENOBUFS ? 0 : -EPROTO;
    else
        r = r == -EINVAL && len == -EINVAL ? 0 : -EPROTO;
    if (r < 0)
        return r;
    goevd_conn_write(c, line, (size_t)snprintf(line, sizeof(line), "%d\n", len));
    return len > 0 ? goevd_conn_write(c, header, (size_t)len) : 0;
}

static ptrdiff_t
addresses_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
               unsigned flags)
{
    const char *end;
    size_t used = 0;

    (void)state, (void)fresh, (void)flags;
    while ((end = memchr(data + used, '\n', len - used))) {
        const char *line = data + used;
        size_t line_len = (size_t)(end + 1 - line);
        int r;

        if (line_len == 4 && memcmp(line, "who", 3) == 0)
            r = addresses_who(c);
        else if (line_len == 9 && memcmp(line, "header ", 7) == 0)
            r = addresses_header(c, (unsigned)(line[7] - '0'));
        else
            r = goevd_conn_write(c, line, line_len);
        if (r < 0)
            return r;
        used += line_len;
    }
    return (ptrdiff_t)used;
}

static const struct goevd_stream addresses_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_read = addresses_read,
};

static const void *
addresses_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &addresses_stream : NULL;
}

GOEVD_PLUGIN(.name = "addresses", .description = "reports the addresses of its connections",
             .create = plain_create, .interface = addresses_interface);
