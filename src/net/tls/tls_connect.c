/* TLS of outgoing connections: the name that is verified, the authorities that are trusted, a
 * certificate of its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "net/tls/tls_parts.h"

struct tls_connect {
    char *name;      /* of the server; an address is verified, but not asked for */
    bool is_address; /* of IPv4 or IPv6 */
    bool verify;
    X509_STORE *store; /* trusted authorities */
    struct tls_cert *own;
    unsigned char alpn[TLS_PROTOCOLS_MAX];
    unsigned alpn_len;
    void (*on_failed)(const struct conn *c, const char *name, const char *why);
};

/* ---- Making it ------------------------------------------------------------------------------- */

static int
tls_connect_trust(X509_STORE *store, const char *pem, size_t len)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    unsigned count = 0;
    X509 *ca;

    while (bio && (ca = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        count += X509_STORE_add_cert(store, ca) == 1;
        X509_free(ca);
    }
    BIO_free(bio);
    ERR_clear_error();
    return count > 0 ? 0 : -EBADMSG;
}

static bool
tls_is_address(const char *name)
{
    unsigned char address[16];

    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

int
tls_connect_new(const struct tls_connect_policy *policy, struct tls_connect **ret)
{
    struct tls_connect *t = calloc(1, sizeof(*t));
    int r = 0;

    if (!t)
        return -ENOMEM;
    t->name = strdup(policy->name);
    t->is_address = tls_is_address(policy->name);
    t->verify = policy->verify;
    t->on_failed = policy->on_failed;
    t->store = X509_STORE_new();
    if (!t->name || !t->store)
        r = -ENOMEM;
    else if (policy->ca)
        r = tls_connect_trust(t->store, policy->ca, policy->ca_len);
    else if (X509_STORE_set_default_paths(t->store) != 1)
        r = -ENOENT;
    if (r == 0 && tls_protocols(policy->alpn ? policy->alpn : "", t->alpn, &t->alpn_len) < 0)
        r = -EINVAL;
    if (r < 0) {
        tls_connect_free(t);
        return r;
    }
    t->own = policy->own;
    *ret = t;
    return 0;
}

void
tls_connect_free(struct tls_connect *t)
{
    if (!t)
        return;
    X509_STORE_free(t->store);
    tls_cert_free(t->own);
    free(t->name);
    free(t);
}

/* ---- On a poller ----------------------------------------------------------------------------- */

static SSL_CTX *
tls_connect_context(const struct tls_connect *t)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (!ctx)
        return NULL;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    tls_context_prepare(ctx);
    SSL_CTX_set_verify(ctx, t->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    SSL_CTX_set1_cert_store(ctx, t->store);
    if (t->own && SSL_CTX_use_cert_and_key(ctx, t->own->leaf, t->own->key, t->own->chain, 1) != 1) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    if (t->alpn_len > 0)
        SSL_CTX_set_alpn_protos(ctx, t->alpn, t->alpn_len); /* 0: it worked */
    return ctx;
}

int
tls_connect_serve(struct service *s, const struct tls_connect *t)
{
    struct tls_context context = {.ctx = tls_connect_context(t), .connect = t};

    return tls_context_attach(s, &context);
}

/* ---- A connection ---------------------------------------------------------------------------- */

/* RFC 6066, section 3: no name is asked for where it is an address. */
static bool
tls_connect_name(SSL *ssl, const struct tls_connect *t)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    if (t->is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(param, t->name) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, t->name) == 1 && SSL_set1_host(ssl, t->name) == 1;
}

int
tls_connect_begin(struct conn *c)
{
    const struct tls_connect *t = tls_context_of(c)->connect;
    struct tls_state *s = tls_state(c);

    if (s->ssl)
        return 0;
    if (tls_new(c) < 0)
        return -ENOMEM;
    SSL_set_connect_state(s->ssl);
    return tls_connect_name(s->ssl, t) ? 0 : -ENOMEM;
}

void
tls_connect_report(struct conn *c, const char *why)
{
    const struct tls_connect *t = tls_context_of(c)->connect;

    if (t->on_failed)
        t->on_failed(c, t->name, why);
}
