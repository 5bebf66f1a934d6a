/* A request that a handler has, and its reply: what handlers see as struct goevd_http_request.
 *
 *   exchange.c        its life: from handler to handler, over several turns, to its end
 *   keep_head.c       what is kept of its head from one turn to the next
 *   body_in.c         the body in
 *   reply_head.c      the head of the reply
 *   reply_out.c       the reply out
 *   compression.c     ... through zlib
 *   api.c             the functions that handlers call
 *
 * Most requests are answered in on_request: then the exchange is the poller's, used for one after
 * the other, and its head lies in what was read. One that lasts is attached to its connection; when
 * the turn ends its head is copied, and the poller takes another.
 */
#pragma once

#include <goevd/http.h>

#include "http/h1/batch.h"
#include "http/message/buffer.h"
#include "http/message/gzip.h"
#include "http/route/handlers.h"

/* Memory that an exchange keeps for the next request. */
#define HTTP_EXCHANGE_KEEP_BYTES 16384

/* Exchanges of one poller that last at the same time: what a number can tell apart. */
#define HTTP_EXCHANGE_SLOTS_MAX ((size_t)1 << 20)

/* Header lines that a handler may add. */
#define HTTP_EXCHANGE_FIELDS_MAX 16384

/* Cookies of timers of the connection. */
#define HTTP_EXCHANGE_TIMER 1 /* goevd_http_timer() */
#define HTTP_EXCHANGE_KICK 2  /* what has to be done in a callback of the connection */

/* 0 is the common case: GET, HTTP/1.1, no body, keep the connection. */
enum http_exchange_flags {
    /* what the head says */
    HTTP_X_HEAD = 1 << 0,
    HTTP_X_OLD = 1 << 1,      /* HTTP/1.0 */
    HTTP_X_TELL = 1 << 2,     /* HTTP_PERSIST_TOLD */
    HTTP_X_CLOSE = 1 << 3,    /* the connection ends after the reply */
    HTTP_X_LENGTH = 1 << 4,   /* a body of body.left bytes is still to be read */
    HTTP_X_CHUNKED = 1 << 5,  /* or a chunked one */
    HTTP_X_CONTINUE = 1 << 6, /* the client waits for 100 */
    HTTP_X_BODY = HTTP_X_LENGTH | HTTP_X_CHUNKED,
    /* its body */
    HTTP_X_READ = 1 << 7,     /* the handler wants it */
    HTTP_X_GATHER = 1 << 8,   /* ... in one piece */
    HTTP_X_HELD = 1 << 9,     /* ... but no more for now */
    HTTP_X_HAD_ALL = 1 << 10, /* ... and has had it all */
    /* its reply */
    HTTP_X_FIELDS = 1 << 11, /* header lines were added, or will be */
    HTTP_X_BEGUN = 1 << 12,  /* the head has gone out */
    HTTP_X_SILENT = 1 << 13, /* content is left out */
    HTTP_X_SIZED = 1 << 14,  /* reply_left bytes of content are to follow */
    HTTP_X_CHUNKS = 1 << 15, /* content goes out in chunks */
    HTTP_X_ENDED = 1 << 16,  /* the handler has said all */
    HTTP_X_DRAIN = 1 << 17,  /* on_drained is owed */
    /* what is to happen */
    HTTP_X_NEXT = 1 << 18,    /* the next handler's turn */
    HTTP_X_BROKEN = 1 << 19,  /* it ends with `verdict`, or without a reply if that is 0 */
    HTTP_X_UPGRADE = 1 << 20, /* the connection goes to upgrade_to */
    /* where it is */
    HTTP_X_ATTACHED = 1 << 21, /* its connection knows it */
    HTTP_X_KEPT = 1 << 22,     /* its head is a copy */
    HTTP_X_DEFERRED = 1 << 23, /* on local->deferred */
    HTTP_X_NAMED = 1 << 24,    /* somebody knows its number */
    HTTP_X_TIMER = 1 << 25,    /* HTTP_EXCHANGE_TIMER was armed */
    HTTP_X_INFORMED = 1 << 27, /* `info` is set */
    HTTP_X_WRONG = 1 << 26,    /* broken, for its content is not as long as was announced */
    HTTP_X_GZIP = 1 << 28,     /* its head says that it is compressed */
    HTTP_X_USER = 1 << 29,     /* somebody has said whose it is */
    /* no reply can begin any more */
    HTTP_X_LOST = HTTP_X_BEGUN | HTTP_X_ENDED | HTTP_X_NEXT | HTTP_X_BROKEN
};

