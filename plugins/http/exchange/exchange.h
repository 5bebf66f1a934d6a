/* An exchange: one request and its reply, whatever the wire. Handlers see it as struct
 * goevd_http_request.
 *
 *   exchange.c     its life: from handler to handler, over several callbacks, to its end
 *   pool.c         its memory and its id
 *   body_in.c      the request body
 *   reply_head.c   the head of the reply, and interim responses before it
 *   reply_out.c    the content of the reply
 *   pieces.c       content by reference that is sent in several pieces
 *   compression.c  the content of the reply, compressed with zlib
 *   api.c          the functions that handlers call
 *   wire.h         the functions of the wire
 *
 * The wire takes an exchange from the pool, sets c, req, handler and flags, and calls
 * http_exchange_begin(). From then on, until the exchange calls `done`, the wire calls:
 *
 *   http_exchange_advance()  after anything that may have changed the exchange
 *   http_exchange_body()     with body content, while http_exchange_wants_body()
 *   http_exchange_drained()  when there is room again for the reply
 *   http_exchange_timeout()  when a timer of the exchange has expired
 *   http_exchange_idle()     when a callback ends
 *   http_exchange_gone()     when the wire has ended first
 *
 *             begin
 *               v         next              read
 *          [ handler ] <-------> (advance) ------> [ body in ]
 *               |  reply, start                        |
 *               v                                      v
 *          [ reply out ] --- end ---> ended --- room ---> done
 *               |                                      ^
 *               `--- failure, abort ---> broken -------' */
#pragma once

#include <goevd/hosting.h>
#include <goevd/http.h>

#include "http/exchange/instance.h"
#include "http/exchange/wire.h"
#include "http/message/coding/gzip.h"

/* Bytes of buffers that a free exchange keeps for its next request. */
#define HTTP_EXCHANGE_KEEP_BYTES 16384

/* Most exchanges of one poller at a time: slots have 20 bits in an id. */
#define HTTP_EXCHANGE_SLOTS_MAX ((size_t)1 << 20)

/* Most bytes of header lines that a handler may add. */
#define HTTP_EXCHANGE_FIELDS_MAX 16384

/* 0 is the common case: GET without a body, and no header to add to the reply. */
enum http_exchange_flags {
    /* set by the wire before http_exchange_begin() */
    HTTP_X_HEAD = 1 << 0,     /* the method is HEAD */
    HTTP_X_BODY = 1 << 1,     /* body content is still to come */
    HTTP_X_INFORMED = 1 << 2, /* `info` is set */
    HTTP_X_WIRE = 1 << 3,     /* the reply cannot take the quick path of the wire */
    /* the request body */
    HTTP_X_READ = 1 << 4,    /* the handler reads it */
    HTTP_X_GATHER = 1 << 5,  /* ... as one buffer */
    HTTP_X_HELD = 1 << 6,    /* ... but has paused reading */
    HTTP_X_HAD_ALL = 1 << 7, /* ... and has read all of it */
    /* the reply */
    HTTP_X_FIELDS = 1 << 8,  /* header lines were added, or will be */
    HTTP_X_BEGUN = 1 << 9,   /* the head has been sent */
    HTTP_X_SILENT = 1 << 10, /* the content is left out */
    HTTP_X_SIZED = 1 << 11,  /* reply.left bytes of content are to follow */
    HTTP_X_GZIP = 1 << 12,   /* the content is compressed, and the head announces gzip */
    HTTP_X_ENDED = 1 << 13,  /* the handler has completed the reply */
    HTTP_X_DRAIN = 1 << 14,  /* on_drained has to be called */
    /* the next step */
    HTTP_X_NEXT = 1 << 15,    /* the request goes to the next handler */
    HTTP_X_BROKEN = 1 << 16,  /* ends with the reply for `verdict`; 0: without a reply */
    HTTP_X_WRONG = 1 << 17,   /* broken, because the content differs from its announced length */
    HTTP_X_UPGRADE = 1 << 18, /* the connection passes to upgrade.to */
    /* the state of the object */
    HTTP_X_IDLE = 1 << 19,     /* no callback of the wire is running */
    HTTP_X_DEFERRED = 1 << 20, /* on the list local->deferred */
    HTTP_X_NAMED = 1 << 21,    /* the id has been given to a handler */
    HTTP_X_TIMER = 1 << 22,    /* the timer was armed */
    HTTP_X_USER = 1 << 23,     /* `user` is set */
    HTTP_X_WHOLE = 1 << 24,    /* the reply is sent at once, and no more of the body is read */
    HTTP_X_CLOSE = 1 << 25,    /* the connection closes after the reply */
    /* no reply can begin any more */
    HTTP_X_LOST = HTTP_X_BEGUN | HTTP_X_ENDED | HTTP_X_NEXT | HTTP_X_BROKEN
};

