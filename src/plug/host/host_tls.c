/* TLS of connections that plugins open. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "net/conn/conn.h"
#include "net/tls/tls.h"
#include "plug/host/host_parts.h"

#define PEM_BYTES_MAX ((size_t)1 << 20)

struct goevd_tls {
    struct goevd_tls *next;
    struct tls_connect *connect;
};

/* A goevd_tls that is being made. */
struct host_tls {
    struct goevd_self *self;
    const char *option;
    const struct goevd_tls_options *options;
};

PRINTF(3, 4)
static int
host_tls_refuse(const struct host_tls *t, const char *key, const char *format, ...)
{
    char path[128];
    va_list args;

    snprintf(path, sizeof(path), "%s.%s", t->option, key);
    va_start(args, format);
    host_refuse(t->self, path, format, args);
    va_end(args);
    return -EINVAL;
}

/* 0, also where no file is named; negative: an error has been reported. */
static int
host_tls_read(const struct host_tls *t, const char *key, struct goevd_str file, char **ret,
              size_t *ret_len)
{
    int r = file.data ? host_file_read(t->self, file.data, PEM_BYTES_MAX, ret, ret_len) : 0;

    return r < 0 ? host_tls_refuse(t, key, "cannot read %s: %s", file.data, err_words(r)) : 0;
}

static int
host_tls_key(const struct host_tls *t, const char *pem, size_t len, struct tls_cert *cert)
{
    const struct goevd_tls_options *o = t->options;
    const char *key = o->key.data ? "key" : "certificate";
    char *text = NULL, *password = NULL;
    size_t text_len = len, password_len = 0;
    struct err err = {0};
    int r = host_tls_read(t, "key", o->key, &text, &text_len);

    if (r == 0)
        r = host_tls_read(t, "password_file", o->password_file, &password, &password_len);
    if (password)
        password[strcspn(password, "\r\n")] = '\0';
    if (r == 0 && tls_cert_set_key(cert, text ? text : pem, text_len, password, &err) < 0)
        r = host_tls_refuse(t, key, "%s", err.text);
    if (text)
        explicit_bzero(text, text_len);
    if (password)
        explicit_bzero(password, password_len);
    free(text);
    free(password);
    return r;
}

static int
host_tls_own(const struct host_tls *t, struct tls_cert **ret)
{
    char *pem = NULL;
    size_t len = 0;
    struct err err = {0};
    int r = host_tls_read(t, "certificate", t->options->certificate, &pem, &len);

    if (r < 0 || !pem)
        return r;
    r = tls_cert_new(pem, len, ret, &err);
    if (r < 0)
        r = host_tls_refuse(t, "certificate", "%s", err.text);
    else
        r = host_tls_key(t, pem, len, *ret);
    explicit_bzero(pem, len);
    free(pem);
    if (r < 0) {
        tls_cert_free(*ret);
        *ret = NULL;
    }
    return r;
}

/* [poller] */
static void
host_tls_failed(const struct conn *c, const char *name, const char *why)
{
    struct log_about about = {.plugin = c->service->owner->plugin};

    log_about(&about, LOG_WARNING, "TLS with %s failed: %s", name,
              why ? why : "the server closed the connection");
}

static int
host_tls_connect(const struct host_tls *t, const char *name, struct goevd_tls *tls)
{
    struct tls_connect_policy policy = {
        .name = name, .verify = t->options->verify, .on_failed = host_tls_failed};
    char *ca = NULL;
    int r = host_tls_read(t, "ca", t->options->ca, &ca, &policy.ca_len);

    policy.ca = ca;
    if (r == 0)
        r = host_tls_own(t, &policy.own);
    if (r < 0) {
        free(ca);
        return r;
    }
    r = tls_connect_new(&policy, &tls->connect);
    free(ca);
    if (r < 0)
        tls_cert_free(policy.own);
    if (r == -ENOSYS)
        return host_tls_refuse(t, "verify", "this goevd was built without TLS (meson option tls)");
    if (r == -EBADMSG)
        return host_tls_refuse(t, "ca", "%s holds no certificate in PEM", t->options->ca.data);
    return r;
}

/* The name that is verified: as given, or the host of the address. "": there is none. */
static const char *
host_tls_name(const struct host_tls *t, const char *to, char *buf, size_t size)
{
    struct address address;
    struct address_host host = {0};
    size_t len;

    if (t->options->name.data)
        return t->options->name.data;
    *buf = '\0';
    switch (address_parse_peer(to, &address, &host, NULL)) {
    case 1:
        snprintf(buf, size, "%s", host.name);
        break;
    case 0:
        if (!address_is_tcp(&address))
            break;
        address_set_port(&address, 0);
        address_format(&address.sa, address.len, buf, size);
        len = strlen(buf);
        if (len > 2)
            buf[len - 2] = '\0'; /* ":0" */
        if (*buf == '[')
            memmove(buf, buf + 1, strlen(buf)), buf[strcspn(buf, "]")] = '\0';
        break;
    default:
        break;
    }
    return buf;
}

int
host_tls_new(struct goevd_self *self, const char *option, const struct goevd_tls_options *options,
             const char *to, struct goevd_tls **ret_tls)
{
    struct host_tls t = {.self = self, .option = option, .options = options};
    struct plugins *p = host_self(self)->plugins;
    char buf[ADDRESS_TEXT_MAX];
    const char *name = host_tls_name(&t, to, buf, sizeof(buf));
    struct goevd_tls *tls;
    int r;

    assert(p->errors); /* in create */
    if (!*name)
        return host_tls_refuse(&t, "name", "is needed, because %s is no host", to);
    tls = calloc(1, sizeof(*tls));
    if (!tls)
        return -ENOMEM;
    r = host_tls_connect(&t, name, tls);
    if (r < 0) {
        free(tls);
        return r;
    }
    tls->next = p->tls;
    p->tls = tls;
    *ret_tls = tls;
    return 0;
}

const struct tls_connect *
host_tls_get(const struct goevd_tls *tls)
{
    return tls ? tls->connect : NULL;
}

void
host_tls_free(struct plugins *p)
{
    while (p->tls) {
        struct goevd_tls *tls = p->tls;

        p->tls = tls->next;
        tls_connect_free(tls->connect);
        free(tls);
    }
}