/* Content by reference that the connection had no room for. */
struct http_segment {
    const void *data; /* NULL: of a file */
    int fd;
    off_t offset;
    size_t len; /* 0: there is none */
    goevd_release_fn release;
    void *arg;
};

struct http_exchange {
    struct http_h1_batch *turn; /* that runs; NULL: none */
    struct goevd_conn *c;       /* set when it is attached, as is conn; see http_exchange_c() */
    struct http_h1_conn *conn;
    struct http_local *local;
    struct http_request *req;           /* the poller's, or the copy */
    const struct http_handler *handler; /* whose turn it is */
    char *state;                        /* of all handlers of the chain */
    size_t state_room;
    uint32_t flags; /* enum http_exchange_flags */
    int verdict;    /* why it is broken: an enum http_verdict; -EPIPE: the connection is; 0 */
    size_t head_len;
    const char *head; /* what was read, until its head is kept */

    union {
        uint64_t left;
        struct http_chunked chunked;
    } body;
    uint64_t body_came;     /* bytes of content so far */
    uint64_t body_max;      /* that may come */
    uint64_t body_since_ns; /* when reading began; moved on by the time that the handler took */
    uint64_t held_since_ns;
    struct http_buffer gathered;
    struct http_buffer trailers; /* as they came, with the empty line */

    int status; /* of its reply; 0: none has begun; counts with HTTP_X_INFORMED, as does the next */
    uint64_t sent; /* bytes of content */
    uint64_t reply_left;
    struct http_buffer fields; /* header lines, later trailers */
    struct http_buffer rest;   /* of the output, behind `segment`; from rest_at on */
    size_t rest_at;
    struct http_segment segment;
    struct http_gzip_stream *gzip; /* what its content goes through; NULL: it does not */
    struct http_segment source;    /* content that is yet to go through it */
    bool gzip_dirty;               /* it keeps back some of what was written */
    bool gzip_full;                /* `source` waits until the client has taken more */
    struct goevd_plugin *upgrade_to;
    const void *upgrade_state; /* the handler's own */
    size_t upgrade_len;

    struct http_request_info info;
    struct http_buffer user;    /* whose it is, as a handler has found */
    struct http_buffer copy;    /* of head and request */
    struct http_exchange *next; /* free or deferred */
    uint32_t slot;              /* in local->slots */
};

/* A number that names an exchange: 8 bits of poller, 20 of slot, 4 of handler in the chain, 32 of
 * generation. */
struct http_exchange_slot {
    struct http_exchange *exchange;
    uint32_t generation;
};

static inline struct http_exchange *
http_exchange_of(const struct goevd_http_request *r)
{
    return (struct http_exchange *)(uintptr_t)r;
}

static inline struct goevd_http_request *
http_exchange_public(struct http_exchange *x)
{
    return (struct goevd_http_request *)x;
}

static inline struct goevd_conn *
http_exchange_c(const struct http_exchange *x)
{
    return x->turn ? x->turn->c : x->c;
}

static inline struct http_h1_conn *
http_exchange_conn(const struct http_exchange *x)
{
    return x->turn ? x->turn->conn : x->conn;
}

static inline void *
http_exchange_state(const struct http_exchange *x)
{
    return !x->state ? NULL : x->state + x->handler->state_at;
}

/* ---- Its life -------------------------------------------------------------------------------- */

/* Make local->fresh. 0; -ENOMEM. */
cold int http_exchange_make(struct http_local *local);

/* Free all of a poller. */
void http_exchange_free_all(struct http_local *local);

