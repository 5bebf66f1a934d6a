/* OpenSSL's input and output: memory of the poller, so that one recv(2) brings many records and one
 * send(2) takes them. */
#include <string.h>

#include "net/tls/tls_parts.h"

static BIO_METHOD *tls_method;

static int
tls_bio_read(BIO *bio, char *buf, int len)
{
    struct tls_poller *p = BIO_get_data(bio);
    size_t n = MIN(p->in_len, (size_t)len);

    BIO_clear_retry_flags(bio);
    if (n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(buf, p->in, n);
    p->in += n;
    p->in_len -= n;
    return (int)n;
}

static int
tls_bio_write(BIO *bio, const char *data, int len)
{
    struct tls_poller *p = BIO_get_data(bio);
    size_t n = MIN(sizeof(p->out_buffer) - p->out_len, (size_t)len);

    BIO_clear_retry_flags(bio);
    if (n == 0) {
        BIO_set_retry_write(bio);
        return -1;
    }
    memcpy(p->out_buffer + p->out_len, data, n);
    p->out_len += n;
    return (int)n;
}

static long
tls_bio_ctrl(BIO *bio, int command, long number, void *arg)
{
    (void)bio;
    (void)number;
    (void)arg;
    return command == BIO_CTRL_FLUSH;
}

__attribute__((constructor)) static void
tls_bio_begin(void)
{
    tls_method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "poller");
    if (!tls_method)
        return;
    BIO_meth_set_read(tls_method, tls_bio_read);
    BIO_meth_set_write(tls_method, tls_bio_write);
    BIO_meth_set_ctrl(tls_method, tls_bio_ctrl);
}

static void
tls_poller_free(void *arg)
{
    struct tls_poller *p = arg;

    BIO_free(p->bio);
    free(p);
}

struct tls_poller *
tls_poller_of(struct net *net)
{
    struct tls_poller *p = net->tls;

    if (p)
        return p;
    p = malloc(sizeof(*p));
    if (!p)
        return NULL;
    p->in_len = p->out_len = 0;
    p->bio = tls_method ? BIO_new(tls_method) : NULL;
    if (!p->bio) {
        free(p);
        return NULL;
    }
    BIO_set_data(p->bio, p);
    BIO_set_init(p->bio, 1);
    net->tls = p;
    net->tls_free = tls_poller_free;
    return p;
}
