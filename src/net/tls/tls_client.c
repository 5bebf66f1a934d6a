/* Certificates of clients: the authorities that vouch for them, and facts about one. */
#include <errno.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "net/tls/tls_parts.h"

#define FACT_TEXT_MAX 65536

/* ---- Authorities ----------------------------------------------------------------------------- */

static int
tls_clients_add_ca(struct tls_clients *clients, X509 *ca)
{
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(ca));

    if (!name || X509_STORE_add_cert(clients->store, ca) != 1 ||
        !sk_X509_NAME_push(clients->names, name)) {
        X509_NAME_free(name);
        return -ENOMEM;
    }
    return 0;
}

static int
tls_clients_read_ca(struct tls_clients *clients, BIO *pem)
{
    unsigned count = 0;
    X509 *ca;

    while ((ca = PEM_read_bio_X509(pem, NULL, NULL, NULL))) {
        int r = tls_clients_add_ca(clients, ca);

        X509_free(ca);
        if (r < 0)
            return r;
        count++;
    }
    return count > 0 ? 0 : -EBADMSG;
}

static int
tls_clients_read_crl(struct tls_clients *clients, BIO *pem)
{
    unsigned count = 0;
    X509_CRL *crl;

    while ((crl = PEM_read_bio_X509_CRL(pem, NULL, NULL, NULL))) {
        int added = X509_STORE_add_crl(clients->store, crl);

        X509_CRL_free(crl);
        if (added != 1)
            return -ENOMEM;
        count++;
    }
    if (count == 0)
        return -EBADMSG;
    return X509_STORE_set_flags(clients->store, X509_V_FLAG_CRL_CHECK) == 1 ? 0 : -ENOMEM;
}

/* Sessions that began under other demands are not resumed. */
static bool
tls_clients_digest(struct tls_clients *clients, const char *pem, size_t len, bool required)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char mode = required;
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(ctx, clients->digest, sizeof(clients->digest)) == 1 &&
              EVP_DigestUpdate(ctx, &mode, 1) == 1 && EVP_DigestUpdate(ctx, pem, len) == 1 &&
              EVP_DigestFinal_ex(ctx, clients->digest, NULL) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

static int
tls_clients_read(struct tls_clients *clients, const char *pem, size_t len,
                 int (*read)(struct tls_clients *clients, BIO *pem))
{
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    int r = bio ? read(clients, bio) : -ENOMEM;

    BIO_free(bio);
    ERR_clear_error();
    if (r == 0 && !tls_clients_digest(clients, pem, len, clients->required))
        r = -ENOMEM;
    return r;
}

int
tls_clients_new(const char *ca, size_t ca_len, bool required, unsigned depth,
                struct tls_clients **ret)
{
    struct tls_clients *clients = calloc(1, sizeof(*clients));
    int r = -ENOMEM;

    if (clients) {
        clients->required = required;
        clients->depth = depth;
        clients->store = X509_STORE_new();
        clients->names = sk_X509_NAME_new_null();
    }
    if (clients && clients->store && clients->names)
        r = tls_clients_read(clients, ca, ca_len, tls_clients_read_ca);
    if (r < 0)
        tls_clients_free(clients);
    else
        *ret = clients;
    return r;
}

int
tls_clients_set_crl(struct tls_clients *clients, const char *crl, size_t len)
{
    return tls_clients_read(clients, crl, len, tls_clients_read_crl);
}

void
tls_clients_free(struct tls_clients *clients)
{
    if (!clients)
        return;
    X509_STORE_free(clients->store);
    sk_X509_NAME_pop_free(clients->names, X509_NAME_free);
    free(clients);
}

