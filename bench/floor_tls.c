/* The limit for TLS: the loop of floor.c with OpenSSL, the same modes, buffers and tickets as
 * goevd, and nothing else. FLOOR_PEM names the file with certificate and key. floor.h describes the
 * arguments.
 */
#include "floor.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUT_BYTES (4 * (16384 + 512))

/* As long as goevd's replies to GET /plaintext. */
static const char reply[] = "HTTP/1.1 200 OK\r\n"
                            "Server: goevd\r\n"
                            "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                            "Content-Type: text/plain\r\n"
                            "Content-Length: 13\r\n"
                            "\r\n"
                            "Hello, World!";

/* Of a thread. */
struct local {
    SSL_CTX *ctx;
    BIO *bio;
    const char *in;
    size_t in_len;
    size_t out_len;
    char out[OUT_BYTES];
};

static _Thread_local struct local local;
static SSL *connections[FLOOR_FDS_MAX];

static int
bio_read(BIO *bio, char *buf, int len)
{
    size_t n = local.in_len < (size_t)len ? local.in_len : (size_t)len;

    BIO_clear_retry_flags(bio);
    if (n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(buf, local.in, n);
    local.in += n;
    local.in_len -= n;
    return (int)n;
}

static int
bio_write(BIO *bio, const char *data, int len)
{
    if (local.out_len + (size_t)len > sizeof(local.out))
        return -1;
    BIO_clear_retry_flags(bio);
    memcpy(local.out + local.out_len, data, (size_t)len);
    local.out_len += (size_t)len;
    return len;
}

static long
bio_ctrl(BIO *bio, int command, long number, void *arg)
{
    (void)bio, (void)number, (void)arg;
    return command == BIO_CTRL_FLUSH;
}

static void
local_begin(void)
{
    const char *pem = getenv("FLOOR_PEM");
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "floor");

    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
    local.bio = BIO_new(method);
    BIO_set_init(local.bio, 1);
    local.ctx = SSL_CTX_new(TLS_server_method());
    if (!pem || SSL_CTX_use_certificate_chain_file(local.ctx, pem) != 1 ||
        SSL_CTX_use_PrivateKey_file(local.ctx, pem, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "floor_tls: FLOOR_PEM names no file with certificate and key\n");
        exit(1);
    }
    SSL_CTX_set_mode(local.ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(local.ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(local.ctx, 1);
}

static void
floor_end(int fd)
{
    SSL_free(connections[fd]);
    connections[fd] = NULL;
    close(fd);
}

static bool
send_out(int fd)
{
    size_t len = local.out_len;

    local.out_len = 0;
    return len == 0 || send(fd, local.out, len, MSG_NOSIGNAL) == (ssize_t)len;
}

void
floor_open(int fd)
{
    connections[fd] = NULL;
}

/* False: the connection has ended. A request is expected to come in one record. */
static bool
serve(SSL *ssl)
{
    char plain[16384];
    int n;

    if (!SSL_is_init_finished(ssl) && SSL_do_handshake(ssl) != 1)
        return SSL_get_error(ssl, -1) == SSL_ERROR_WANT_READ;
    while (local.in_len > 0 || SSL_pending(ssl) > 0) {
        n = SSL_read(ssl, plain, sizeof(plain));
        if (n <= 0)
            return SSL_get_error(ssl, n) == SSL_ERROR_WANT_READ;
        if (n >= 4 && memcmp(plain + n - 4, "\r\n\r\n", 4) == 0)
            SSL_write(ssl, reply, sizeof(reply) - 1);
    }
    return true;
}

void
floor_serve(struct floor_read *r, int fd)
{
    ssize_t got = recv(fd, r->data, FLOOR_READ_BYTES, 0);
    bool alive;

    if (!local.ctx)
        local_begin();
    if (got <= 0) {
        floor_end(fd);
        return;
    }
    if (!connections[fd]) {
        connections[fd] = SSL_new(local.ctx);
        BIO_up_ref(local.bio);
        SSL_set_bio(connections[fd], local.bio, local.bio);
        SSL_set_accept_state(connections[fd]);
    }
    local.in = r->data;
    local.in_len = (size_t)got;
    alive = serve(connections[fd]);
    if (!send_out(fd) || !alive)
        floor_end(fd);
    ERR_clear_error();
}

int
main(int argc, char **argv)
{
    return floor_main(argc, argv);
}