/* The request body. */
struct http_body_in {
    uint64_t came;     /* bytes of content received */
    uint64_t max;      /* limit of `came` */
    uint64_t since_ns; /* start of reading, later by the time during which the handler had paused */
    uint64_t held_since_ns;
    struct http_buffer gathered;
    struct http_buffer trailers; /* lines with an empty line behind them */
};

/* The reply. */
struct http_reply_out {
    int status;                /* 0: no reply has begun; status and `sent` are kept if
                                * HTTP_X_INFORMED */
    uint64_t sent;             /* bytes of content sent */
    uint64_t left;             /* bytes still to follow */
    struct http_buffer fields; /* header lines, later trailers */
};

/* Compression of the reply's content. */
struct http_compression {
    struct http_gzip_stream *stream; /* NULL: the content is not compressed */
    struct http_segment source;      /* content still to be compressed */
    bool dirty;                      /* the stream holds content that is not flushed */
    bool full;                       /* `source` waits until the client has taken more output */
};

/* The handler that gets the connection after an upgrade. */
struct http_upgrade {
    struct goevd_plugin *to;
    const void *state; /* state for that handler */
    size_t len;
};

#define HTTP_EXCHANGE_MAGIC 0x71e4c0a9

struct http_exchange {
    /* HTTP_EXCHANGE_MAGIC while handlers may use their pointer: from the first on_request until the
     * last on_close has returned */
    uint32_t magic;

    /* the wire; its link is at the end of the struct */
    const struct http_wire *wire;
    struct goevd_conn *c;
    struct http_local *local;

    uint32_t flags; /* enum http_exchange_flags */
    int verdict;    /* cause of HTTP_X_BROKEN: an enum http_verdict; -EPIPE: connection lost; 0 */

    /* the request */
    struct http_request *req;           /* owned by the wire */
    const struct http_handler *handler; /* the current handler of the chain */
    char *state;                        /* states of all handlers of the chain */
    size_t state_room;
    struct http_buffer user; /* the authenticated user, set by a handler */

    struct http_body_in body;
    struct http_reply_out reply;
    struct http_compression compression;
    struct http_upgrade upgrade;

    uint64_t begun_ns; /* exact, if durations are measured; 0: in this round of the poller */

    struct http_exchange *next; /* in the free list or in local->deferred */
    uint32_t slot;              /* index in local->slots */
    struct http_request_info info;
    _Alignas(16) char link[]; /* local->link_size bytes for the wire */
};

/* A slot of local->slots. The id of an exchange has 8 bits of poller, 20 of slot, 4 of handler in
 * the chain, and 32 of generation. */
struct http_exchange_slot {
    struct http_exchange *exchange;
    uint32_t generation;
};

static inline struct http_exchange *
http_exchange_of(const struct goevd_http_request *r)
{
    return (struct http_exchange *)(uintptr_t)r;
}

/* Checks a pointer that a handler has passed: a request that is over is detected and reported.
 * `name` is the called function. */
#define HTTP_EXCHANGE_GIVEN(r, name)                                                               \
    (likely((r) && http_exchange_of(r)->magic == HTTP_EXCHANGE_MAGIC)                              \
         ? (void)0                                                                                 \
         : goevd_wrong_object("goevd_http_" name, "request", __builtin_return_address(0)),         \
     http_exchange_of(r))

static inline struct goevd_http_request *
http_exchange_public(struct http_exchange *x)
{
    return (struct goevd_http_request *)x;
}

static inline void *
http_exchange_state(const struct http_exchange *x)
{
    return x->state ? x->state + x->handler->state_at : NULL;
}

/* ---- Memory, pool.c -------------------------------------------------------------------------- */

/* Take an exchange from the pool for that wire. The link of a new one is zeroed. NULL: out of
 * memory. */
struct http_exchange *http_exchange_take(struct http_local *local, const struct http_wire *wire);

/* Reset an exchange for another request; the second function also for another wire. */
void http_exchange_reset(struct http_exchange *x);
void http_exchange_release(struct http_exchange *x);

/* Free all exchanges of a poller. */
void http_exchange_free_all(struct http_local *local);

/* Allocate the zeroed states of the chain's handlers. 0; -ENOMEM. */
int http_exchange_clear_state(struct http_exchange *x);

/* The id of an exchange for its current handler, and the exchange of an id: NULL if the request is
 * over or belongs to another handler. */
uint64_t http_exchange_number(struct http_exchange *x);
struct http_exchange *http_exchange_find(struct http_local *local, uint64_t number);

