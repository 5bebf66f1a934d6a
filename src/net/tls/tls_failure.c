/* Why a handshake failed, in a class for metrics and in words. */
#include <stdio.h>

#include "net/tls/tls_parts.h"

struct tls_failure {
    int reason; /* of OpenSSL */
    enum net_tls result;
    const char *why; /* NULL: OpenSSL's own words */
};

#define ALERT(name) (SSL_AD_REASON_OFFSET + TLS1_AD_##name)
#define SSL3_ALERT(name) (SSL_AD_REASON_OFFSET + SSL3_AD_##name)

static const struct tls_failure tls_failures[] = {
    {SSL_R_UNSUPPORTED_PROTOCOL, NET_TLS_VERSION,
     "the client speaks no version of TLS of `versions`"},
    {SSL_R_VERSION_TOO_LOW, NET_TLS_VERSION, "the client speaks no version of TLS of `versions`"},
    {SSL_R_WRONG_VERSION_NUMBER, NET_TLS_PROTOCOL, "the client sent something else than TLS"},
    {SSL_R_HTTP_REQUEST, NET_TLS_CLEAR, "the client sent HTTP without TLS"},
    {SSL_R_NO_SHARED_CIPHER, NET_TLS_CIPHER,
     "the client offers no cipher that `ciphers` and the key of the certificate allow"},
    {SSL_R_NO_SUITABLE_KEY_SHARE, NET_TLS_CIPHER, "the client offers no group of `groups`"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, NET_TLS_CIPHER,
     "the client accepts no signature by a key of this type"},
    {SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, NET_TLS_CIPHER,
     "the client accepts no signature by a key of this type"},
    {SSL_R_NO_APPLICATION_PROTOCOL, NET_TLS_ALPN, "the client offers no protocol of `alpn`"},
    {SSL_R_CALLBACK_FAILED, NET_TLS_NAME, "no certificate has the name that the client asked for"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, NET_TLS_CLIENT, "the client has no certificate"},
    {SSL_R_CERTIFICATE_VERIFY_FAILED, NET_TLS_CLIENT, NULL},
    {ALERT(UNKNOWN_CA), NET_TLS_CERTIFICATE,
     "the client does not trust the issuer of the certificate"},
    {SSL3_ALERT(BAD_CERTIFICATE), NET_TLS_CERTIFICATE, "the client refused the certificate"},
    {SSL3_ALERT(CERTIFICATE_UNKNOWN), NET_TLS_CERTIFICATE, "the client refused the certificate"},
    {SSL3_ALERT(UNSUPPORTED_CERTIFICATE), NET_TLS_CERTIFICATE,
     "the client refused the certificate"},
    {SSL3_ALERT(CERTIFICATE_EXPIRED), NET_TLS_CERTIFICATE,
     "the client refused the certificate because it has expired"},
};

static const struct tls_failure *
tls_failure_find(int reason)
{
    for (size_t i = 0; i < ARRAY_LEN(tls_failures); i++)
        if (tls_failures[i].reason == reason)
            return &tls_failures[i];
    return NULL;
}

void
tls_report(struct conn *c, enum net_tls result, const char *why)
{
    const struct tls_server *server = tls_context_of(c)->server;

    if (!server) {
        tls_connect_report(c, why);
        return;
    }
    tls_count(c, result);
    if (why && server->policy.on_failed)
        server->policy.on_failed(c, why);
}

void
tls_report_failure(struct conn *c)
{
    unsigned long code = ERR_peek_error();
    const struct tls_failure *known = tls_failure_find(ERR_GET_REASON(code));
    const char *words = known ? known->why : ERR_reason_error_string(code);
    char why[160];

    tls_state(c)->error = -EPROTO;
    if (known && known->result == NET_TLS_CLIENT && !words) {
        snprintf(why, sizeof(why), "the certificate of the %s is refused: %s",
                 tls_context_of(c)->server ? "client" : "server",
                 X509_verify_cert_error_string(SSL_get_verify_result(tls_state(c)->ssl)));
        words = why;
    }
    tls_report(c, known ? known->result : NET_TLS_PROTOCOL,
               words ? words : "the client broke the protocol");
}
