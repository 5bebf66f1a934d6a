/* Which version of HTTP a connection speaks. HTTP/1.1 is the common case: its state is the
 * connection's own. HTTP/2 begins with a preface that no HTTP/1.1 request can begin with. */
#include "http/connection.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "http/h1/connection.h"
#include "http/h2/h2.h"

/* Values of h1.flags that HTTP/1.1 never has: a body is of known length or chunked, not both. */
enum {
    HTTP_CONN_H2 = 0xffff,      /* HTTP/2 */
    HTTP_CONN_UNKNOWN = 0xfffe, /* the client has sent less than a preface */
    HTTP_CONN_OTHER = HTTP_CONN_UNKNOWN
};

struct http_conn {
    union {
        struct http_h1_conn h1;
        struct {
            struct http_h2_conn *h2;
            uint32_t stopping; /* on_stop has run before the version was known */
            uint16_t unused;
            uint16_t version; /* HTTP_CONN_H2, HTTP_CONN_UNKNOWN */
        };
    };
};

static_assert(offsetof(struct http_conn, version) ==
                  offsetof(struct http_conn, h1) + offsetof(struct http_h1_conn, flags),
              "the version lies in the flags of HTTP/1.1");

static inline bool
http_conn_is_h1(const struct http_conn *conn)
{
    return likely(conn->h1.flags < HTTP_CONN_OTHER);
}

/* ---- The version becomes known --------------------------------------------------------------- */

/* The client speaks HTTP/1.1, as far as can be told. */
static void
http_conn_be_h1(struct goevd_conn *c, struct http_conn *conn)
{
    bool stopping = conn->stopping != 0;

    *conn = (struct http_conn){0};
    goevd_conn_deadline(c, 0);
    if (stopping)
        (void)http_h1_conn_stream.on_stop(c, &conn->h1);
}

static int
http_conn_be_h2(struct goevd_conn *c, struct http_conn *conn)
{
    struct http_h2_conn *h2 = http_h2_open(c);
    bool stopping = conn->stopping != 0;

    if (!h2)
        return -ENOMEM;
    goevd_conn_deadline(c, 0);
    conn->h2 = h2;
    conn->version = HTTP_CONN_H2;
    return stopping ? http_h2_on_stop(h2) : 0;
}

/* A preface, a beginning of one, or neither. */
cold static ptrdiff_t
http_conn_read_first(struct goevd_conn *c, struct http_conn *conn, const char *data, size_t len,
                     size_t fresh, unsigned flags)
{
    const struct http_local *local = goevd_conn_local(c);
    size_t n = MIN(len, HTTP_H2_PREFACE_LEN);
    int r;

    if (memcmp(data, http_h2_preface, n) != 0 || (flags & GOEVD_READ_FULL)) {
        http_conn_be_h1(c, conn);
        return http_h1_conn_stream.on_read(c, &conn->h1, data, len, fresh, flags);
    }
    if (n < HTTP_H2_PREFACE_LEN) {
        if (fresh == 0 && len != 0)
            goevd_conn_deadline(c, (uint64_t)local->http->options->header_timeout_ns);
        return 0;
    }
    r = http_conn_be_h2(c, conn);
    return r < 0 ? r : http_h2_on_read(conn->h2, data, len);
}

/* RFC 9113, section 3.2. */
static bool
http_conn_has_agreed_h2(struct goevd_conn *c)
{
    struct goevd_str alpn = goevd_conn_tls(c, GOEVD_TLS_ALPN);

    return alpn.len == 2 && memcmp(alpn.data, "h2", 2) == 0;
}

/* The protocols that TLS clients are offered. */
static const char *
http_conn_alpn(void *instance)
{
    const struct http *http = instance;

    return http_h2_is_built && http->options->http2->alpn ? "h2,http/1.1" : "http/1.1";
}

/* ---- Callbacks ------------------------------------------------------------------------------- */

static int
http_conn_open(struct goevd_conn *c, void *state)
{
    const struct http_local *local = goevd_conn_local(c);
    struct http_conn *conn = state;

    if (!local->h2)
        return 0;
    if (http_conn_has_agreed_h2(c))
        return http_conn_be_h2(c, conn);
    if (local->http->options->http2->cleartext && !http_conn_is_secured(c))
        conn->version = HTTP_CONN_UNKNOWN;
    return 0;
}

static ptrdiff_t
http_conn_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
               unsigned flags)
{
    struct http_conn *conn = state;

    if (http_conn_is_h1(conn))
        return http_h1_conn_stream.on_read(c, state, data, len, fresh, flags);
    if (conn->version == HTTP_CONN_H2)
        return http_h2_on_read(conn->h2, data, len);
    return http_conn_read_first(c, conn, data, len, fresh, flags);
}

static int
http_conn_eof(struct goevd_conn *c, void *state)
{
    struct http_conn *conn = state;

    if (conn->version == HTTP_CONN_H2)
        return http_h2_on_eof(conn->h2);
    if (conn->version == HTTP_CONN_UNKNOWN)
        http_conn_be_h1(c, conn);
    return http_h1_conn_stream.on_eof(c, state);
}

static int
http_conn_drained(struct goevd_conn *c, void *state)
{
    struct http_conn *conn = state;

    return conn->version == HTTP_CONN_H2 ? http_h2_on_drained(conn->h2)
                                         : http_h1_conn_stream.on_drained(c, state);
}

static int
http_conn_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    struct http_conn *conn = state;

    if (http_conn_is_h1(conn))
        return http_h1_conn_stream.on_timeout(c, state, cookie);
    if (conn->version == HTTP_CONN_H2)
        return http_h2_on_timeout(conn->h2, cookie);
    goevd_conn_close(c, GOEVD_CLOSE_FLUSH);
    return 0;
}

static int
http_conn_stop(struct goevd_conn *c, void *state)
{
    const struct http_local *local = goevd_conn_local(c);
    struct http_conn *conn = state;

    if (http_conn_is_h1(conn))
        return http_h1_conn_stream.on_stop(c, state);
    if (conn->version == HTTP_CONN_H2)
        return http_h2_on_stop(conn->h2);
    conn->stopping = 1;
    goevd_conn_deadline(c, (uint64_t)local->http->options->stop_grace_ns);
    return 0;
}

static void
http_conn_closed(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct http_conn *conn = state;

    if (http_conn_is_h1(conn))
        http_h1_conn_stream.on_close(c, state, reason);
    else if (conn->version == HTTP_CONN_H2)
        http_h2_on_close(conn->h2);
}

const struct goevd_stream http_conn_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct http_conn),
    .on_open = http_conn_open,
    .on_read = http_conn_read,
    .on_eof = http_conn_eof,
    .on_drained = http_conn_drained,
    .on_timeout = http_conn_timeout,
    .on_stop = http_conn_stop,
    .on_close = http_conn_closed,
    .alpn = http_conn_alpn,
};