/* The rest of http_exchange_handle() where on_request has not simply replied. r: what it returned.
 */
cold int http_exchange_go_on(struct http_h1_batch *b, struct http_exchange *x, int r);

/* http_exchange_handle() for handlers that have a state or want to know of the end. */
cold int http_exchange_handle_any(struct http_h1_batch *b, struct http_exchange *x);

/* A request whose head is good is a handler's. It lies at b->at.
 *
 * number   of the chain.
 * flags    what its head says.
 * Returns  0; -EBUSY: what follows has to wait; -ENOBUFS: this has to, and nothing was done;
 * another negative value: the connection is lost.
 */
static hot int
http_exchange_handle(struct http_h1_batch *b, unsigned number, size_t head_len, unsigned flags)
{
    struct http_local *local = b->local;
    const struct http_handler *h = local->handlers[number];
    struct http_exchange *x = local->fresh;
    int r;

    /* for the reply, here where nothing has to be kept across the call; never 0 bytes, so that it
     * is also seen here when no more may be written */
    if (b->room - b->used < local->reply_guess) {
        r = http_h1_batch_reserve(b, local->reply_guess, head_len);
        if (unlikely(r < 0 && b->full))
            return -ENOBUFS;
    }
    x->turn = b;
    x->handler = h;
    x->flags = flags;
    x->head_len = head_len;
    if (unlikely(!h->quick))
        return http_exchange_handle_any(b, x);
    r = h->calls.on_request(http_exchange_public(x), NULL);
    if (unlikely(x->flags != HTTP_X_ENDED))
        return http_exchange_go_on(b, x, r);
    b->at += head_len;
    return 0;
}

/* Do what is due, in a turn of its connection.
 *
 * r        what its last callback returned; 0: there was none.
 * Returns  0: input may be read; -EBUSY: it has to wait; another negative value: the connection is
 *          lost.
 */
int http_exchange_advance(struct http_h1_batch *b, struct http_exchange *x, ptrdiff_t r);

/* The end of a turn: the input that its head lies in goes away. r: how the turn ended. Returns it,
 * or -ENOMEM. */
int http_exchange_keep(struct http_h1_batch *b, int r);

/* Its connection has ended. */
void http_exchange_gone(struct http_h1_conn *conn, enum goevd_reason reason);

/* After a function that a handler has called: see to it that http_exchange_advance() runs. */
void http_exchange_changed(struct http_exchange *x);

/* End it, soon, with that reply if none has begun; 0 or -EPIPE: without one. */
void http_exchange_break(struct http_exchange *x, int verdict);

/* As goevd_http_set_user(). */
int http_exchange_set_user(struct http_exchange *x, const char *name, size_t len);

/* The number of one, as its present handler has it; and the one of a number, NULL if it is over or
 * another handler's. */
uint64_t http_exchange_number(struct http_exchange *x);
struct http_exchange *http_exchange_find(struct http_local *local, uint64_t number);

/* ---- Its body -------------------------------------------------------------------------------- */

/* Hand on what has come. Returns as http_exchange_advance(). */
int http_exchange_body(struct http_h1_batch *b);

/* Tell the handler that the body is complete, with what was gathered. Returns what on_body did. */
ptrdiff_t http_exchange_body_last(struct http_exchange *x);

/* Whether the client owes bytes that the handler waits for. */
bool http_exchange_body_awaited(const struct http_exchange *x);

/* How much longer it may take, ns; 0: no longer. */
uint64_t http_exchange_body_time_left(const struct http_exchange *x);

/* A trailer by its place; false where there is none, or until the body is complete. */
bool http_exchange_body_trailer(const struct http_exchange *x, size_t index,
                                struct http_span *ret_name, struct http_span *ret_value);

int http_exchange_read(struct http_exchange *x, uint64_t max, unsigned flags);
void http_exchange_resume(struct http_exchange *x);

/* ---- Its reply ------------------------------------------------------------------------------- */

/* Whether output waits for the client. */
static inline bool
http_exchange_output_waits(const struct http_exchange *x)
{
    return x->segment.len != 0 || x->rest.len != 0;
}

