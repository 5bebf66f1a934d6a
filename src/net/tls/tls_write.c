#include <errno.h>
#include <string.h>

#include "net/tls/tls_parts.h"

static bool
tls_has_room(const struct tls_poller *p)
{
    return sizeof(p->out_buffer) - p->out_len >= TLS_SEALED_MAX;
}

/* At most one record: how many bytes of plaintext, or -EPIPE. */
static ssize_t
tls_seal(SSL *ssl, const char *data, size_t len)
{
    int n = SSL_write(ssl, data, (int)MIN(len, (size_t)TLS_RECORD_BYTES));

    if (n > 0)
        return n;
    ERR_clear_error();
    return -EPIPE;
}

ssize_t
tls_write(struct conn *c, const void *data, size_t len)
{
    const struct tls_state *s = tls_state(c);
    const struct tls_poller *p = c->service->net->tls;
    size_t done = 0;

    if (!s->ssl || s->finished)
        return -EPIPE;
    tls_clear_errors();
    while (done < len && tls_has_room(p)) {
        ssize_t n = tls_seal(s->ssl, (const char *)data + done, len - done);

        if (n < 0)
            return n;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* ---- Several pieces -------------------------------------------------------------------------- */

/* Where the next bytes of a list are. */
struct tls_from {
    const struct iovec *iov;
    int count;
    size_t off; /* in the first */
};

/* The bytes of the next record: where they lie, or joined from small pieces. */
static size_t
tls_gather(struct tls_from *f, char *joined, const char **ret)
{
    size_t n = 0;

    *ret = joined;
    while (f->count > 0 && n < TLS_RECORD_BYTES) {
        const char *data = (const char *)f->iov->iov_base + f->off;
        size_t left = f->iov->iov_len - f->off, part = MIN(left, TLS_RECORD_BYTES - n);

        if (n == 0 && (left >= TLS_RECORD_BYTES || f->count == 1))
            *ret = data;
        else
            memcpy(joined + n, data, part);
        n += part;
        f->off += part;
        if (f->off == f->iov->iov_len) {
            f->iov++;
            f->count--;
            f->off = 0;
        }
    }
    return n;
}

ssize_t
tls_writev(struct conn *c, const struct iovec *iov, int count, bool more)
{
    struct tls_from from = {.iov = iov, .count = count};
    struct tls_poller *p = c->service->net->tls;
    size_t done = 0;

    (void)more;
    while (from.count > 0 && tls_has_room(p)) {
        const char *data;
        size_t len = tls_gather(&from, p->joined, &data);
        ssize_t n = len > 0 ? tls_write(c, data, len) : 0;

        if (n < 0)
            return n;
        done += (size_t)n;
    }
    return (ssize_t)done;
}
