/* A certificate with its key, from PEM. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "net/tls/tls_parts.h"

/* OpenSSL's own words for what has just failed. */
static const char *
tls_words(char *buf, size_t size)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    snprintf(buf, size, "%s", reason ? reason : "unknown error");
    ERR_clear_error();
    return buf;
}

/* ---- Names ----------------------------------------------------------------------------------- */

static bool
tls_name_is_fit(const char *name, size_t len)
{
    return len > 0 && len < 256 && !memchr(name, '\0', len);
}

static int
tls_cert_add_name(struct tls_cert *cert, const ASN1_IA5STRING *text)
{
    const char *name = (const char *)ASN1_STRING_get0_data(text);
    size_t len = (size_t)ASN1_STRING_length(text);
    char *copy;

    if (!tls_name_is_fit(name, len) || cert->name_count == TLS_CERT_NAMES_MAX)
        return 0;
    copy = strndup(name, len);
    if (!copy)
        return -ENOMEM;
    for (char *p = copy; *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
    cert->names[cert->name_count++] = copy;
    return 0;
}

/* From the SAN alone: RFC 9525, section 2. */
static int
tls_cert_read_names(struct tls_cert *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert->leaf, NID_subject_alt_name, NULL, NULL);
    int count = MAX(sk_GENERAL_NAME_num(names), 0), r = 0;

    cert->names = calloc((size_t)MAX(count, 1), sizeof(*cert->names));
    if (!cert->names)
        r = -ENOMEM;
    for (int i = 0; r == 0 && i < count; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_DNS)
            r = tls_cert_add_name(cert, name->d.dNSName);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return r;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int
tls_cert_read_chain(struct tls_cert *cert, BIO *bio)
{
    X509 *next;

    while ((next = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
        if (!sk_X509_push(cert->chain, next)) {
            X509_free(next);
            return -ENOMEM;
        }
    ERR_clear_error();
    return 0;
}

static int
tls_cert_read(struct tls_cert *cert, BIO *bio, struct err *reterr)
{
    char words[128];

    cert->chain = sk_X509_new_null();
    if (!bio || !cert->chain)
        return err_set(reterr, -ENOMEM, "no memory for a certificate");
    cert->leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    if (!cert->leaf)
        return err_set(reterr, -EBADMSG, "holds no certificate in PEM (%s)",
                       tls_words(words, sizeof(words)));
    if (tls_cert_read_chain(cert, bio) < 0 || tls_cert_read_names(cert) < 0)
        return err_set(reterr, -ENOMEM, "no memory for a certificate");
    return 0;
}

int
tls_cert_new(const char *pem, size_t len, struct tls_cert **ret, struct err *reterr)
{
    struct tls_cert *cert = calloc(1, sizeof(*cert));
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    int r;

    ERR_clear_error();
    if (!cert) {
        BIO_free(bio);
        return err_set(reterr, -ENOMEM, "no memory for a certificate");
    }
    r = tls_cert_read(cert, bio, reterr);
    BIO_free(bio);
    if (r < 0)
        tls_cert_free(cert);
    else
        *ret = cert;
    return r;
}

struct tls_password {
    const char *text;
    bool asked;
};

static int
tls_password_give(char *buf, int size, int rwflag, void *arg)
{
    struct tls_password *password = arg;
    size_t len = password->text ? strlen(password->text) : 0;

    (void)rwflag;
    password->asked = true;
    if (len == 0 || len > (size_t)size)
        return -1;
    memcpy(buf, password->text, len);
    return (int)len;
}

int
tls_cert_set_key(struct tls_cert *cert, const char *pem, size_t len, const char *password,
                 struct err *reterr)
{
    struct tls_password give = {.text = password};
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    char words[128];

    ERR_clear_error();
    if (!bio)
        return err_set(reterr, -ENOMEM, "no memory for a key");
    cert->key = PEM_read_bio_PrivateKey(bio, NULL, tls_password_give, &give);
    BIO_free(bio);
    if (!cert->key && give.asked)
        return err_set(reterr, -ENOKEY,
                       password ? "is encrypted with another password than password_file has"
                                : "is encrypted; name the file of its password in password_file");
    if (!cert->key)
        return err_set(reterr, -EBADMSG, "holds no private key in PEM (%s)",
                       tls_words(words, sizeof(words)));
    if (X509_check_private_key(cert->leaf, cert->key) != 1) {
        ERR_clear_error();
        return err_set(reterr, -EKEYREJECTED, "is not the key of this certificate");
    }
    return 0;
}

static int64_t
tls_cert_time(const ASN1_TIME *time)
{
    struct tm tm;

    return ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : 0;
}

void
tls_cert_describe(const struct tls_cert *cert, struct tls_cert_facts *ret)
{
    *ret = (struct tls_cert_facts){
        .name = cert->name_count > 0 ? cert->names[0] : "",
        .name_count = cert->name_count,
        .key_type = EVP_PKEY_get0_type_name(cert->key),
        .key_bits = EVP_PKEY_get_bits(cert->key),
        .not_before_s = tls_cert_time(X509_get0_notBefore(cert->leaf)),
        .not_after_s = tls_cert_time(X509_get0_notAfter(cert->leaf)),
    };
}

void
tls_cert_free(struct tls_cert *cert)
{
    if (!cert)
        return;
    X509_free(cert->leaf);
    EVP_PKEY_free(cert->key);
    sk_X509_pop_free(cert->chain, X509_free);
    for (size_t i = 0; i < cert->name_count; i++)
        free(cert->names[i]);
    free(cert->names);
    free(cert);
}
