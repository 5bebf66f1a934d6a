/* mirror - replies with all that goevd reports about a request.
 *
 * An HTTP handler for tests of clients and of proxies. It replies with the address of the client,
 * the address that it connected to, and the headers and trailers. It reads a body slowly, so that a client's upload has to wait.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <goevd/http.h>

#define PART_MAX 65536                    /* bytes of a body that are read at once */
#define PAUSE_NS (10 * GOEVD_MILLISECOND) /* between two such parts */

GOEVD_HTTP_TABLE;

struct mirror {
    uint64_t body; /* bytes of the body so far */
};

/* ---- The text -------------------------------------------------------------------------------- */

static void
mirror_line(FILE *out, const char *name, struct goevd_str value)
{
    if (value.data)
        fprintf(out, "%s: %.*s\n", name, (int)value.len, value.data);
}

static void
mirror_address(FILE *out, const char *name, const struct sockaddr_storage *address, socklen_t len)
{
    char host[64], port[16];

    if (len > 0 && getnameinfo((const struct sockaddr *)address, len, host, sizeof(host), port,
                               sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        fprintf(out, "%s: %s port %s\n", name, host, port);
}

static void
mirror_request(FILE *out, const struct goevd_http_request *r)
{
    int version = (int)goevd_http_version(r);
    struct sockaddr_storage address;
    struct goevd_str name, value;

    fprintf(out, "version: HTTP/%d.%d\n", version / 10, version % 10);
    mirror_line(out, "scheme", goevd_http_scheme(r));
    mirror_line(out, "target", goevd_http_target(r));
    mirror_line(out, "path as sent", goevd_http_raw_path(r));
    mirror_line(out, "path", goevd_http_path(r));
    mirror_line(out, "id", goevd_http_log_id(r));
    mirror_line(out, "trace", goevd_http_traceparent(r, NULL));
    mirror_line(out, "user", goevd_http_user(r));
    mirror_address(out, "peer", &address, goevd_http_peer_address(r, &address));
    mirror_address(out, "client", &address, goevd_http_client_address(r, &address));
    mirror_address(out, "server", &address, goevd_http_local_address(r, &address));
    for (size_t i = 0; goevd_http_header_at(r, i, &name, &value); i++)
        fprintf(out, "header: %.*s: %.*s\n", (int)name.len, name.data, (int)value.len, value.data);
    for (size_t i = 0; goevd_http_trailer_at(r, i, &name, &value); i++)
        fprintf(out, "trailer: %.*s: %.*s\n", (int)name.len, name.data, (int)value.len, value.data);
}

/* The content goes out in chunks, so that the length of the body can follow as a trailer. A client
 * of HTTP/1.0 gets no trailer. */
static int
mirror_reply(struct goevd_http_request *r, const struct mirror *m)
{
    char *text = NULL, number[24];
    size_t len;
    FILE *out = open_memstream(&text, &len);
    int result = -ENOMEM;

    if (!out)
        return -ENOMEM;
    mirror_request(out, r);
    if (fclose(out) == 0)
        result = goevd_http_start(r, 200, "text/plain", GOEVD_HTTP_LENGTH_UNKNOWN);
    if (result >= 0)
        result = goevd_http_write(r, text, len);
    free(text);
    if (result < 0)
        return result;
    snprintf(number, sizeof(number), "%llu", (unsigned long long)m->body);
    result = goevd_http_trailer(r, "Body-Bytes", number);
    return result < 0 && result != -ENOTSUP ? result : goevd_http_end(r);
}

/* ---- Requests -------------------------------------------------------------------------------- */

static int
mirror_asked(struct goevd_http_request *r, void *state)
{
    int result = 0;

    (void)state;
    if (goevd_http_length(r) > PART_MAX)
        result = goevd_http_interim(r, 102); /* the reply takes longer than clients expect */
    return result < 0 ? result : goevd_http_read(r, 0, 0);
}

static ptrdiff_t
mirror_body(struct goevd_http_request *r, void *state, const char *data, size_t len, unsigned flags)
{
    struct mirror *m = state;
    size_t taken = len < PART_MAX ? len : PART_MAX;
    int result = 0;

    (void)data;
    m->body += taken;
    if (taken < len)
        result = goevd_http_timer(r, PAUSE_NS);
    else if (flags & GOEVD_HTTP_LAST)
        result = mirror_reply(r, m);
    return result < 0 ? result : (ptrdiff_t)taken;
}

static int
mirror_timeout(struct goevd_http_request *r, void *state)
{
    (void)state;
    goevd_http_resume(r);
    return 0;
}

static const struct goevd_http_handler mirror_handler = {
    .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
    .request_size = sizeof(struct mirror),
    .http = &goevd_http,
    .on_request = mirror_asked,
    .on_body = mirror_body,
    .on_timeout = mirror_timeout,
};

static int
mirror_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    (void)options;
    *ret_instance = self; /* there is nothing else to keep */
    return 0;
}

static const void *
mirror_interface(const char *id)
{
    return strcmp(id, GOEVD_HTTP) == 0 ? &mirror_handler : NULL;
}

GOEVD_PLUGIN(.name = "mirror", .description = "replies with what goevd reports about a request",
             .create = mirror_create, .interface = mirror_interface);