/* Whether that, or content on its way there. */
static inline bool
http_exchange_reply_waits(const struct http_exchange *x)
{
    return http_exchange_output_waits(x) || x->source.len != 0;
}

/* The end of one: it is released. */
void http_segment_done(struct http_segment *s, int result);

/* All output but the quickest goes through here. What the connection has no room for is kept.
 * Returns 0; 1: wait for on_drained; another: the connection is lost. */
int http_exchange_put(struct http_exchange *x, struct http_span data);

/* The same for a piece of content as it is framed, and for what ends it. */
int http_exchange_put_content(struct http_exchange *x, const char *data, size_t len);
int http_exchange_put_last(struct http_exchange *x);

/* Queue what waits, as far as there is room. 0; 1 if there was not enough; another: the connection
 * is lost. */
int http_exchange_reply_flush(struct http_exchange *x);

/* Drop what waits. */
void http_exchange_reply_drop(struct http_exchange *x);

/* ---- The head of its reply ------------------------------------------------------------------- */

/* Whether a reply may begin so: 0; -EPIPE; -EINVAL. */
int http_exchange_head_check(const struct http_exchange *x, int status, struct http_span type);

/* Complete the headers. 0; 1: the content may go out compressed; -ENOMEM. */
int http_exchange_head_begin(struct http_exchange *x, int status, struct http_span type,
                             uint64_t length);

/* Send it. Returns as http_exchange_put(). */
int http_exchange_head_put(struct http_exchange *x, int status, struct http_span type,
                           uint64_t length);

/* "HTTP/1.1 100 Continue" */
int http_exchange_continue(struct http_exchange *x);

int http_exchange_add_field(struct http_exchange *x, const char *name, const char *value,
                            size_t len);
int http_exchange_interim(struct http_exchange *x, int status);
int http_exchange_trailer(struct http_exchange *x, const char *name, const char *value, size_t len);
int http_exchange_upgrade(struct http_exchange *x, const char *protocol, struct goevd_plugin *to,
                          const void *state, size_t len);
int http_exchange_upgrade_required(struct http_exchange *x, const char *protocol);

/* ---- Its content ----------------------------------------------------------------------------- */

int http_exchange_reply(struct http_exchange *x, int status, const char *type, size_t type_len,
                        const void *body, size_t len);
int http_exchange_start(struct http_exchange *x, int status, const char *type, size_t type_len,
                        uint64_t length);
int http_exchange_write(struct http_exchange *x, const void *data, size_t len);
int http_exchange_write_segment(struct http_exchange *x, const struct http_segment *segment);
int http_exchange_end(struct http_exchange *x);

/* ---- Compressed, compression.c ------------------------------------------------------------- */

/* Whether the content may be compressed, and what the headers say of it then, also to who does not
 * take it. 0; 1: this client takes it; -ENOMEM. */
int http_exchange_gzip_choose(struct http_exchange *x, int status, struct http_span type,
                              uint64_t length);

/* Compress what will be written, if there is a stream for it. 0 or -ENOMEM. */
int http_exchange_gzip_begin(struct http_exchange *x);

/* Compress all of it, HTTP_GZIP_STEP bytes at most, if it becomes shorter. 0 or -ENOMEM. */
int http_exchange_gzip_whole(struct http_exchange *x, struct http_span *body);

/* As http_exchange_write() and the like, once that may be called. */
int http_exchange_gzip_write(struct http_exchange *x, const char *data, size_t len);
int http_exchange_gzip_write_segment(struct http_exchange *x, const struct http_segment *s);
int http_exchange_gzip_end(struct http_exchange *x);

/* Compress more of what waits. Returns as http_exchange_put(), also 1 while more waits. */
int http_exchange_gzip_go_on(struct http_exchange *x);

/* At the end of a turn: see to it that the client gets what was written. */
void http_exchange_gzip_settle(struct http_exchange *x);

/* Let it all go. */
void http_exchange_gzip_drop(struct http_exchange *x);
