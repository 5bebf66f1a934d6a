/* What the files of net/tls share. */
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/conn/conn_parts.h"
#include "net/tls/ticket_keys.h"
#include "net/tls/tls.h"

#define TLS_RECORD_BYTES 16384 /* of plaintext, RFC 8446, section 5.1 */
#define TLS_SEALED_MAX                                                                             \
    (TLS_RECORD_BYTES + 512) /* a record, with all that surrounds the plaintext */
#define TLS_IN_BYTES ((size_t)64 << 10)
#define TLS_OUT_BYTES ((size_t)4 * TLS_SEALED_MAX)
#define TLS_CLEAR_MAX ((size_t)8 << 10) /* bytes of a request without TLS that are read */

struct tls_cert {
    X509 *leaf;
    EVP_PKEY *key;
    STACK_OF(X509) * chain; /* those behind the leaf */
    char **names;           /* lower case */
    size_t name_count;
};

struct tls_clients {
    X509_STORE *store;
    STACK_OF(X509_NAME) * names; /* that clients are told */
    bool required;
    unsigned depth;           /* certificates between a client's and an authority's */
    unsigned char digest[32]; /* of all of this */
};

#define TLS_CLIENT_FACTS (GOEVD_TLS_CLIENT_CERTIFICATE - GOEVD_TLS_CLIENT_SUBJECT + 1)

/* A name, or the part of a wildcard behind its `*.`, and the certificates that have it: one for
 * each type of key. */
struct tls_name {
    const char *name;
    bool wildcard;
    const struct tls_cert *certs[4];
    unsigned cert_count;
};

struct tls_server {
    struct tls_policy policy;
    struct tls_cert **certs;
    size_t cert_count;
    struct tls_name *names; /* sorted */
    size_t name_count;
    unsigned char alpn[TLS_PROTOCOLS_MAX]; /* each protocol behind its length */
    unsigned alpn_len;
    const struct ticket_page *ticket_page;
    struct ticket_key *file_keys; /* instead of it; the first one seals; or NULL */
    size_t file_key_count;
};

/* The best match: the name itself, then a wildcard of one label. NULL: there is none. */
const struct tls_name *tls_server_find(const struct tls_server *server, const char *name,
                                       size_t len);

/* What the connections of a service have in common. */
struct tls_context {
    SSL_CTX *ctx;
    const struct tls_server *server;   /* of a listener; else */
    const struct tls_connect *connect; /* ... of outgoing connections */
};

/* Options and checks that every context has. */
void tls_context_prepare(SSL_CTX *ctx);

/* Let the service have a copy. 0; -ENOMEM, also where from->ctx is NULL; it is freed then. */
int tls_context_attach(struct service *s, const struct tls_context *from);

SSL_CTX *tls_context_make(const struct tls_server *server, const char **ret_key,
                          struct err *reterr);

/* tls_client.c: ask clients for certificates; a fact about that of a client. */
bool tls_clients_use(SSL_CTX *ctx, const struct tls_clients *clients);
struct goevd_str tls_client_fact(SSL *ssl, enum goevd_tls_fact fact);

/* tls_tickets.c */
bool tls_tickets_set(SSL_CTX *ctx, const struct tls_server *server);

/* What all connections of a poller share. One of them works at a time. */
struct tls_poller {
    BIO *bio;
    const char *in; /* bytes that OpenSSL has yet to take */
    size_t in_len;
    size_t out_len; /* bytes of out_buffer, which the next flush sends */
    char in_buffer[TLS_IN_BYTES];
    char out_buffer[TLS_OUT_BYTES];
    char joined[TLS_RECORD_BYTES]; /* small writes that share a record */
};

/* The poller's, made by the first call. NULL: no memory. */
struct tls_poller *tls_poller_of(struct net *net);

/* Bytes that were received and that OpenSSL has not taken. */
struct tls_kept {
    size_t len;
    char data[];
};

