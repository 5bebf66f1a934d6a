/* The state of an HTTP/2 connection.
 *
 *   h2.c          the state of a poller; begins and ends a connection
 *   callbacks.c   libnghttp2's reports of frames read
 *   block.c       the fields of a header block, and the request that they make
 *   request.c     finds the reply or handler for a request
 *   stream.c      a stream: the content that waits for the client, and for the handler
 *   body.c        passes a request's content to its exchange
 *   wire.c        the functions that an exchange calls
 *   reply.c       the head of a reply, and replies that no handler makes
 *   output.c      takes frames from libnghttp2 and queues them for the socket
 *   guard.c       counts frames that cost the server more than the client
 *   turn.c        one callback of the connection, from input to output
 *
 * Only these files name a type of libnghttp2. No handler runs inside a callback of libnghttp2: the
 * callbacks record events, and the turn acts on them.
 *
 *   bytes -> [ one frame -> nghttp2_session_mem_recv() -> callbacks.c records ] -> turn.c
 *              turn.c: request.c, body.c -> exchange -> wire.c -> stream.c
 *   turn.c -> output.c -> nghttp2_session_mem_send() -> stream.c gives content -> the connection
 */
#pragma once

#include <nghttp2/nghttp2.h>

#include <goevd/plugin.h>

#include "http/exchange/exchange.h"
#include "http/h2/guard.h"
#include "http/h2/h2.h"

struct http_h2_marker;
struct http_h2_stream;

/* State of HTTP/2 on one poller, accessed by its poller only. */
struct http_h2_local {
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    struct http_request *request; /* the one being read; valid within one turn */
    char *scratch;                /* for its path */
    const struct http_site *site; /* of the host that the request remembers */
    struct http_request_info info;
    struct http_buffer names;  /* of the fields of a reply's head, in lower case */
    struct http_buffer fields; /* of a reply's head, for libnghttp2: nghttp2_nv */
};

/* A header block while it is decoded; then the request or trailers that it holds. */
struct http_h2_block {
    struct http_buffer text;   /* names and values, one behind the other */
    struct http_buffer fields; /* of struct http_h2_field */
    struct http_buffer cookie; /* its crumbs, joined */
    struct http_h2_span {
        size_t at;
        size_t len;
        bool seen;
    } method, scheme, authority, path;
    size_t bytes; /* of all fields, counted as SETTINGS_MAX_HEADER_LIST_SIZE counts */
    size_t count; /* of all fields */
    int verdict;  /* an enum http_verdict if a limit is exceeded: no further field is stored */
    bool trailers;
};

enum http_h2_conn_flags {
    HTTP_H2_INSIDE = 1 << 0,  /* a turn runs */
    HTTP_H2_KICKED = 1 << 1,  /* the timer that begins a turn is armed */
    HTTP_H2_TICKING = 1 << 2, /* the timer that looks for late peers is armed */
    HTTP_H2_STOP = 1 << 3,    /* the first GOAWAY was sent: no new stream is begun soon */
    HTTP_H2_LAST = 1 << 4,    /* the last GOAWAY was sent */
    HTTP_H2_FAILED = 1 << 5,  /* the connection closes when its output is sent */
    HTTP_H2_EOF = 1 << 6,     /* the client sends no more */
    HTTP_H2_ACKED = 1 << 7,   /* the client has acknowledged the settings */
    HTTP_H2_PINCHED = 1 << 8  /* a stream sleeps because a window is too small for a frame */
};

struct http_h2_conn {
    struct goevd_conn *c;
    struct http_local *local;
    nghttp2_session *session;
    unsigned flags; /* enum http_h2_conn_flags */
    struct http_h2_stream *streams;
    unsigned stream_count;
    struct http_h2_stream *work; /* those that the turn has to see to */
    struct http_h2_stream **work_end;
    struct http_h2_block block;
    uint64_t block_since_ns; /* when the block began that is not complete; 0: there is none */
    struct http_h2_stream *request;  /* whose header block is complete */
    struct http_h2_stream *trailers; /* ... whose trailers are */
    struct {
        struct http_h2_stream *stream; /* NULL: none */
        const char *data;
        size_t len;
    } chunk; /* content of a DATA frame, in the bytes that were read */
    struct http_h2_guard guard;
    size_t frame_left;         /* bytes of the present frame that are to come */
    uint64_t opened_ns;        /* when the connection began */
    uint64_t requests;         /* so far */
    size_t window_raised;      /* bytes by which the windows of streams were raised */
    struct http_buffer unsent; /* bytes of frames that the connection had no room for */
    size_t unsent_at;
    struct http_buffer batch; /* bytes of frames that are not queued yet */
    size_t pulled;            /* bytes that this turn has taken from libnghttp2 */
    struct http_h2_marker
        *marker; /* bytes whose release shows that the socket has taken output; or NULL */
};

static inline struct http_h2_local *
http_h2_conn_local(const struct http_h2_conn *conn)
{
    return conn->local->h2;
}

static inline const struct http_options_http2 *
http_h2_conn_options(const struct http_h2_conn *conn)
{
    return conn->local->http->options->http2;
}

/* ---- Turns, turn.c --------------------------------------------------------------------------- */

/* Timers of the connection have cookies whose two low bits are these; those of an exchange are
 * others. */
#define HTTP_H2_COOKIE_MASK 3U
#define HTTP_H2_COOKIE 3U
#define HTTP_H2_COOKIE_KICK (HTTP_H2_COOKIE | 1U << 2)
#define HTTP_H2_COOKIE_TICK (HTTP_H2_COOKIE | 2U << 2)

/* Let the turn that runs see to a stream, or one that begins soon. */
void http_h2_turn_want(struct http_h2_conn *conn, struct http_h2_stream *stream);

/* Begin a turn, unless one runs; then end it. The connection closes in the end where it has to. */
void http_h2_turn_begin(struct http_h2_conn *conn);
int http_h2_turn_end(struct http_h2_conn *conn);

/* Act on the recorded events. */
void http_h2_turn_work(struct http_h2_conn *conn);

/* Let a turn begin soon. */
void http_h2_turn_kick(struct http_h2_conn *conn);

/* End the connection for an error of the client: GOAWAY with a code and words for people. */
void http_h2_turn_fail(struct http_h2_conn *conn, uint32_t code, const char *words);

/* ---- The session, callbacks.c ---------------------------------------------------------------- */

/* Make the callbacks and options that sessions of a poller share. 0; -ENOMEM. */
int http_h2_callbacks_init(struct http_h2_local *h2);

/* Send the settings of the server. 0 or an error of libnghttp2. */
int http_h2_callbacks_settings(struct http_h2_conn *conn);
