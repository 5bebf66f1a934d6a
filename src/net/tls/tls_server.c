/* What a listener serves over TLS: its certificates by name, and its policy. */
#include <errno.h>
#include <string.h>

#include "net/tls/tls_parts.h"

static int
tls_name_compare(const void *a, const void *b)
{
    const struct tls_name *x = a, *y = b;
    int r = strcmp(x->name, y->name);

    return r ? r : x->wildcard - y->wildcard;
}

static const struct tls_name *
tls_server_look_up(const struct tls_server *server, const char *name, bool wildcard)
{
    struct tls_name key = {.name = name, .wildcard = wildcard};

    return bsearch(&key, server->names, server->name_count, sizeof(key), tls_name_compare);
}

const struct tls_name *
tls_server_find(const struct tls_server *server, const char *name, size_t len)
{
    const struct tls_name *found;
    char folded[256], *dot;

    if (len > 0 && name[len - 1] == '.')
        len--;
    if (len == 0 || len >= sizeof(folded))
        return NULL;
    for (size_t i = 0; i < len; i++)
        folded[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
    folded[len] = '\0';
    found = tls_server_look_up(server, folded, false);
    dot = strchr(folded, '.');
    if (found || !dot || dot == folded)
        return found;
    return tls_server_look_up(server, dot + 1, true);
}

/* ---- Making it ------------------------------------------------------------------------------- */

static int
tls_name_add_cert(struct tls_name *name, const struct tls_cert *cert, struct err *reterr)
{
    for (unsigned i = 0; i < name->cert_count; i++)
        if (EVP_PKEY_get_base_id(name->certs[i]->key) == EVP_PKEY_get_base_id(cert->key))
            return err_set(reterr, -EEXIST, "%s%s is a name of two certificates with %s keys",
                           name->wildcard ? "*." : "", name->name,
                           EVP_PKEY_get0_type_name(cert->key));
    if (name->cert_count == ARRAY_LEN(name->certs))
        return err_set(reterr, -EEXIST, "%s has too many certificates", name->name);
    name->certs[name->cert_count++] = cert;
    return 0;
}

static void
tls_server_list(struct tls_server *server)
{
    size_t n = 0;

    for (size_t i = 0; i < server->cert_count; i++)
        for (size_t k = 0; k < server->certs[i]->name_count; k++) {
            const char *name = server->certs[i]->names[k];
            bool wildcard = strncmp(name, "*.", 2) == 0;

            server->names[n++] = (struct tls_name){.name = wildcard ? name + 2 : name,
                                                   .wildcard = wildcard,
                                                   .certs = {server->certs[i]},
                                                   .cert_count = 1};
        }
    server->name_count = n;
    qsort(server->names, n, sizeof(*server->names), tls_name_compare);
}

/* Names that are there twice become one with two certificates. */
static int
tls_server_join(struct tls_server *server, struct err *reterr)
{
    size_t kept = 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < server->name_count; i++) {
        struct tls_name *name = &server->names[i], *last;

        last = kept > 0 ? &server->names[kept - 1] : NULL;
        if (last && tls_name_compare(last, name) == 0)
            r = last->certs[0] == name->certs[0] ? 0
                                                 : tls_name_add_cert(last, name->certs[0], reterr);
        else
            server->names[kept++] = *name;
    }
    server->name_count = kept;
    return r;
}

static int
tls_server_fill(struct tls_server *server, const char **ret_key, struct err *reterr)
{
    size_t count = 0;
    SSL_CTX *ctx;
    int r;

    for (size_t i = 0; i < server->cert_count; i++)
        count += server->certs[i]->name_count;
    server->names = calloc(MAX(count, 1), sizeof(*server->names));
    if (!server->names)
        return err_set(reterr, -ENOMEM, "no memory for certificates");
    tls_server_list(server);
    r = tls_server_join(server, reterr);
    if (r < 0)
        return r;
    ctx = tls_context_make(server, ret_key, reterr);
    SSL_CTX_free(ctx);
    return ctx ? 0 : -EINVAL;
}

int
tls_server_new(const struct tls_policy *policy, struct tls_cert **certs, size_t count,
               struct tls_server **ret, const char **ret_key, struct err *reterr)
{
    struct tls_server *server = calloc(1, sizeof(*server));
    int r;

    *ret_key = "certificates";
    if (server) {
        server->policy = *policy;
        server->certs = calloc(MAX(count, 1), sizeof(*certs));
    }
    if (!server || !server->certs) {
        for (size_t i = 0; i < count; i++)
            tls_cert_free(certs[i]);
        tls_clients_free(policy->clients);
        free(server);
        return err_set(reterr, -ENOMEM, "no memory for certificates");
    }
    memcpy(server->certs, certs, count * sizeof(*certs));
    server->cert_count = count;
    r = tls_server_fill(server, ret_key, reterr);
    if (r < 0)
        tls_server_free(server);
    else
        *ret = server;
    return r;
}

int
tls_protocols(const char *names, unsigned char ret[TLS_PROTOCOLS_MAX], unsigned *ret_len)
{
    *ret_len = 0;
    while (*names) {
        size_t len = strcspn(names, ",");

        if (len == 0 || len > UINT8_MAX || *ret_len + len + 1 > TLS_PROTOCOLS_MAX)
            return -EINVAL;
        ret[*ret_len] = (unsigned char)len;
        memcpy(ret + *ret_len + 1, names, len);
        *ret_len += (unsigned)len + 1;
        names += len + (names[len] == ',');
    }
    return 0;
}

int
tls_server_set_alpn(struct tls_server *server, const char *names)
{
    return tls_protocols(names, server->alpn, &server->alpn_len);
}

void
tls_server_set_tickets(struct tls_server *server, const struct ticket_page *page)
{
    server->ticket_page = page;
}

int
tls_server_set_ticket_file(struct tls_server *server, const char *data, size_t len)
{
    size_t count = len / sizeof(*server->file_keys);

    if (count == 0 || count > TLS_TICKET_KEYS_MAX || len % sizeof(*server->file_keys) != 0)
        return -EBADMSG;
    server->file_keys = OPENSSL_memdup(data, len);
    if (!server->file_keys)
        return -ENOMEM;
    server->file_key_count = count;
    return 0;
}

const struct tls_cert *
tls_server_cert(const struct tls_server *server, size_t i)
{
    return server->certs[i];
}

void
tls_server_free(struct tls_server *server)
{
    if (!server)
        return;
    for (size_t i = 0; i < server->cert_count; i++)
        tls_cert_free(server->certs[i]);
    OPENSSL_clear_free(server->file_keys, server->file_key_count * sizeof(*server->file_keys));
    tls_clients_free(server->policy.clients);
    free(server->certs);
    free(server->names);
    free(server);
}
