/* Connections that plugins have opened: which handlers serve them on each poller. */
#pragma once

#include "net/conn/conn.h"
#include "plug/instance.h"

/* The use of a connected socket: the handler that a plugin has named, and how its state begins. */
struct outgoing {
    struct instance *instance;
    const struct goevd_stream *original; /* NULL: the plugin's GOEVD_STREAM */
    struct goevd_stream stream;          /* the host's copy */
    const struct tls_connect *tls; /* NULL: plain */
    uint64_t deadline_ns;          /* of its handshake */
    size_t state_len;
    char *state; /* as large as the stream's */
};

/* 0; -EINVAL for a stream that is none, or too much state; -ENOMEM. */
int outgoing_init(struct outgoing *o, struct instance *i, const struct goevd_stream *stream,
                  const void *state, size_t state_len);
void outgoing_fini(struct outgoing *o);

/* [poller p] Serve the socket; `owner` if it is lent, see net/conn/transport.h. 0; negative, and it
 * is closed: no callback has run, and the owner has not been notified. */
int outgoing_open(struct outgoing *o, struct poller *p, int fd, const struct address *peer,
                  struct transport_owner *owner);

/* [poller p] Notify the handler that there will be no connection. */
void outgoing_fail(struct outgoing *o, struct poller *p, int error);

/* Free the services of a poller, this and those behind it, when their net is gone; NULL does
 * nothing. */
void outgoing_services_free(struct outgoing_service *s);