/* ---- Called by the wire ---------------------------------------------------------------------- */

/* Call on_request, and return its result. Then call http_exchange_advance(), unless the flags are
 * HTTP_X_ENDED alone and the wire has the whole reply. */
int http_exchange_begin(struct http_exchange *x);

/* A callback of the handler has returned an invalid value. Returns -EINVAL. */
cold int http_exchange_wrong(const struct http_exchange *x, enum http_callback callback,
                             ptrdiff_t r, const char *may);

/* Check the result of a callback that may return 0, 1 as a write does, or a negative errno. */
static inline int
http_exchange_result(const struct http_exchange *x, enum http_callback callback, int r)
{
    return unlikely(http_handler_result_wrong(r))
               ? http_exchange_wrong(x, callback, r, "0, 1 or a negative errno")
               : r;
}

/* Take the next step, after a callback or a change.
 *
 * r        Result of the last callback; 0: there was none.
 * Returns  0: body content may be passed, or the exchange is over; -EBUSY: the exchange waits;
 *          another negative value: the connection is lost.
 */
int http_exchange_advance(struct http_exchange *x, ptrdiff_t r);

/* Output has drained. Returns as http_exchange_advance(). */
int http_exchange_drained(struct http_exchange *x);

/* A timer of c with that cookie has expired. Ignored if the timer does not belong to this exchange.
 * Returns likewise. */
int http_exchange_timeout(struct http_exchange *x, uint64_t cookie);

/* The exchange of a poller that may have set the timer with that cookie; NULL: none. */
struct http_exchange *http_exchange_of_timer(struct http_local *local, uint64_t cookie);

/* A callback of the wire ends, or begins. */
void http_exchange_idle(struct http_exchange *x);

static inline void
http_exchange_enter(struct http_exchange *x)
{
    x->flags &= ~(uint32_t)HTTP_X_IDLE;
}

/* The wire has ended. */
void http_exchange_gone(struct http_exchange *x, enum goevd_http_reason reason);

/* Call on_close of all handlers that have had the request, the last handler first. */
void http_exchange_close(struct http_exchange *x, enum goevd_http_reason reason);

/* ---- Its life -------------------------------------------------------------------------------- */

/* Called after a handler's call: makes http_exchange_advance() run. */
void http_exchange_changed(struct http_exchange *x);

/* The function of a poller's `kick` timer: runs the exchanges that were changed outside of a
 * callback. */
void http_exchange_kick(struct goevd_timer *timer, void *local);

/* End the exchange soon, with the reply for the verdict if none has begun; 0 or -EPIPE: without a
 * reply. */
void http_exchange_break(struct http_exchange *x, int verdict);

/* One more handler has a request for longer than a callback, or one less. */
void http_exchange_count_open(const struct http_exchange *x, int more);

/* Count it by its route and the class of its reply's status; 0: it has none. */
static inline void
http_exchange_count(const struct http_exchange *x, int status)
{
    goevd_metric_count(&x->local->counts[x->handler->count_at + (unsigned)status / 100], 1);
}

/* A callback that it began in is about to end: from now on its duration is that from the present
 * round of the poller. */
void http_exchange_note_begin(struct http_exchange *x);

/* The reply begins, or has ended: count how long it took, if durations are measured. `count_at` is
 * that of its route. */
void http_exchange_measure_first_byte(struct http_exchange *x);
void http_exchange_measure_whole(struct http_exchange *x, unsigned count_at);

/* Record the result of a function of the wire, and return it. */
int http_exchange_took(struct http_exchange *x, int r);

/* Have http_exchange_timeout() called in a callback of the connection: for the handler's timer, or
 * for a step that needs such a callback. 0; -ENOMEM; -EPIPE. */
int http_exchange_arm_timer(struct http_exchange *x, uint64_t delay_ns);
int http_exchange_arm_kick(struct http_exchange *x);

/* As goevd_http_set_user(). */
int http_exchange_set_user(struct http_exchange *x, const char *name, size_t len);

/* ---- The request body ------------------------------------------------------------------------ */

/* Whether the handler waits for body content that the client has not sent yet. */
static inline bool
http_exchange_wants_body(const struct http_exchange *x)
{
    return (x->flags & (HTTP_X_READ | HTTP_X_HELD | HTTP_X_HAD_ALL | HTTP_X_ENDED |
                        HTTP_X_BROKEN)) == HTTP_X_READ;
}

/* Whether `more` bytes of content stay within the limit. */
static inline bool
http_exchange_body_fits(const struct http_exchange *x, uint64_t more)
{
    return x->body.came + more <= x->body.max;
}

