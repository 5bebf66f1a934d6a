/* From `tls:` of a listener to its certificates and policy. Files are read through the snapshot, so
 * a worker that replaces a dead one has the certificates that served. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/tls/tls.h"
#include "worker/setup_parts.h"
#include "worker/tls_log.h"

#define PEM_BYTES_MAX ((size_t)1 << 20)

/* Of one listener, while it is set up. */
struct setup_tls {
    struct setup *setup;
    const struct config *config;
    size_t listener;
    char at[64]; /* the key below which errors are, such as tls.certificates[0] */
};

PRINTF(3, 4)
static void
setup_tls_error(struct setup_tls *t, const char *key, const char *format, ...)
{
    char path[96], text[ERR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    snprintf(path, sizeof(path), "%s.%s", t->at, key);
    setup_listener_error(t->setup, t->config, t->listener, path, "%s", text);
}

/* The text of a file, to be freed; NULL: an error has been noted. */
static char *
setup_tls_read(struct setup_tls *t, const char *key, struct goevd_str file, size_t *ret_len)
{
    char *text = NULL;
    ssize_t n = snapshot_read(t->setup->plugins.snapshot, file.data, PEM_BYTES_MAX, &text);

    if (n >= 0) {
        *ret_len = (size_t)n;
        return text;
    }
    setup_tls_error(t, key, "cannot read %s: %s%s", file.data, err_words((int)n),
                    n == -EACCES ? "; goevd reads it as the user that starts it, before it becomes "
                                   "`user`"
                                 : "");
    return NULL;
}

static int
setup_tls_key(struct setup_tls *t, const struct config_certificate *c, struct tls_cert *cert)
{
    bool apart = c->key.data != NULL;
    struct goevd_str file = apart ? c->key : c->certificate;
    size_t len = 0, password_len = 0;
    char *password = NULL, *text = setup_tls_read(t, apart ? "key" : "certificate", file, &len);
    struct err err = {0};
    int r = text ? 0 : -EINVAL;

    if (r == 0 && c->password_file.data) {
        password = setup_tls_read(t, "password_file", c->password_file, &password_len);
        r = password ? 0 : -EINVAL;
    }
    if (password)
        password[strcspn(password, "\r\n")] = '\0';
    if (r == 0 && (r = tls_cert_set_key(cert, text, len, password, &err)) < 0)
        setup_tls_error(t,
                        r == -ENOKEY && password ? "password_file"
                        : apart                  ? "key"
                                                 : "certificate",
                        "%s %s", file.data, err.text);
    if (password)
        explicit_bzero(password, password_len);
    if (text)
        explicit_bzero(text, len);
    free(password);
    free(text);
    return r;
}

static struct tls_cert *
setup_tls_cert(struct setup_tls *t, const struct config_certificate *c)
{
    struct tls_cert *cert = NULL;
    struct err err = {0};
    size_t len = 0;
    char *text =
        c->certificate.data ? setup_tls_read(t, "certificate", c->certificate, &len) : NULL;

    if (!text)
        return NULL;
    if (tls_cert_new(text, len, &cert, &err) < 0)
        setup_tls_error(t, "certificate", "%s %s", c->certificate.data, err.text);
    else if (setup_tls_key(t, c, cert) < 0) {
        tls_cert_free(cert);
        cert = NULL;
    }
    explicit_bzero(text, len); /* the key may be in the same file */
    free(text);
    return cert;
}

static void
setup_tls_versions(const struct config_tls *tls, struct tls_policy *policy)
{
    const int *versions = tls->versions.items;

    policy->no_1_2 = policy->no_1_3 = true;
    for (size_t i = 0; i < tls->versions.count; i++) {
        if (versions[i] == CONFIG_TLS_1_2)
            policy->no_1_2 = false;
        else
            policy->no_1_3 = false;
    }
}

static void
setup_tls_ticket_file(struct setup_tls *t, struct tls_server *server, struct goevd_str file)
{
    size_t len = 0;
    char *keys;

    snprintf(t->at, sizeof(t->at), "tls.tickets");
    keys = file.data ? setup_tls_read(t, "file", file, &len) : NULL;
    if (!keys)
        return;
    if (tls_server_set_ticket_file(server, keys, len) < 0)
        setup_tls_error(t, "file", "%s has %zu bytes; 1 to %d keys of 80 bytes are expected",
                        file.data, len, TLS_TICKET_KEYS_MAX);
    explicit_bzero(keys, len);
    free(keys);
}

static int
setup_tls_crl(struct setup_tls *t, struct goevd_str file, struct tls_clients *clients)
{
    size_t len = 0;
    char *crl = setup_tls_read(t, "crl", file, &len);
    int r = crl ? tls_clients_set_crl(clients, crl, len) : 0;

    if (r < 0)
        setup_tls_error(t, "crl", "%s holds no revocation list in PEM", file.data);
    free(crl);
    return crl ? r : -EINVAL;
}

/* 0, also where clients are not asked; negative: an error has been noted. */
static int
setup_tls_clients(struct setup_tls *t, const struct config_client *c, struct tls_clients **ret)
{
    bool required;
    size_t len = 0;
    char *ca;
    int r;

    if (!c)
        return 0;
    snprintf(t->at, sizeof(t->at), "tls.client");
    ca = c->ca.data ? setup_tls_read(t, "ca", c->ca, &len) : NULL;
    if (!ca)
        return -EINVAL;
    required = c->mode == CONFIG_CLIENT_REQUIRED;
    r = tls_clients_new(ca, len, required, (unsigned)c->depth, ret);
    if (r < 0)
        setup_tls_error(t, "ca", "%s holds no certificate in PEM", c->ca.data);
    free(ca);
    if (r == 0 && c->crl.data && (r = setup_tls_crl(t, c->crl, *ret)) < 0) {
        tls_clients_free(*ret);
        *ret = NULL;
    }
    return r;
}

static void
setup_tls_server(struct setup_tls *t, struct tls_cert **certs, size_t count)
{
    const struct config_listener *c = &t->config->listeners[t->listener];
    struct tls_policy policy = {
        .ciphers = c->tls->ciphers.data,
        .groups = c->tls->groups.data,
        .strict_sni = c->tls->strict_sni,
        .redirect = c->tls->plain_http == CONFIG_PLAIN_HTTP_REDIRECT,
        .context = c->name.data,
        .ticket_lifetime_ns = (uint64_t)c->tls->tickets->lifetime_ns,
        .handshake_timeout_ns = (uint64_t)c->tls->handshake_timeout_ns,
        .on_failed = tls_log_failed,
    };
    struct tls_server *server;
    const char *key;
    char path[64];
    struct err err = {0};

    if (setup_tls_clients(t, c->tls->client, &policy.clients) < 0) {
        for (size_t n = 0; n < count; n++)
            tls_cert_free(certs[n]);
        return;
    }
    setup_tls_versions(c->tls, &policy);
    if (tls_server_new(&policy, certs, count, &server, &key, &err) == 0) {
        t->setup->listeners[t->listener].tls = server;
        setup_tls_ticket_file(t, server, c->tls->tickets->file);
        return;
    }
    snprintf(path, sizeof(path), "tls.%s", key);
    setup_listener_error(t->setup, t->config, t->listener, path, "%s", err.text);
}

void
setup_tls(struct setup *s, const struct config *config, size_t i)
{
    const struct config_tls *tls = config->listeners[i].tls;
    struct setup_tls t = {.setup = s, .config = config, .listener = i};
    const struct config_certificate *certificates = tls ? tls->certificates.items : NULL;
    size_t wanted = tls ? tls->certificates.count : 0, count = 0;
    struct tls_cert **certs = calloc(MAX(wanted, 1), sizeof(*certs));

    for (size_t n = 0; certs && n < wanted; n++) {
        snprintf(t.at, sizeof(t.at), "tls.certificates[%zu]", n);
        certs[count] = setup_tls_cert(&t, &certificates[n]);
        count += certs[count] != NULL;
    }
    if (certs && wanted > 0 && count == wanted && tls->ciphers.data && tls->groups.data)
        setup_tls_server(&t, certs, count);
    else
        for (size_t n = 0; n < count; n++)
            tls_cert_free(certs[n]);
    free(certs);
}

/* ---- Of all listeners ------------------------------------------------------------------------ */

void
setup_set_tickets(struct setup *s, const struct ticket_page *page)
{
    for (size_t i = 0; i < s->listener_count; i++)
        if (s->listeners[i].tls)
            tls_server_set_tickets(s->listeners[i].tls, page);
}

bool
setup_has_tls(const struct setup *s)
{
    for (size_t i = 0; i < s->listener_count; i++)
        if (s->listeners[i].tls)
            return true;
    return false;
}
