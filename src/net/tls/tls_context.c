/* One SSL_CTX for each listener and poller: threads that share one would share its reference
 * counts. Certificates and keys are the same objects in all of them. */
#include <errno.h>
#include <string.h>

#include "net/tls/tls_parts.h"

#define TLS_UPDATES_MAX 100 /* KeyUpdates in a second; each costs a key derivation */
#define TLS_UPDATES_TICKS (NS_PER_S >> NET_TICK_SHIFT)

/* ---- Names ----------------------------------------------------------------------------------- */

/* The host name of the extension, RFC 6066, section 3; its length, 0: none. */
static size_t
tls_hello_name(SSL *ssl, const char **ret)
{
    const unsigned char *data;
    size_t len, name;

    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &len) || len < 5 ||
        data[2] != TLSEXT_NAMETYPE_host_name)
        return 0;
    name = (size_t)data[3] << 8 | data[4];
    *ret = (const char *)data + 5;
    return name <= len - 5 ? name : 0;
}

static bool
tls_use(SSL *ssl, const struct tls_cert *cert)
{
    return SSL_use_cert_and_key(ssl, cert->leaf, cert->key, cert->chain, 1) == 1;
}

/* Before the version is chosen and a session resumed. The SSL_CTX has the default,
 * for names that no certificate has. */
static int
tls_on_hello(SSL *ssl, int *alert, void *arg)
{
    const struct tls_server *server = arg;
    const struct tls_name *found = NULL;
    const char *name = NULL;
    size_t len = tls_hello_name(ssl, &name);

    if (len > 0)
        found = tls_server_find(server, name, len);
    if (!found && server->policy.strict_sni) {
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (!found || server->cert_count == 1)
        return SSL_CLIENT_HELLO_SUCCESS;
    SSL_certs_clear(ssl);
    for (unsigned i = 0; i < found->cert_count; i++)
        if (!tls_use(ssl, found->certs[i])) {
            *alert = SSL_AD_INTERNAL_ERROR;
            return SSL_CLIENT_HELLO_ERROR;
        }
    return SSL_CLIENT_HELLO_SUCCESS;
}

/* OpenSSL notes the name of a client only where a callback takes it. */
static int
tls_on_name(SSL *ssl, int *alert, void *arg)
{
    (void)alert;
    (void)arg;
    return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) ? SSL_TLSEXT_ERR_OK
                                                              : SSL_TLSEXT_ERR_NOACK;
}

static int
tls_on_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_len, const unsigned char *in,
            unsigned len, void *arg)
{
    const struct tls_server *server = arg;
    unsigned char *chosen;

    (void)ssl;
    if (SSL_select_next_proto(&chosen, ret_len, server->alpn, server->alpn_len, in, len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* ---- KeyUpdates ------------------------------------------------------------------------------ */

static void
tls_on_message(int sent, int version, int type, const void *data, size_t len, SSL *ssl, void *arg)
{
    struct conn *c = SSL_get_app_data(ssl);
    struct tls_state *s;
    uint32_t now;

    (void)version;
    (void)arg;
    if (sent || type != SSL3_RT_HANDSHAKE || len == 0 || !c ||
        *(const unsigned char *)data != SSL3_MT_KEY_UPDATE)
        return;
    s = tls_state(c);
    now = net_tick(c->service->net);
    if (now - s->updates_tick > TLS_UPDATES_TICKS) {
        s->updates_tick = now;
        s->updates = 0;
    }
    if (++s->updates > TLS_UPDATES_MAX)
        s->end = TLS_END_FAILED;
}

/* ---- Making one ------------------------------------------------------------------------------ */

static int
tls_context_certs(SSL_CTX *ctx, const struct tls_server *server)
{
    const struct tls_cert *first = server->certs[0];
    const struct tls_name *name =
        first->name_count > 0 ? tls_server_find(server, first->names[0], strlen(first->names[0]))
                              : NULL;
    bool ok = SSL_CTX_use_cert_and_key(ctx, first->leaf, first->key, first->chain, 1) == 1;

    for (unsigned i = 0; ok && name && i < name->cert_count; i++)
        ok = SSL_CTX_use_cert_and_key(ctx, name->certs[i]->leaf, name->certs[i]->key,
                                      name->certs[i]->chain, 1) == 1;
    return ok ? 0 : -EINVAL;
}

/* For arguments of OpenSSL that neither it nor a callback writes through. */
static void *
tls_unconst(const void *p)
{
    void *arg;

    memcpy(&arg, &p, sizeof(arg));
    return arg;
}

void
tls_context_prepare(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_msg_callback(ctx, tls_on_message);
}

/* The key of `tls:` that OpenSSL refuses; NULL: none. */
static const char *
tls_context_policy(SSL_CTX *ctx, const struct tls_policy *policy)
{
    if (!SSL_CTX_set_cipher_list(ctx, policy->ciphers))
        return "ciphers";
    if (!SSL_CTX_ctrl(ctx, SSL_CTRL_SET_GROUPS_LIST, 0, tls_unconst(policy->groups)))
        return "groups";
    SSL_CTX_set_min_proto_version(ctx, policy->no_1_2 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(ctx, policy->no_1_3 ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    return NULL;
}

SSL_CTX *
tls_context_make(const struct tls_server *server, const char **ret_key, struct err *reterr)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    const char *refused = "certificates";

    if (ctx && tls_context_certs(ctx, server) == 0)
        refused = tls_context_policy(ctx, &server->policy);
    if (!refused && server->policy.clients && !tls_clients_use(ctx, server->policy.clients))
        refused = "client";
    if (!refused && !tls_tickets_set(ctx, server))
        refused = "tickets";
    if (refused) {
        const char *words = ERR_reason_error_string(ERR_peek_last_error());

        err_set(reterr, -EINVAL, "OpenSSL refuses this: %s", words ? words : "no memory");
        *ret_key = refused;
        ERR_clear_error();
        SSL_CTX_free(ctx);
        return NULL;
    }
    tls_context_prepare(ctx);
    SSL_CTX_set_client_hello_cb(ctx, tls_on_hello, tls_unconst(server));
    SSL_CTX_set_tlsext_servername_callback(ctx, tls_on_name);
    if (server->alpn_len > 0)
        SSL_CTX_set_alpn_select_cb(ctx, tls_on_alpn, tls_unconst(server));
    return ctx;
}

static void
tls_context_free(void *arg)
{
    struct tls_context *context = arg;

    SSL_CTX_free(context->ctx);
    free(context);
}

int
tls_context_attach(struct service *s, const struct tls_context *from)
{
    struct tls_context *context = malloc(sizeof(*context));

    if (!context || !from->ctx || !tls_poller_of(s->net)) {
        SSL_CTX_free(from->ctx);
        free(context);
        return -ENOMEM;
    }
    *context = *from;
    s->transport_data = context;
    s->transport_data_free = tls_context_free;
    return 0;
}

int
tls_serve(struct service *s, const struct tls_server *server)
{
    const char *key;
    struct tls_context context = {.ctx = tls_context_make(server, &key, NULL), .server = server};

    return tls_context_attach(s, &context);
}