/* Pass body content to the handler; `last`: the content is known to be the last. Returns the number
 * of bytes taken: pass the others again after `want`. A negative value goes to
 * http_exchange_advance(). */
ptrdiff_t http_exchange_body(struct http_exchange *x, const char *data, size_t len, bool last);

/* Store trailers: lines with an empty line behind them, perhaps in pieces. 0 or -ENOMEM. */
int http_exchange_body_trailers(struct http_exchange *x, const char *data, size_t len);

/* No more content will arrive. */
static inline void
http_exchange_body_complete(struct http_exchange *x)
{
    x->flags &= ~(uint32_t)HTTP_X_BODY;
}

/* Pass the end of the body, and the gathered content, to the handler. Returns on_body's result. */
ptrdiff_t http_exchange_body_last(struct http_exchange *x);

/* Time by which to extend the deadline of the body, in ns; 0: the body is too slow. */
uint64_t http_exchange_body_time_left(const struct http_exchange *x);

/* A trailer by its index; false if there is none, or while the body is incomplete. */
bool http_exchange_body_trailer(const struct http_exchange *x, size_t index,
                                struct http_span *ret_name, struct http_span *ret_value);

int http_exchange_read(struct http_exchange *x, uint64_t max, unsigned flags);
void http_exchange_resume(struct http_exchange *x);

/* ---- The head of the reply ------------------------------------------------------------------- */

/* Whether a reply may begin with these. 0; -EPIPE; -EINVAL. */
int http_exchange_head_check(const struct http_exchange *x, int status, struct http_span type);

/* Complete the headers. 0; 1: the content may be compressed; -ENOMEM. */
int http_exchange_head_begin(struct http_exchange *x, int status, struct http_span type,
                             uint64_t length);

/* Send the head. Returns as the functions of the wire do. */
int http_exchange_head_put(struct http_exchange *x, int status, struct http_span type,
                           uint64_t length);

int http_exchange_add_field(struct http_exchange *x, const char *name, const char *value,
                            size_t len);
int http_exchange_interim(struct http_exchange *x, int status);
int http_exchange_trailer(struct http_exchange *x, const char *name, const char *value, size_t len);
int http_exchange_upgrade(struct http_exchange *x, const char *protocol, struct goevd_plugin *to,
                          const void *state, size_t len);
int http_exchange_upgrade_required(struct http_exchange *x, const char *protocol);

/* ---- The content of the reply ---------------------------------------------------------------- */

/* Whether part of the content waits for the client. */
static inline bool
http_exchange_reply_waits(const struct http_exchange *x)
{
    return x->compression.source.len != 0 || !x->wire->room(x);
}

/* Release a segment with its result. */
void http_segment_done(struct http_segment *s, int result);

/* Send content in the framing of the wire, and its end. Return as the functions of the wire do. */
int http_exchange_put_content(struct http_exchange *x, const char *data, size_t len);
int http_exchange_put_end(struct http_exchange *x);

/* Drop content that waits for the client. */
void http_exchange_reply_drop(struct http_exchange *x);

int http_exchange_reply(struct http_exchange *x, int status, const char *type, size_t type_len,
                        const void *body, size_t len);
int http_exchange_start(struct http_exchange *x, int status, const char *type, size_t type_len,
                        uint64_t length);
int http_exchange_write(struct http_exchange *x, const void *data, size_t len);
int http_exchange_write_segment(struct http_exchange *x, const struct http_segment *segment);
int http_exchange_end(struct http_exchange *x);

/* ---- Compressed, compression.c --------------------------------------------------------------- */

/* Decide whether the content may be compressed, and add the headers that depend on it, also for
 * clients without gzip. 0; 1: compress for this client; -ENOMEM. */
int http_compression_choose(struct http_exchange *x, int status, struct http_span type,
                            uint64_t length);

/* Take a stream for the content that follows, if one is free. 0 or -ENOMEM. */
int http_compression_begin(struct http_exchange *x);

/* Compress a whole body of at most HTTP_GZIP_STEP bytes, if the result is shorter. 0 or -ENOMEM. */
int http_compression_whole(struct http_exchange *x, struct http_span *body);

/* The compressed versions of http_exchange_write() and its siblings, once these may be called. */
int http_compression_write(struct http_exchange *x, const char *data, size_t len);
int http_compression_write_segment(struct http_exchange *x, const struct http_segment *s);
int http_compression_end(struct http_exchange *x);

/* Compress more of `source`. Returns as the functions of the wire do; 1 also while `source` is not
 * empty. */
int http_compression_go_on(struct http_exchange *x);

/* At the end of a callback: flush written content to the client. */
void http_compression_flush(struct http_exchange *x);

/* Release the stream and `source`. */
void http_compression_drop(struct http_exchange *x);
