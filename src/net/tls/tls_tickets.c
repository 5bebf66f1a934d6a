/* Session tickets: sealed with the keys of ticket_keys.h, or with those of a file. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "net/tls/tls_parts.h"

/* Looked up once: a lookup takes a lock that all threads share. */
static EVP_CIPHER *tickets_cipher;

__attribute__((constructor)) static void
tls_tickets_begin(void)
{
    tickets_cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
}

__attribute__((destructor)) static void
tls_tickets_end(void)
{
    EVP_CIPHER_free(tickets_cipher);
}

static bool
tls_tickets_find(const struct tls_server *server, const unsigned char *name, struct ticket_key *ret,
                 bool *ret_present)
{
    if (!server->file_keys)
        return ticket_page_find(server->ticket_page, name, ret, ret_present);
    for (size_t i = 0; i < server->file_key_count; i++)
        if (memcmp(server->file_keys[i].name, name, sizeof(ret->name)) == 0) {
            *ret = server->file_keys[i];
            *ret_present = i == 0;
            return true;
        }
    return false;
}

static bool
tls_tickets_set_mac(EVP_MAC_CTX *mac, struct ticket_key *key)
{
    static char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->hmac, sizeof(key->hmac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int
tls_tickets_seal(const struct tls_server *server, unsigned char *name, unsigned char *iv,
                 EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    struct ticket_key key;
    bool ok;

    if (server->file_keys)
        key = server->file_keys[0];
    else
        ticket_page_present(server->ticket_page, &key);
    memcpy(name, key.name, sizeof(key.name));
    ok = RAND_bytes(iv, EVP_CIPHER_get_iv_length(tickets_cipher)) == 1 &&
         EVP_EncryptInit_ex2(cipher, tickets_cipher, key.cipher, iv, NULL) == 1 &&
         tls_tickets_set_mac(mac, &key);
    OPENSSL_cleanse(&key, sizeof(key));
    return ok ? 1 : -1;
}

/* 0: the handshake is a full one; 2: the client is to get a new ticket. */
static int
tls_tickets_open(const struct tls_server *server, const unsigned char *name,
                 const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    struct ticket_key key;
    bool present, ok;

    if (!tls_tickets_find(server, name, &key, &present))
        return 0;
    ok = EVP_DecryptInit_ex2(cipher, tickets_cipher, key.cipher, iv, NULL) == 1 &&
         tls_tickets_set_mac(mac, &key);
    OPENSSL_cleanse(&key, sizeof(key));
    return !ok ? -1 : present ? 1 : 2;
}

static int
tls_on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
              EVP_MAC_CTX *mac, int seal)
{
    const struct conn *c = SSL_get_app_data(ssl);
    const struct tls_server *server = tls_context_of(c)->server;

    return seal ? tls_tickets_seal(server, name, iv, cipher, mac)
                : tls_tickets_open(server, name, iv, cipher, mac);
}

/* A session belongs to its listener, and to what that demands of clients. */
static bool
tls_tickets_bind(SSL_CTX *ctx, const struct tls_policy *policy)
{
    unsigned char id[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool ok = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(digest, policy->context, strlen(policy->context) + 1) == 1;

    if (ok && policy->clients)
        ok =
            EVP_DigestUpdate(digest, policy->clients->digest, sizeof(policy->clients->digest)) == 1;
    ok = ok && EVP_DigestFinal_ex(digest, id, &len) == 1 && len <= SSL_MAX_SID_CTX_LENGTH;
    EVP_MD_CTX_free(digest);
    return ok && SSL_CTX_set_session_id_context(ctx, id, len) == 1;
}

bool
tls_tickets_set(SSL_CTX *ctx, const struct tls_server *server)
{
    const struct tls_policy *policy = &server->policy;

    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, policy->ticket_lifetime_ns > 0 ? 1 : 0);
    if (policy->ticket_lifetime_ns == 0)
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    else
        SSL_CTX_set_timeout(ctx, (long)(policy->ticket_lifetime_ns / NS_PER_S));
    return tls_tickets_bind(ctx, policy) &&
           SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, tls_on_ticket) == 1;
}
