/* A connection: a socket that belongs to one poller from its first callback to its last.
 *
 * All functions run on the connection's poller. They are documented where plugins see them, in
 * goevd/plugin.h; here are facts for the host alone. conn_parts.h has a map of the files and
 * a picture of the states.
 */
#pragma once

#include <assert.h>

#include <goevd/plugin.h>

#include "ev/poller.h"
#include "net/address.h"
#include "net/bytes/outq.h"
#include "net/conn/net.h"
#include "net/conn/service.h"
#include "net/conn/transport.h"

enum conn_flags {
    CONN_OPENED = 1 << 0,       /* on_open has run */
    CONN_LISTED = 1 << 1,       /* on the net's list of connections with work left */
    CONN_PAUSED = 1 << 2,       /* by the handler */
    CONN_THROTTLED = 1 << 3,    /* by the high mark */
    CONN_EOF = 1 << 4,          /* the peer has sent its last byte */
    CONN_EOF_TOLD = 1 << 5,     /* ... and the handler knows */
    CONN_AGAIN = 1 << 6,        /* the tail is to be delivered again */
    CONN_TELL_DRAINED = 1 << 7, /* on_drained is owed at the low mark */
    CONN_SHUT = 1 << 8,         /* output ends after the queue */
    CONN_SHUT_DONE = 1 << 9,    /* ... and has ended */
    CONN_CLOSING = 1 << 10,     /* no more callbacks but on_close */
    CONN_CLOSE_NOW = 1 << 11,   /* drop the queue */
    CONN_CLOSE_DONE = 1 << 12,  /* need not linger */
    CONN_LINGERING = 1 << 13,   /* shut down, waiting for the peer's end */
    CONN_UPGRADING = 1 << 14,   /* another service takes over after the callback */
    CONN_STOPPING = 1 << 15,    /* on_stop is due or has run */
    CONN_STOP_TOLD = 1 << 16,
    CONN_OWN_STATE = 1 << 17,  /* the state is not beside the connection */
    CONN_UNREAD = 1 << 18,     /* the last read filled its buffer: more may wait in the socket */
    CONN_BLOCKED = 1 << 19,    /* the socket took no more: EPOLLOUT is awaited */
    CONN_DEAD = 1 << 20,       /* gone; its memory waits to leave the list */
    CONN_GIVEN_BACK = 1 << 21, /* its socket goes back to its owner, see transport_lent */
    CONN_REFUSED = 1 << 22,    /* the input is no frame: nothing more is read */
    CONN_TALLIED = 1 << 24,    /* it counts among those of its client */
    CONN_REJECTED = 1 << 25,   /* its handler can do nothing with it, see transport_lent */
    CONN_DISK = 1 << 23, /* the next bytes are on a disk: nothing is written until they are here */
    CONN_BULK = 1 << 27, /* bytes come in bulk: on_bulk is called before anything is read */
    CONN_HUNG_UP = 1 << 26, /* both directions have ended, which epoll would report for ever */
};

#define CONN_REASON_SHIFT 28

struct tail;

/* As much of an address as is kept; of a unix one only the family. */
struct conn_address {
    uint8_t family;
    uint16_t port;  /* network order */
    uint32_t scope; /* IPv6 */
    uint8_t ip[16];
};

/* Its size is part of the cost of an idle connection: the host's own promise is 200 bytes in all.
 */
struct conn {
    struct watch watch;
    struct service *service;
    void *state;       /* the handler's */
    struct outq *outq; /* NULL while nothing is queued */
    struct tail *tail; /* NULL while nothing is kept unread and no need is set */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint32_t flags;       /* enum conn_flags, and the reason in the highest bits */
    uint32_t active_tick; /* of net_tick(), when bytes last moved, or lingering began */
    struct conn *next;    /* on the net's list */
    union {
        struct conn_timer *timers;
        uint64_t linger_waiting; /* while it lingers: output that the peer had not acknowledged */
    };
    uint64_t deadline_ns; /* the handler's, or that of closing; 0: none */
    struct timer timer;   /* due no later than the next of deadlines and time-outs; its note is
                             when the connection was opened, of conn_age_clock() */
    struct conn_address peer;
};

/* Of its watch; no other watch has it. */
void conn_event(struct watch *w, uint32_t events);

/* Is it a connection that has not been freed? */
static inline bool
conn_is_one(const struct conn *c)
{
    return c->watch.fn == conn_event;
}

/* The state of a connection before on_open; NULL: zeroes. */
struct conn_seed {
    const void *state; /* the first bytes of the handler's */
    size_t state_len;
    struct transport_owner *owner; /* of the socket, with transport_lent */
    bool tallied;                  /* it counts among those of its client */
    uint64_t deadline_ns;          /* of its handshake; 0: the transport's own */
};

/* Take over a connected, non-blocking socket. On failure the socket is closed, and no callback has
 * run. -ENOMEM, or an error of epoll_ctl(2). */
int conn_open(struct service *s, int fd, const struct sockaddr *peer, const struct conn_seed *seed);

/* The connection of an id on this poller, or NULL; a closing one too. */
struct conn *conn_find(struct poller *p, uint64_t id);

