/* Connections that plugins have opened: which handlers serve them on each poller. */
#pragma once

#include "net/conn.h"
#include "plug/plugins.h"

/* How the connections of one handler on one poller are served. */
struct outgoing {
    struct outgoing *next;
    struct instance *instance;
    const struct goevd_stream *original; /* as the plugin named it; NULL: its GOEVD_STREAM */
    const struct transport *transport;
    struct goevd_stream stream; /* the host's copy */
    struct service *service;
};

/* The host's copy of the handler that a plugin names; NULL: its GOEVD_STREAM. 0; -EINVAL. */
int outgoing_stream(const struct instance *i, const struct goevd_stream *stream,
                    struct goevd_stream *ret);

/* [poller p] 0; -EINVAL for a stream that is none; -ENOMEM. */
int outgoing_find(struct instance *i, struct poller *p, const struct goevd_stream *stream,
                  const struct transport *transport, struct outgoing **ret);

/* [poller p] Serve a connected socket. The fd is taken; what conn_open() says. */
int outgoing_open(struct outgoing *o, struct poller *p, int fd, const struct address *peer,
                  const struct conn_seed *seed);

/* This one and those behind it, when their net is gone; NULL does nothing. */
void outgoing_free(struct outgoing *o);
