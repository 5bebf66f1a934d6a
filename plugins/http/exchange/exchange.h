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

#include "http/exchange/gzip.h"
#include "http/h1/batch.h"
#include "http/message/buffer.h"
#include "http/route/handlers.h"

/* Memory that an exchange keeps for the next request. */
#define EXCHANGE_KEEP_BYTES 16384

/* Exchanges of one poller that last at the same time: what a number can tell apart. */
#define EXCHANGE_SLOTS_MAX ((size_t)1 << 20)

/* Header lines that a handler may add. */
#define EXCHANGE_FIELDS_MAX 16384

/* Cookies of timers of the connection. */
#define EXCHANGE_TIMER 1 /* goevd_http_timer() */
#define EXCHANGE_KICK 2  /* what has to be done in a callback of the connection */

/* 0 is the common case: GET, HTTP/1.1, no body, keep the connection. */
enum exchange_flags {
    /* what the head says */
    X_HEAD = 1 << 0,
    X_OLD = 1 << 1,      /* HTTP/1.0 */
    X_TELL = 1 << 2,     /* HTTP_PERSIST_TOLD */
    X_CLOSE = 1 << 3,    /* the connection ends after the reply */
    X_LENGTH = 1 << 4,   /* a body of body.left bytes is still to be read */
    X_CHUNKED = 1 << 5,  /* or a chunked one */
    X_CONTINUE = 1 << 6, /* the client waits for 100 */
    X_BODY = X_LENGTH | X_CHUNKED,
    /* its body */
    X_READ = 1 << 7,     /* the handler wants it */
    X_GATHER = 1 << 8,   /* ... in one piece */
    X_HELD = 1 << 9,     /* ... but no more for now */
    X_HAD_ALL = 1 << 10, /* ... and has had it all */
    /* its reply */
    X_FIELDS = 1 << 11, /* header lines were added, or will be */
    X_BEGUN = 1 << 12,  /* the head has gone out */
    X_SILENT = 1 << 13, /* content is left out */
    X_SIZED = 1 << 14,  /* reply_left bytes of content are to follow */
    X_CHUNKS = 1 << 15, /* content goes out in chunks */
    X_ENDED = 1 << 16,  /* the handler has said all */
    X_DRAIN = 1 << 17,  /* on_drained is owed */
    /* what is to happen */
    X_NEXT = 1 << 18,    /* the next handler's turn */
    X_BROKEN = 1 << 19,  /* it ends with `verdict`, or without a reply if that is 0 */
    X_UPGRADE = 1 << 20, /* the connection goes to upgrade_to */
    /* where it is */
    X_ATTACHED = 1 << 21, /* its connection knows it */
    X_KEPT = 1 << 22,     /* its head is a copy */
    X_DEFERRED = 1 << 23, /* on local->deferred */
    X_NAMED = 1 << 24,    /* somebody knows its number */
    X_TIMER = 1 << 25,    /* EXCHANGE_TIMER was armed */
    X_MARKED = 1 << 27,   /* `mark` is set */
    X_WRONG = 1 << 26,    /* broken, for its content is not as long as was announced */
    X_GZIP = 1 << 28,     /* its head says that it is compressed */
    X_USER = 1 << 29,     /* somebody has said whose it is */
    /* no reply can begin any more */
    X_LOST = X_BEGUN | X_ENDED | X_NEXT | X_BROKEN
};

/* Content by reference that the connection had no room for. */
struct exchange_segment {
    const void *data; /* NULL: of a file */
    int fd;
    off_t offset;
    size_t len; /* 0: there is none */
    goevd_release_fn release;
    void *arg;
};

struct exchange {
    struct turn *turn;    /* that runs; NULL: none */
    struct goevd_conn *c; /* set when it is attached, as is conn; see exchange_c() */
    struct conn *conn;
    struct http_local *local;
    struct http_request *req;      /* the poller's, or the copy */
    const struct handler *handler; /* whose turn it is */
    char *state;                   /* of all handlers of the chain */
    size_t state_room;
    uint32_t flags; /* enum exchange_flags */
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
    struct buffer gathered;
    struct buffer trailers; /* as they came, with the empty line */

    int status;    /* of its reply; 0: none has begun; counts with X_MARKED, as does the next */
    uint64_t sent; /* bytes of content */
    uint64_t reply_left;
    struct buffer fields; /* header lines, later trailers */
    struct buffer rest;   /* of the output, behind `segment`; from rest_at on */
    size_t rest_at;
    struct exchange_segment segment;
    struct gzip_stream *gzip;       /* what its content goes through; NULL: it does not */
    struct exchange_segment source; /* content that is yet to go through it */
    bool gzip_dirty;                /* it keeps back some of what was written */
    bool gzip_full;                 /* `source` waits until the client has taken more */
    struct goevd_plugin *upgrade_to;
    const void *upgrade_state; /* the handler's own */
    size_t upgrade_len;

