/* TLS as a transport. OpenSSL reads from and writes to buffers of the poller. A connection has its
 * SSL object, and the bytes that were received and not taken. */
#include "net/tls/tls.h"

#include <errno.h>
#include <string.h>

#include "net/tls/tls_parts.h"

static_assert(sizeof(struct tls_state) % 16 == 0, "the handler's state behind it is misaligned");

/* ---- In and out ------------------------------------------------------------------------------ */

struct tls_poller *
tls_enter(struct conn *c)
{
    struct tls_poller *p = c->service->net->tls;
    const struct tls_state *s = tls_state(c);

    p->in = s->kept ? s->kept->data : NULL;
    p->in_len = s->kept ? s->kept->len : 0;
    tls_clear_errors();
    return p;
}

int
tls_keep(struct tls_state *s, struct tls_poller *p)
{
    struct tls_kept *old = s->kept;

    if (old && p->in_len == old->len)
        return 0;
    s->kept = NULL;
    if (p->in_len > 0) {
        s->kept = malloc(sizeof(*s->kept) + p->in_len);
        if (s->kept) {
            s->kept->len = p->in_len;
            memcpy(s->kept->data, p->in, p->in_len);
        }
    }
    free(old);
    return p->in_len > 0 && !s->kept ? -ENOMEM : 0;
}

int
tls_flush(struct conn *c)
{
    struct tls_poller *p = c->service->net->tls;
    size_t len = p->out_len;

    p->out_len = 0;
    return len > 0 ? conn_send_sealed(c, p->out_buffer, len) : 0;
}

int
tls_leave(struct conn *c, struct tls_poller *p)
{
    int kept = tls_keep(tls_state(c), p), r = tls_flush(c);

    if (kept < 0)
        return kept;
    return r == -EAGAIN ? 0 : r;
}

ssize_t
tls_receive(struct conn *c, struct tls_poller *p, size_t len)
{
    ssize_t n = transport_plain_read(c, p->in_buffer, MIN(len, sizeof(p->in_buffer)));

    if (n > 0) {
        p->in = p->in_buffer;
        p->in_len = (size_t)n;
    }
    return n;
}

/* ---- The end --------------------------------------------------------------------------------- */

int
tls_fail(struct conn *c)
{
    struct tls_state *s = tls_state(c);

    ERR_clear_error();
    s->end = TLS_END_FAILED;
    s->finished = true;
    /* A client may not have read the alert yet. Of a server nothing is awaited. */
    conn_close(c, tls_context_of(c)->server ? GOEVD_CLOSE_FLUSH : GOEVD_CLOSE_DONE,
               GOEVD_REASON_ERROR);
    return -EAGAIN;
}

static void
tls_forget(struct conn *c)
{
    struct tls_state *s = tls_state(c);

    SSL_free(s->ssl);
    s->ssl = NULL;
    free(s->kept);
    s->kept = NULL;
}

/* close_notify. The peer's is not waited for. */
static void
tls_finish(struct conn *c)
{
    struct tls_state *s = tls_state(c);

    if (s->ssl && s->shaken && !s->finished) {
        ERR_clear_error();
        SSL_shutdown(s->ssl);
        ERR_clear_error();
        tls_flush(c);
    }
    s->finished = true;
    if (c->flags & CONN_CLOSING)
        tls_forget(c);
}

/* ---- Facts ----------------------------------------------------------------------------------- */

static struct goevd_str
tls_text(const char *text)
{
    return (struct goevd_str){text, text ? strlen(text) : 0};
}

static struct goevd_str
tls_alpn(const SSL *ssl)
{
    const unsigned char *alpn;
    unsigned len;

    SSL_get0_alpn_selected(ssl, &alpn, &len);
    return (struct goevd_str){(const char *)alpn, len};
}

static struct goevd_str
tls_fact(struct conn *c, enum goevd_tls_fact fact)
{
    const struct tls_state *s = tls_state(c);

    if (!s->ssl)
        return (struct goevd_str){0};
    switch (fact) {
    case GOEVD_TLS_VERSION:
        return tls_text(SSL_get_version(s->ssl));
    case GOEVD_TLS_CIPHER:
        return tls_text(SSL_get_cipher_name(s->ssl));
    case GOEVD_TLS_NAME:
        return tls_text(SSL_get_servername(s->ssl, TLSEXT_NAMETYPE_host_name));
    case GOEVD_TLS_ALPN:
        return tls_alpn(s->ssl);
    case GOEVD_TLS_RESUMED:
        return tls_text(SSL_session_reused(s->ssl) ? "resumed" : NULL);
    case GOEVD_TLS_CUT:
        return tls_text(s->end == TLS_END_CUT ? "cut" : NULL);
    default:
        break;
    }
    return fact >= GOEVD_TLS_CLIENT_SUBJECT && fact <= GOEVD_TLS_CLIENT_CERTIFICATE
               ? tls_client_fact(s->ssl, fact)
               : (struct goevd_str){0};
}

static int
tls_error(struct conn *c)
{
    return tls_state(c)->error;
}

#define TLS_TRANSPORT(handshake_)                                                                  \
    {                                                                                              \
        .name = "tls", .state_bytes = sizeof(struct tls_state), .handshake = (handshake_),         \
        .read = tls_read, .write = tls_write, .writev = tls_writev, .flush = tls_flush,            \
        .finish = tls_finish, .pending = tls_pending, .shutdown = transport_plain_shutdown,        \
        .fact = tls_fact, .error = tls_error, .fini = tls_forget,                                  \
    }

const struct transport transport_tls = TLS_TRANSPORT(tls_handshake);
const struct transport transport_tls_connect = TLS_TRANSPORT(tls_connect_handshake);