/* The end of the input. */
enum tls_end {
    TLS_GOES_ON,
    TLS_END_NOTIFIED, /* close_notify has come */
    TLS_END_CUT,      /* the connection ended without close_notify */
    TLS_END_FAILED,   /* the peer broke the protocol */
};

/* Beside each connection. */
struct tls_state {
    SSL *ssl; /* NULL until the first byte has come, and after the end */
    struct tls_kept *kept;
    uint32_t updates_tick; /* of net_tick(): KeyUpdates are counted from then on */
    uint16_t updates;
    int16_t error; /* why the handshake failed: a negative errno */
    uint8_t end;   /* enum tls_end */
    bool timed;    /* handshake_timeout runs */
    bool shaken;   /* the handshake is done */
    bool finished; /* close_notify was queued, or never will be */
};

static inline struct tls_state *
tls_state(struct conn *c)
{
    return conn_transport_state(c);
}

static inline const struct tls_context *
tls_context_of(const struct conn *c)
{
    return c->service->origin->transport_data;
}

/* The queue of errors is the thread's, and SSL_get_error() looks at it. Emptying it takes longer
 * than the look that it is empty. */
static inline void
tls_clear_errors(void)
{
    if (unlikely(ERR_peek_error() != 0))
        ERR_clear_error();
}

/* Has OpenSSL failed, rather than asked for more input or room? */
static inline bool
tls_is_error(int error)
{
    return error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
}

static inline void
tls_count(const struct conn *c, enum net_tls what)
{
    metric_add(&c->service->net->metrics->tls[what], 1);
}

/* tls.c: let OpenSSL work for this connection. Its input is what was kept. */
struct tls_poller *tls_enter(struct conn *c);

/* Once OpenSSL has worked: keep the input that it has not taken, send its output. 0; negative: the
 * connection cannot go on. */
int tls_leave(struct conn *c, struct tls_poller *p);

/* More bytes of the peer, when all others are taken: how many, or as transport.read. */
ssize_t tls_receive(struct conn *c, struct tls_poller *p, size_t len);

int tls_flush(struct conn *c);

/* Keep the bytes of p->in. 0; -ENOMEM. */
int tls_keep(struct tls_state *s, struct tls_poller *p);

/* An alert with the reason has been sent, or waits in the queue: close the connection behind it.
 * Returns -EAGAIN, which a read or handshake returns then. */
int tls_fail(struct conn *c);

/* tls_handshake.c: make the SSL object. 0; -ENOMEM. */
int tls_new(struct conn *c);

/* tls_connect.c: the same for an outgoing connection, if there is none; report a failed handshake.
 */
int tls_connect_begin(struct conn *c);
void tls_connect_report(struct conn *c, const char *why);

/* tls_server.c: names of protocols, separated by commas, in the form of ALPN. 0; -EINVAL. */
int tls_protocols(const char *names, unsigned char ret[TLS_PROTOCOLS_MAX], unsigned *ret_len);

/* tls_handshake.c, tls_read.c, tls_write.c: functions of the transport. */
int tls_handshake(struct conn *c);
int tls_connect_handshake(struct conn *c);
ssize_t tls_read(struct conn *c, void *buf, size_t len);
size_t tls_pending(struct conn *c);
ssize_t tls_write(struct conn *c, const void *data, size_t len);
ssize_t tls_writev(struct conn *c, const struct iovec *iov, int count, bool more);

/* tls_failure.c: count a failed handshake, and report it. The reason is OpenSSL's first error. */
void tls_report_failure(struct conn *c);
void tls_report(struct conn *c, enum net_tls result, const char *why);

/* tls_clear.c: is that the first byte of an HTTP request? */
static inline bool
tls_is_clear(const char *data)
{
    return data[0] >= 'A' && data[0] <= 'Z';
}

/* Answer a request without TLS, of which `len` bytes have come. False: more is needed. */
bool tls_clear_answer(struct conn *c, const char *data, size_t len);