    struct mark mark;
    struct buffer user;    /* whose it is, as a handler has found */
    struct buffer copy;    /* of head and request */
    struct exchange *next; /* free or deferred */
    uint32_t slot;         /* in local->slots */
};

/* A number that names an exchange: 8 bits of poller, 20 of slot, 4 of handler in the chain, 32 of
 * generation. */
struct exchange_slot {
    struct exchange *exchange;
    uint32_t generation;
};

static inline struct exchange *
exchange_of(const struct goevd_http_request *r)
{
    return (struct exchange *)(uintptr_t)r;
}

static inline struct goevd_http_request *
exchange_public(struct exchange *x)
{
    return (struct goevd_http_request *)x;
}

static inline struct goevd_conn *
exchange_c(const struct exchange *x)
{
    return x->turn != NULL ? x->turn->c : x->c;
}

static inline struct conn *
exchange_conn(const struct exchange *x)
{
    return x->turn != NULL ? x->turn->conn : x->conn;
}

static inline void *
exchange_state(const struct exchange *x)
{
    return x->state == NULL ? NULL : x->state + x->handler->state_at;
}

/* ---- Its life -------------------------------------------------------------------------------- */

/* Make local->fresh. 0; -ENOMEM. */
cold int exchange_make(struct http_local *local);

/* Free all of a poller. */
void exchange_free_all(struct http_local *local);

/* The rest of exchange_handle() where on_request has not simply replied. r: what it returned. */
cold int exchange_go_on(struct turn *t, struct exchange *x, int r);

/* exchange_handle() for handlers that have a state or want to know of the end. */
cold int exchange_handle_any(struct turn *t, struct exchange *x);

/* A request whose head is good is a handler's. It lies at t->at.
 *
 * number   of the chain.
 * flags    what its head says.
 * Returns  0; -EBUSY: what follows has to wait; -ENOBUFS: this has to, and nothing was done;
 * another negative value: the connection is lost.
 */
hot int
exchange_handle(struct turn *t, unsigned number, size_t head_len, unsigned flags)
{
    struct http_local *local = t->local;
    const struct handler *h = local->handlers[number];
    struct exchange *x = local->fresh;
    int r;

    /* for the reply, here where nothing has to be kept across the call; never 0 bytes, so that it
     * is also seen here when no more may be written */
    if (t->room - t->used < local->reply_guess) {
        r = turn_reserve(t, local->reply_guess, head_len);
        if (unlikely(r < 0 && t->full))
            return -ENOBUFS;
    }
    x->turn = t;
    x->handler = h;
    x->flags = flags;
    x->head_len = head_len;
    if (unlikely(!h->quick))
        return exchange_handle_any(t, x);
    r = h->calls.on_request(exchange_public(x), NULL);
    if (unlikely(x->flags != X_ENDED))
        return exchange_go_on(t, x, r);
    t->at += head_len;
    return 0;
}

/* Do what is due, in a turn of its connection.
 *
 * r        what its last callback returned; 0: there was none.
 * Returns  0: input may be read; -EBUSY: it has to wait; another negative value: the connection is
 *          lost.
 */
int exchange_advance(struct turn *t, struct exchange *x, ptrdiff_t r);

/* The end of a turn: the input that its head lies in goes away. r: how the turn ended. Returns it,
 * or -ENOMEM. */
int exchange_keep(struct turn *t, int r);

/* Its connection has ended. */
void exchange_gone(struct conn *conn, enum goevd_reason reason);

/* After a function that a handler has called: see to it that exchange_advance() runs. */
void exchange_changed(struct exchange *x);

/* End it, soon, with that reply if none has begun; 0 or -EPIPE: without one. */
void exchange_break(struct exchange *x, int verdict);

/* As goevd_http_set_user(). */
int exchange_set_user(struct exchange *x, const char *name, size_t len);

/* The number of one, as its present handler has it; and the one of a number, NULL if it is over or
 * another handler's. */
uint64_t exchange_number(struct exchange *x);
struct exchange *exchange_find(struct http_local *local, uint64_t number);

/* ---- Its body -------------------------------------------------------------------------------- */

/* Hand on what has come. Returns as exchange_advance(). */
int exchange_body(struct turn *t);

