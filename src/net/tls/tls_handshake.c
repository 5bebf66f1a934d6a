#include <errno.h>
#include <string.h>

#include "net/tls/tls_parts.h"

int
tls_new(struct conn *c)
{
    const struct tls_poller *p = c->service->net->tls;
    struct tls_state *s = tls_state(c);

    s->ssl = SSL_new(tls_context_of(c)->ctx);
    if (!s->ssl)
        return -ENOMEM;
    SSL_set_app_data(s->ssl, c);
    BIO_up_ref(p->bio);
    SSL_set_bio(s->ssl, p->bio, p->bio);
    return 0;
}

static int
tls_begin(struct conn *c)
{
    if (tls_new(c) < 0)
        return -ENOMEM;
    SSL_set_accept_state(tls_state(c)->ssl);
    return 0;
}

static void
tls_shaken(struct conn *c)
{
    struct tls_state *s = tls_state(c);

    s->shaken = true;
    c->deadline_ns = 0; /* it is the handler's from now on */
    c->active_tick = net_tick(c->service->net);
    if (tls_context_of(c)->server)
        tls_count(c, SSL_session_reused(s->ssl) ? NET_TLS_RESUMED : NET_TLS_FULL);
}

/* With the input that is there. 0: done; -EAGAIN: more is needed. */
static int
tls_shake(struct conn *c, struct tls_poller *p)
{
    struct tls_state *s = tls_state(c);
    int error, r;

    do {
        int n = SSL_do_handshake(s->ssl);

        error = n == 1 ? SSL_ERROR_NONE : SSL_get_error(s->ssl, n);
        if (tls_is_error(error))
            tls_report_failure(c);
        r = tls_leave(c, p);
    } while (error == SSL_ERROR_WANT_WRITE && r == 0 && !c->outq);
    if (tls_is_error(error))
        return tls_fail(c);
    if (r < 0 || error != SSL_ERROR_NONE)
        return r < 0 ? r : -EAGAIN;
    tls_shaken(c);
    return 0;
}

/* ---- HTTP without TLS ------------------------------------------------------------------------ */

/* Put the kept bytes before those that have just come. */
static void
tls_join(const struct tls_state *s, struct tls_poller *p)
{
    size_t kept = s->kept ? s->kept->len : 0;

    if (kept == 0)
        return;
    memmove(p->in_buffer + kept, p->in, p->in_len);
    memcpy(p->in_buffer, s->kept->data, kept);
    p->in = p->in_buffer;
    p->in_len += kept;
}

/* A request is kept until it can be answered. */
static int
tls_clear(struct conn *c, struct tls_poller *p)
{
    struct tls_state *s = tls_state(c);

    if (!tls_clear_answer(c, p->in, p->in_len))
        return tls_keep(s, p) < 0 ? -ENOMEM : -EAGAIN;
    tls_report(c, NET_TLS_CLEAR, "the client sent HTTP without TLS");
    return tls_fail(c);
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static int
tls_step(struct conn *c)
{
    struct tls_poller *p = tls_enter(c);
    struct tls_state *s = tls_state(c);
    size_t room = s->ssl ? sizeof(p->in_buffer) : TLS_CLEAR_MAX;
    ssize_t n;

    if (s->ssl && SSL_want_write(s->ssl)) /* a flight that was longer than the buffers */
        return tls_shake(c, p);
    n = tls_receive(c, p, room);
    if (n <= 0)
        return n == 0 ? -ECONNRESET : (int)n;
    if (!s->ssl) {
        tls_join(s, p);
        if (tls_is_clear(p->in))
            return tls_clear(c, p);
        if (tls_begin(c) < 0)
            return -ENOMEM;
    }
    return tls_shake(c, p);
}

/* The client speaks first. */
static int
tls_connect_step(struct conn *c)
{
    struct tls_poller *p = tls_enter(c);
    bool first = !tls_state(c)->ssl;
    ssize_t n;

    if (first && tls_connect_begin(c) < 0)
        return -ENOMEM;
    if (!first && !SSL_want_write(tls_state(c)->ssl)) {
        n = tls_receive(c, p, sizeof(p->in_buffer));
        if (n <= 0)
            return n == 0 ? -ECONNRESET : (int)n;
    }
    return tls_shake(c, p);
}

/* The time begins with the first attempt. 0; -ENOMEM. */
static int
tls_time(struct conn *c)
{
    const struct tls_server *server = tls_context_of(c)->server;
    struct tls_state *s = tls_state(c);

    if (s->timed)
        return 0;
    s->timed = true;
    if (server)
        c->deadline_ns = conn_poller(c)->now_ns + server->policy.handshake_timeout_ns;
    return conn_timer_update(c);
}

/* A connection that ends without a byte is a probe, or a client that has changed its mind. */
static int
tls_ended(struct conn *c, int error)
{
    struct tls_state *s = tls_state(c);

    s->error = (int16_t)error;
    tls_report(c, NET_TLS_CLOSED, s->ssl ? "the peer closed the connection" : NULL);
    return error;
}

static int
tls_attempt(struct conn *c, int (*step)(struct conn *c))
{
    int r = tls_time(c);

    if (r < 0)
        return r;
    if (c->outq)
        conn_flush(c);
    if (c->flags & CONN_CLOSING)
        return -EAGAIN;
    r = c->outq ? -EAGAIN : step(c);
    if (c->flags & CONN_CLOSING)
        return -EAGAIN;
    if (r == -EAGAIN && c->deadline_ns && c->deadline_ns <= conn_poller(c)->now_ns) {
        tls_state(c)->error = -ETIMEDOUT;
        tls_report(c, NET_TLS_TIMEOUT, "no whole handshake within handshake_timeout");
        return -ETIMEDOUT;
    }
    return r < 0 && r != -EAGAIN ? tls_ended(c, r) : r;
}

int
tls_handshake(struct conn *c)
{
    return tls_attempt(c, tls_step);
}

int
tls_connect_handshake(struct conn *c)
{
    return tls_attempt(c, tls_connect_step);
}