bool
tls_clients_use(SSL_CTX *ctx, const struct tls_clients *clients)
{
    STACK_OF(X509_NAME) *names = SSL_dup_CA_list(clients->names);

    if (!names || SSL_CTX_set1_verify_cert_store(ctx, clients->store) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return false;
    }
    SSL_CTX_set_client_CA_list(ctx, names);
    SSL_CTX_set_verify(
        ctx, SSL_VERIFY_PEER | (clients->required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    SSL_CTX_set_verify_depth(ctx, (int)clients->depth);
    return true;
}

/* ---- Facts ----------------------------------------------------------------------------------- */

/* Facts of one connection, made when a handler asks for the first of them. */
struct tls_client_facts {
    struct goevd_str fact[TLS_CLIENT_FACTS];
    char text[];
};

static int tls_facts_index; /* of the facts among the data of an SSL object */

static void
tls_facts_free(void *parent, void *facts, CRYPTO_EX_DATA *data, int index, long number, void *arg)
{
    (void)parent, (void)data, (void)index, (void)number, (void)arg;
    free(facts);
}

__attribute__((constructor)) static void
tls_facts_begin(void)
{
    tls_facts_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, tls_facts_free);
}

static void
tls_fact_put_names(BIO *out, const X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        BIO_puts(out, i > 0 ? ", " : "");
        GENERAL_NAME_print(out, sk_GENERAL_NAME_value(names, i));
    }
    GENERAL_NAMES_free(names);
}

static void
tls_fact_put_fingerprint(BIO *out, const X509 *cert)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (X509_digest(cert, EVP_sha256(), digest, &len) != 1)
        return;
    for (unsigned i = 0; i < len; i++)
        BIO_printf(out, "%02x", digest[i]);
}

static void
tls_fact_put(BIO *out, X509 *cert, enum goevd_tls_fact fact)
{
    switch (fact) {
    case GOEVD_TLS_CLIENT_SUBJECT:
        X509_NAME_print_ex(out, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253);
        break;
    case GOEVD_TLS_CLIENT_ISSUER:
        X509_NAME_print_ex(out, X509_get_issuer_name(cert), 0, XN_FLAG_RFC2253);
        break;
    case GOEVD_TLS_CLIENT_NAMES:
        tls_fact_put_names(out, cert);
        break;
    case GOEVD_TLS_CLIENT_SERIAL:
        i2a_ASN1_INTEGER(out, X509_get0_serialNumber(cert));
        break;
    case GOEVD_TLS_CLIENT_FINGERPRINT:
        tls_fact_put_fingerprint(out, cert);
        break;
    case GOEVD_TLS_CLIENT_CERTIFICATE:
        i2d_X509_bio(out, cert);
        break;
    default:
        break;
    }
}

/* All facts, one behind the other. NULL: no memory. */
static struct tls_client_facts *
tls_facts_make(X509 *cert)
{
    BIO *out = BIO_new(BIO_s_mem());
    size_t ends[TLS_CLIENT_FACTS], len = 0;
    struct tls_client_facts *facts = NULL;
    char *text = NULL;

    for (unsigned i = 0; out && i < TLS_CLIENT_FACTS; i++) {
        tls_fact_put(out, cert, (enum goevd_tls_fact)(GOEVD_TLS_CLIENT_SUBJECT + i));
        ends[i] = (size_t)BIO_get_mem_data(out, &text);
        len = ends[i];
    }
    if (out && len <= FACT_TEXT_MAX)
        facts = malloc(sizeof(*facts) + len);
    if (facts) {
        memcpy(facts->text, text, len);
        for (unsigned i = 0; i < TLS_CLIENT_FACTS; i++) {
            size_t at = i > 0 ? ends[i - 1] : 0;

            facts->fact[i] = (struct goevd_str){facts->text + at, ends[i] - at};
        }
    }
    BIO_free(out);
    ERR_clear_error();
    return facts;
}

struct goevd_str
tls_client_fact(SSL *ssl, enum goevd_tls_fact fact)
{
    struct tls_client_facts *facts = SSL_get_ex_data(ssl, tls_facts_index);
    X509 *cert = facts ? NULL : SSL_get0_peer_certificate(ssl);

    if (cert) {
        facts = tls_facts_make(cert);
        if (facts && SSL_set_ex_data(ssl, tls_facts_index, facts) != 1) {
            free(facts);
            facts = NULL;
        }
    }
    return facts ? facts->fact[fact - GOEVD_TLS_CLIENT_SUBJECT] : (struct goevd_str){0};
}