int conn_write(struct conn *c, const void *data, size_t len);
int conn_write_now(struct conn *c, const void *data, size_t len);
int conn_splice(struct conn *from, struct conn *to, size_t *ret_moved);
void *conn_reserve(struct conn *c, size_t len);
int conn_commit(struct conn *c, size_t len);
int conn_write_shared(struct conn *c, const void *data, size_t len, goevd_release_fn release,
                      void *arg);
int conn_write_file(struct conn *c, int fd, off_t offset, size_t len, goevd_release_fn release,
                    void *arg);
size_t conn_queued(const struct conn *c);
int conn_shutdown(struct conn *c);
int conn_write_frame(struct conn *c, const void *data, size_t len);

/* The same without a copy: before data there is room for FRAME_HEAD_MAX bytes, and behind it for
 * GOEVD_DELIMITER_MAX. */
int conn_write_frame_shared(struct conn *c, char *data, size_t len, goevd_release_fn release,
                            void *arg);

void conn_need(struct conn *c, size_t len);
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);

void conn_deadline(struct conn *c, uint64_t delay_ns);
int conn_timer_arm(struct conn *c, uint64_t cookie, uint64_t delay_ns, uint64_t period_ns);
void conn_timer_cancel(struct conn *c, uint64_t cookie);

socklen_t conn_peer_address(const struct conn *c, struct sockaddr_storage *ret_address);
socklen_t conn_local_address(const struct conn *c, struct sockaddr_storage *ret_address);
struct goevd_str conn_tls(struct conn *c, enum goevd_tls_fact fact);
socklen_t conn_proxy_address(const struct conn *c, struct sockaddr_storage *ret_address);
int conn_setsockopt(struct conn *c, int level, int name, const void *value, socklen_t len);

/* Give the connection to another service when the present callback has returned. */
int conn_upgrade(struct conn *c, struct service *to, const void *state, size_t len);

/* `flags` of goevd_conn_close(); the first reason stays. */
void conn_close(struct conn *c, unsigned flags, enum goevd_reason reason);

/* End the connection, but not its socket: that goes back to its owner. 0; -EINVAL for one that has
 * no owner; -EBUSY while output is queued; -EPIPE once it is closing. */
int conn_give_back(struct conn *c);

/* End the connection, and let the owner of its socket know that the peer cannot serve. 0; -EINVAL
 * for one that has no owner; -EPIPE once it is closing. */
int conn_reject(struct conn *c);

/* Call on_stop of the handler, soon and once. */
void conn_stop(struct conn *c);

/* Facts about a connection, in a copy that any thread may read. */
struct conn_row {
    uint64_t id;
    const char *listener; /* NULL: it was opened from here */
    const char *plugin;   /* that serves it */
    struct address peer;
    struct address local; /* len 0: the kernel does not know it */
    uint64_t age_ns;      /* to 67 ms */
    uint64_t idle_ns;     /* to 1 ms */
    uint64_t bytes_in;
    uint64_t bytes_out;
    size_t queued;  /* output, bytes of memory */
    uint32_t flags; /* enum conn_flags */
};

void conn_row_take(const struct conn *c, struct conn_row *ret);

/* The words for flags, separated by commas; "-" for none. Returns buf. */
#define CONN_ROW_STATE_MAX 96
const char *conn_row_state(uint32_t flags, char buf[CONN_ROW_STATE_MAX]);

/* The limits of its service have changed: check its waits again. */
void conn_limits_changed(struct conn *c);

/* ---- For callers that run callbacks, and for transports -------------------------------------- */

static inline struct poller *
conn_poller(const struct conn *c)
{
    return c->service->net->poller;
}

static inline const struct goevd_stream *
conn_stream(const struct conn *c)
{
    return c->service->stream;
}

/* How plugins see it. */
static inline struct goevd_conn *
conn_public(struct conn *c)
{
    return (struct goevd_conn *)c;
}

/* Let other threads see which callback of its handler runs, until place_leave(). */
static inline void
conn_place(struct conn *c, const char *callback)
{
    place_enter(&c->service->net->poller->place, c->service->owner, callback, c->watch.id);
}

/* Begin and end a callback, outside any other. After the end the connection may be gone: false. */
static inline void
conn_enter(struct conn *c, const char *callback)
{
    assert(!c->service->net->entered);
    c->service->net->entered = c;
    conn_place(c, callback);
}
bool conn_leave(struct conn *c);

/* Let c->timer be due no later than the first deadline. 0; -ENOMEM if it was never armed. */
int conn_timer_update(struct conn *c);

void conn_address_set(struct conn_address *a, const struct sockaddr *sa);
socklen_t conn_address_get(const struct conn_address *a, struct sockaddr_storage *ret_address);

/* For transports that seal: send bytes of the wire, behind those that wait already. Bytes that the
 * socket does not take are queued before all that are not sealed. 0; -EAGAIN: some wait; another
 * negative errno. */
int conn_send_sealed(struct conn *c, const char *data, size_t len);

static inline void *
conn_transport_state(struct conn *c)
{
    return c + 1;
}

static inline void *
conn_prologue_state(struct conn *c)
{
    return (char *)(c + 1) + c->service->transport->state_bytes;
}
