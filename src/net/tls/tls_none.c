/* TLS where goevd is built without OpenSSL: every listener that wants it is refused. */
#include <errno.h>

#include "net/tls/tls.h"

#define NONE "cannot be used: this goevd was built without TLS (meson option tls)"

int
tls_cert_new(const char *pem, size_t len, struct tls_cert **ret, struct err *reterr)
{
    return err_set(reterr, -ENOSYS, NONE);
}

int
tls_cert_set_key(struct tls_cert *cert, const char *pem, size_t len, const char *password,
                 struct err *reterr)
{
    return err_set(reterr, -ENOSYS, NONE);
}

void
tls_cert_describe(const struct tls_cert *cert, struct tls_cert_facts *ret)
{
    *ret = (struct tls_cert_facts){.name = "", .key_type = ""};
}

void
tls_cert_free(struct tls_cert *cert)
{
}

int
tls_clients_new(const char *ca, size_t ca_len, bool required, unsigned depth,
                struct tls_clients **ret)
{
    return -ENOSYS;
}

int
tls_clients_set_crl(struct tls_clients *clients, const char *crl, size_t len)
{
    return -ENOSYS;
}

void
tls_clients_free(struct tls_clients *clients)
{
}

int
tls_server_new(const struct tls_policy *policy, struct tls_cert **certs, size_t count,
               struct tls_server **ret, const char **ret_key, struct err *reterr)
{
    *ret_key = "certificates";
    for (size_t i = 0; i < count; i++)
        tls_cert_free(certs[i]);
    return err_set(reterr, -ENOSYS, NONE);
}

int
tls_server_set_alpn(struct tls_server *server, const char *names)
{
    return -ENOSYS;
}

void
tls_server_set_tickets(struct tls_server *server, const struct ticket_page *page)
{
}

int
tls_server_set_ticket_file(struct tls_server *server, const char *data, size_t len)
{
    return -ENOSYS;
}

const struct tls_cert *
tls_server_cert(const struct tls_server *server, size_t i)
{
    return NULL;
}

void
tls_server_free(struct tls_server *server)
{
}

int
tls_serve(struct service *s, const struct tls_server *server)
{
    return -ENOSYS;
}

int
tls_connect_new(const struct tls_connect_policy *policy, struct tls_connect **ret)
{
    return -ENOSYS;
}

void
tls_connect_free(struct tls_connect *t)
{
}

int
tls_connect_serve(struct service *s, const struct tls_connect *t)
{
    return -ENOSYS;
}

const struct transport transport_tls_connect = {.name = "tls"};
const struct transport transport_tls = {.name = "tls"};