/* Tell the handler that the body is complete, with what was gathered. Returns what on_body did. */
ptrdiff_t exchange_body_last(struct exchange *x);

/* Whether the client owes bytes that the handler waits for. */
bool exchange_body_awaited(const struct exchange *x);

/* How much longer it may take, ns; 0: no longer. */
uint64_t exchange_body_time_left(const struct exchange *x);

/* A trailer by its place; false where there is none, or until the body is complete. */
bool exchange_body_trailer(const struct exchange *x, size_t index, struct span *ret_name,
                           struct span *ret_value);

int exchange_read(struct exchange *x, uint64_t max, unsigned flags);
void exchange_resume(struct exchange *x);

/* ---- Its reply ------------------------------------------------------------------------------- */

/* Whether output waits for the client. */
static inline bool
exchange_output_waits(const struct exchange *x)
{
    return x->segment.len != 0 || x->rest.len != 0;
}

/* Whether that, or content on its way there. */
static inline bool
exchange_reply_waits(const struct exchange *x)
{
    return exchange_output_waits(x) || x->source.len != 0;
}

/* The end of one: it is released. */
void exchange_segment_done(struct exchange_segment *s, int result);

/* All output but the quickest goes through here. What the connection has no room for is kept.
 * Returns 0; 1: wait for on_drained; another: the connection is lost. */
int exchange_put(struct exchange *x, struct span data);

/* The same for a piece of content as it is framed, and for what ends it. */
int exchange_put_content(struct exchange *x, const char *data, size_t len);
int exchange_put_last(struct exchange *x);

/* Queue what waits, as far as there is room. 0; 1 if there was not enough; another: the connection
 * is lost. */
int exchange_reply_flush(struct exchange *x);

/* Drop what waits. */
void exchange_reply_drop(struct exchange *x);

/* ---- The head of its reply ------------------------------------------------------------------- */

/* Whether a reply may begin so: 0; -EPIPE; -EINVAL. */
int exchange_head_check(const struct exchange *x, int status, struct span type);

/* Complete the headers. 0; 1: the content may go out compressed; -ENOMEM. */
int exchange_head_begin(struct exchange *x, int status, struct span type, uint64_t length);

/* Send it. Returns as exchange_put(). */
int exchange_head_put(struct exchange *x, int status, struct span type, uint64_t length);

/* "HTTP/1.1 100 Continue" */
int exchange_continue(struct exchange *x);

int exchange_add_field(struct exchange *x, const char *name, const char *value, size_t len);
int exchange_interim(struct exchange *x, int status);
int exchange_trailer(struct exchange *x, const char *name, const char *value, size_t len);
int exchange_upgrade(struct exchange *x, const char *protocol, struct goevd_plugin *to,
                     const void *state, size_t len);
int exchange_upgrade_required(struct exchange *x, const char *protocol);

/* ---- Its content ----------------------------------------------------------------------------- */

int exchange_reply(struct exchange *x, int status, const char *type, size_t type_len,
                   const void *body, size_t len);
int exchange_start(struct exchange *x, int status, const char *type, size_t type_len,
                   uint64_t length);
int exchange_write(struct exchange *x, const void *data, size_t len);
int exchange_write_segment(struct exchange *x, const struct exchange_segment *segment);
int exchange_end(struct exchange *x);

/* ---- Compressed, compression.c ------------------------------------------------------------- */

/* Whether the content may be compressed, and what the headers say of it then, also to who does not
 * take it. 0; 1: this client takes it; -ENOMEM. */
int exchange_gzip_choose(struct exchange *x, int status, struct span type, uint64_t length);

/* Compress what will be written, if there is a stream for it. 0 or -ENOMEM. */
int exchange_gzip_begin(struct exchange *x);

/* Compress all of it, GZIP_STEP bytes at most, if it becomes shorter. 0 or -ENOMEM. */
int exchange_gzip_whole(struct exchange *x, struct span *body);

/* As exchange_write() and the like, once that may be called. */
int exchange_gzip_write(struct exchange *x, const char *data, size_t len);
int exchange_gzip_write_segment(struct exchange *x, const struct exchange_segment *s);
int exchange_gzip_end(struct exchange *x);

/* Compress more of what waits. Returns as exchange_put(), also 1 while more waits. */
int exchange_gzip_go_on(struct exchange *x);

/* At the end of a turn: see to it that the client gets what was written. */
void exchange_gzip_settle(struct exchange *x);

/* Let it all go. */
void exchange_gzip_drop(struct exchange *x);
