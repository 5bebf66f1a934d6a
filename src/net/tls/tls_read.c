#include <errno.h>
#include <limits.h>

#include "net/tls/tls_parts.h"

/* Whether OpenSSL can give plaintext without more bytes of the peer. */
static bool
tls_has_input(const SSL *ssl, const struct tls_poller *p)
{
    return p->in_len > 0 || SSL_pending(ssl) > 0;
}

/* Plaintext, as much as the bytes that are here give. */
static size_t
tls_open(const struct tls_state *s, const struct tls_poller *p, char *buf, size_t len,
         int *ret_error)
{
    size_t total = 0;
    int n = 1;

    while (total < len && n > 0 && tls_has_input(s->ssl, p)) {
        n = SSL_read(s->ssl, buf + total, (int)MIN(len - total, (size_t)INT_MAX));
        total += n > 0 ? (size_t)n : 0;
    }
    *ret_error = n > 0 ? SSL_ERROR_NONE : SSL_get_error(s->ssl, n);
    return total;
}

/* What transport.read returns once the input has ended. */
static ssize_t
tls_read_end(struct conn *c)
{
    return tls_state(c)->end == TLS_END_FAILED ? tls_fail(c) : 0;
}

static ssize_t
tls_read_result(struct conn *c, size_t total, int error)
{
    struct tls_state *s = tls_state(c);

    if (error == SSL_ERROR_ZERO_RETURN)
        s->end = TLS_END_NOTIFIED;
    else if (tls_is_error(error))
        s->end = TLS_END_FAILED;
    if (total > 0)
        return (ssize_t)total;
    return s->end == TLS_GOES_ON ? -EAGAIN : tls_read_end(c);
}

/* The peer's end without close_notify: it may have been cut by somebody on the way. A handler that
 * knows the length of its messages need not care (RFC 9112, section 9.8). */
static ssize_t
tls_read_cut(struct conn *c)
{
    tls_state(c)->end = TLS_END_CUT;
    tls_count(c, NET_TLS_CUT);
    return 0;
}

static ssize_t
tls_read_more(struct conn *c, struct tls_poller *p, char *buf, size_t len)
{
    const struct tls_state *s = tls_state(c);
    int error = SSL_ERROR_WANT_READ, r;
    size_t total = 0;
    ssize_t n = 1;

    if (tls_has_input(s->ssl, p))
        total = tls_open(s, p, buf, len, &error);
    if (total == 0 && error == SSL_ERROR_WANT_READ) {
        n = tls_receive(c, p, len);
        if (n > 0)
            total = tls_open(s, p, buf, len, &error);
    }
    r = tls_leave(c, p);
    if (r < 0 || n < 0)
        return r < 0 ? r : n;
    return n == 0 ? tls_read_cut(c) : tls_read_result(c, total, error);
}

ssize_t
tls_read(struct conn *c, void *buf, size_t len)
{
    const struct tls_state *s = tls_state(c);

    if (c->flags & CONN_LINGERING || !s->ssl)
        return transport_plain_read(c, buf, len); /* to be dropped */
    if (s->end != TLS_GOES_ON)
        return tls_read_end(c);
    return tls_read_more(c, tls_enter(c), buf, len);
}

size_t
tls_pending(struct conn *c)
{
    const struct tls_state *s = tls_state(c);

    if (!s->ssl || !s->shaken || c->flags & CONN_EOF)
        return 0;
    return (size_t)SSL_pending(s->ssl) + (s->kept ? s->kept->len : 0) + (s->end != TLS_GOES_ON);
}
