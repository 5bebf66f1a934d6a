/* TLS of a listener, by OpenSSL: certificates, policy, and the transport of its connections.
 *
 *   tls.c            the transport's table, facts about a connection, its end
 *   tls_bio.c        OpenSSL's input and output, in buffers that a poller's connections share
 *   tls_cert.c       a certificate with its key, from PEM
 *   tls_client.c     certificates of clients
 *   tls_clear.c      HTTP without TLS on a port that speaks TLS
 *   tls_connect.c    outgoing connections
 *   tls_context.c    one SSL_CTX for each listener and poller
 *   tls_failure.c    why a handshake failed
 *   tls_handshake.c  the handshake
 *   tls_read.c       plaintext in
 *   tls_tickets.c    session tickets
 *   ticket_keys.c    the keys that they are sealed with, which all workers share
 *   tls_server.c     the certificates of a listener by name, and its policy
 *   tls_write.c      plaintext out
 *   tls_none.c       all of it where goevd is built without OpenSSL
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/conn/net.h"
#include "net/conn/transport.h"

struct service;
struct ticket_page;
struct tls_cert;
struct tls_clients;
struct tls_connect;
struct tls_server;

#define TLS_CERT_NAMES_MAX 1024 /* names of one certificate */
#define TLS_TICKET_KEYS_MAX 64  /* of a file, each of 80 bytes */
#define TLS_PROTOCOLS_MAX 256   /* bytes of the protocols of ALPN, each with its length */

struct tls_policy {
    bool no_1_2, no_1_3;         /* versions that are not spoken */
    const char *ciphers;         /* of TLS 1.2, in the order in which they are preferred */
    const char *groups;          /* for the key exchange */
    bool strict_sni;             /* a name without a certificate ends the handshake */
    bool redirect;               /* a request without TLS is redirected, not refused */
    const char *context;         /* sessions are resumed where this text is the same */
    uint64_t ticket_lifetime_ns; /* 0: sessions are not resumed */
    uint64_t handshake_timeout_ns;

    struct tls_clients *clients; /* NULL: clients are not asked for certificates */

    /* A handshake has failed [poller that serves]. `why` is a sentence without its full stop. Or
     * NULL. */
    void (*on_failed)(const struct conn *c, const char *why);
};

/* The certificate at the front of a PEM text, with those that follow it. 0; -EBADMSG, -ENOMEM. */
int tls_cert_new(const char *pem, size_t len, struct tls_cert **ret, struct err *reterr);

/* Its key, in PEM. password NULL: the key is not encrypted. 0; -EKEYREJECTED: the key belongs to
 * another certificate; -ENOKEY: the key is encrypted, and the password is missing or wrong;
 * -EBADMSG; -ENOMEM. */
int tls_cert_set_key(struct tls_cert *cert, const char *pem, size_t len, const char *password,
                     struct err *reterr);

/* Facts about a certificate, which live as long as it does. */
struct tls_cert_facts {
    const char *name; /* the first of its subjectAltName; "": there is none */
    size_t name_count;
    const char *key_type; /* such as EC, RSA */
    int key_bits;
    int64_t not_before_s, not_after_s; /* since 1970 */
};

void tls_cert_describe(const struct tls_cert *cert, struct tls_cert_facts *ret);

/* NULL does nothing. */
void tls_cert_free(struct tls_cert *cert);

/* The authorities whose clients are served, in PEM, and whether a client must have a certificate.
 * 0; -EBADMSG: there is none; -ENOMEM. */
int tls_clients_new(const char *ca, size_t ca_len, bool required, unsigned depth,
                    struct tls_clients **ret);

/* Lists of revoked certificates, in PEM: each authority must have one. Likewise. */
int tls_clients_set_crl(struct tls_clients *clients, const char *crl, size_t len);

/* NULL does nothing. */
void tls_clients_free(struct tls_clients *clients);

/* Takes the certificates and policy.clients over, of which the first is the default, also if it
 * fails. The texts of the policy live longer.
 *
 * ret_key   where it fails: the key of `tls:` that is at fault, such as "ciphers"
 * Returns   0; -EINVAL: OpenSSL refuses a value; -EEXIST: a name is in two certificates of one key
 *           type; -ENOMEM; -ENOSYS: built without TLS.
 */
int tls_server_new(const struct tls_policy *policy, struct tls_cert **certs, size_t count,
                   struct tls_server **ret, const char **ret_key, struct err *reterr);

/* The protocols of ALPN, in the order in which they are preferred, separated by commas. "": none
 * is negotiated. 0; -EINVAL: a name is empty or too long, or there are too many. */
int tls_server_set_alpn(struct tls_server *server, const char *names);

/* Before tls_serve(), if sessions are resumed: the keys of tickets, which live longer; or those of
 * a file, of which the first seals. 0; -EBADMSG: its length is not that of 1 to 64 keys; -ENOMEM.
 */
void tls_server_set_tickets(struct tls_server *server, const struct ticket_page *page);
int tls_server_set_ticket_file(struct tls_server *server, const char *data, size_t len);

/* The certificate i, in the order in which they were given. */
const struct tls_cert *tls_server_cert(const struct tls_server *server, size_t i);

/* NULL does nothing. */
void tls_server_free(struct tls_server *server);

/* [poller] The connections of a service that was made with transport_tls are served with that. 0;
 * -ENOMEM. */
int tls_serve(struct service *s, const struct tls_server *server);

extern const struct transport transport_tls;

/* ---- Outgoing connections -------------------------------------------------------------------- */

struct tls_connect_policy {
    const char *name; /* of the server, or its address: it is asked for and verified */
    const char *ca;   /* certificates of trusted authorities, in PEM; NULL: those of the system */
    size_t ca_len;
    bool verify;
    struct tls_cert *own; /* to be shown to the server; or NULL */
    const char *alpn;     /* as for tls_server_set_alpn(); or NULL */

    /* A handshake has failed, as in tls_policy. */
    void (*on_failed)(const struct conn *c, const char *name, const char *why);
};

/* Takes policy->own over, unless it fails. 0; -EBADMSG: `ca` holds no certificate; -ENOENT: the
 * system has no authorities; -EINVAL: alpn; -ENOMEM; -ENOSYS: built without TLS. */
int tls_connect_new(const struct tls_connect_policy *policy, struct tls_connect **ret);

/* NULL does nothing. */
void tls_connect_free(struct tls_connect *t);

/* [poller] As tls_serve(), for a service that was made with transport_tls_connect. */
int tls_connect_serve(struct service *s, const struct tls_connect *t);

extern const struct transport transport_tls_connect;
