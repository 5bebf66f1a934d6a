/* An exchange: one request and its reply, whatever the wire. Handlers see it as struct
 * goevd_http_request.
 *
 *   exchange.c     its life: from handler to handler, over several callbacks, to its end
 *   pool.c         its memory and its number
 *   body_in.c      the body in
 *   reply_head.c   the head of the reply, and interim responses before it
 *   reply_out.c    the content of the reply
 *   pieces.c       content by reference that goes out in several pieces
 *   compression.c  ... through zlib
 *   api.c          the functions that handlers call
 *   wire.h         the functions of the wire
 *
 * Its wire takes one from the pool, sets c, req, handler and flags, calls http_exchange_begin(),
 * and from then on, until it calls `done`:
 *
 *   http_exchange_advance()  after anything that may have changed it
 *   http_exchange_body()     with the content of the body, while http_exchange_wants_body()
 *   http_exchange_drained()  when there is room again for its reply
 *   http_exchange_timeout()  when a timer of it is due
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
 *               `--- failure, abort ---> broken -------'
 */
#pragma once

#include <goevd/hosting.h>
#include <goevd/http.h>

#include "http/exchange/instance.h"
#include "http/exchange/wire.h"
#include "http/message/gzip.h"

/* Memory that an exchange keeps for the next request. */
#define HTTP_EXCHANGE_KEEP_BYTES 16384

/* Exchanges of one poller that may last at the same time: the numbers of 20 bits. */
#define HTTP_EXCHANGE_SLOTS_MAX ((size_t)1 << 20)

/* Header lines that a handler may add. */
#define HTTP_EXCHANGE_FIELDS_MAX 16384

/* 0 is the common case: GET, no body, and nothing that the wire has to add to the reply. */
enum http_exchange_flags {
    /* set by the wire before it begins */
    HTTP_X_HEAD = 1 << 0,     /* its method is HEAD */
    HTTP_X_BODY = 1 << 1,     /* content of its body is to come */
    HTTP_X_INFORMED = 1 << 2, /* `info` is set */
    HTTP_X_WIRE = 1 << 3,     /* its reply is not for the quick path of the wire */
    /* its body */
    HTTP_X_READ = 1 << 4,    /* the handler wants it */
    HTTP_X_GATHER = 1 << 5,  /* ... in one piece */
    HTTP_X_HELD = 1 << 6,    /* ... but no more for now */
    HTTP_X_HAD_ALL = 1 << 7, /* ... and has had it all */
    /* its reply */
    HTTP_X_FIELDS = 1 << 8,  /* header lines were added, or will be */
    HTTP_X_BEGUN = 1 << 9,   /* the head has gone out */
    HTTP_X_SILENT = 1 << 10, /* content is left out */
    HTTP_X_SIZED = 1 << 11,  /* reply.left bytes of content are to follow */
    HTTP_X_GZIP = 1 << 12,   /* its content is compressed, and its head is sent so */
    HTTP_X_ENDED = 1 << 13,  /* the handler has completed it */
    HTTP_X_DRAIN = 1 << 14,  /* on_drained is owed */
    /* the next step */
    HTTP_X_NEXT = 1 << 15,    /* the next handler's turn */
    HTTP_X_BROKEN = 1 << 16,  /* it ends with `verdict`, or without a reply if that is 0 */
    HTTP_X_WRONG = 1 << 17,   /* broken, because its content is not as long as was announced */
    HTTP_X_UPGRADE = 1 << 18, /* the connection goes to upgrade.to */
    /* where it is */
    HTTP_X_IDLE = 1 << 19,     /* no callback of its wire is running */
    HTTP_X_DEFERRED = 1 << 20, /* on local->deferred */
    HTTP_X_NAMED = 1 << 21,    /* its number is known elsewhere */
    HTTP_X_TIMER = 1 << 22,    /* its timer was armed */
    HTTP_X_USER = 1 << 23,     /* `user` is set */
    HTTP_X_WHOLE = 1 << 24,    /* its reply comes at once, and no more of its body is read */
    HTTP_X_CLOSE = 1 << 25,   /* the connection ends with its reply */
    /* no reply can begin any more */
    HTTP_X_LOST = HTTP_X_BEGUN | HTTP_X_ENDED | HTTP_X_NEXT | HTTP_X_BROKEN
};

/* The request body. */
struct http_body_in {
    uint64_t came;     /* bytes of content so far */
    uint64_t max;      /* that may come */
    uint64_t since_ns; /* when reading began; moved on by the time that the handler took */
    uint64_t held_since_ns;
    struct http_buffer gathered;
    struct http_buffer trailers; /* lines, and an empty one behind them */
};

/* The reply. */
struct http_reply_out {
    int status;                /* 0: none has begun; counts with HTTP_X_INFORMED, as does sent */
    uint64_t sent;             /* bytes of content */
    uint64_t left;             /* that are to follow */
    struct http_buffer fields; /* header lines, later trailers */
};

/* Compression of the reply's content. */
struct http_compression {
    struct http_gzip_stream *stream; /* NULL: not compressed */
    struct http_segment source;      /* content that is not compressed yet */
    bool dirty;                      /* the stream holds written content back */
    bool full;                       /* `source` waits until the client has taken more */
};

/* The handler that gets the connection after an upgrade. */
struct http_upgrade {
    struct goevd_plugin *to;
    const void *state; /* the handler's own */
    size_t len;
};

#define HTTP_EXCHANGE_MAGIC 0x71e4c0a9

struct http_exchange {
    /* HTTP_EXCHANGE_MAGIC while handlers may use their pointer: from the first on_request until the
     * last on_close has returned */
    uint32_t magic;

    /* the link to its wire, which has memory of its own behind the struct */
    const struct http_wire *wire;
    struct goevd_conn *c;
    struct http_local *local;

    uint32_t flags; /* enum http_exchange_flags */
    int verdict;    /* cause of HTTP_X_BROKEN: an enum http_verdict; -EPIPE: the connection; 0 */

    /* the request */
    struct http_request *req;           /* the wire's */
    const struct http_handler *handler; /* the present one of the chain */
    char *state;                        /* of all handlers of the chain */
    size_t state_room;
    struct http_buffer user; /* the authenticated user, set by a handler */

    struct http_body_in body;
    struct http_reply_out reply;
    struct http_compression compression;
    struct http_upgrade upgrade;

    struct http_exchange *next; /* free or deferred */
    uint32_t slot;              /* in local->slots */
    struct http_request_info info;
    _Alignas(16) char link[]; /* local->link_size bytes of the wire's */
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

/* The same for a pointer that comes from a handler: a request that is over is detected and
 * reported. `name` is that of the called function. */
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

/* One from the pool for that wire, its link zeroed where it is new; NULL without memory. */
struct http_exchange *http_exchange_take(struct http_local *local, const struct http_wire *wire);

/* Let it be ready for another request; and that too, but for another wire. */
void http_exchange_reset(struct http_exchange *x);
void http_exchange_release(struct http_exchange *x);

/* Free all of a poller. */
void http_exchange_free_all(struct http_local *local);

/* Room for the states of its handlers, zeroed. 0; -ENOMEM. */
int http_exchange_clear_state(struct http_exchange *x);

/* The number of one, as its present handler has it; and the one of a number, NULL if it is over or
 * another handler's. */
uint64_t http_exchange_number(struct http_exchange *x);
struct http_exchange *http_exchange_find(struct http_local *local, uint64_t number);

/* ---- Called by the wire ---------------------------------------------------------------------- */

/* Call on_request, and return its result. Then call http_exchange_advance(), unless the flags are
 * HTTP_X_ENDED alone and the wire has the whole reply. */
int http_exchange_begin(struct http_exchange *x);

/* A callback of its handler has returned an invalid value. Returns -EINVAL. */
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
 * r        the result of its last callback; 0: there was none.
 * Returns  0: content of its body may come, or it is over; -EBUSY: it waits; another negative
 *          value: the connection is lost.
 */
int http_exchange_advance(struct http_exchange *x, ptrdiff_t r);

/* There is room again. Returns as http_exchange_advance(). */
int http_exchange_drained(struct http_exchange *x);

/* A timer of c with that cookie is due; nothing if it is none of this exchange's. Returns
 * likewise. */
int http_exchange_timeout(struct http_exchange *x, uint64_t cookie);

/* The exchange of a poller that may have set the timer with that cookie; NULL: none. */
struct http_exchange *http_exchange_of_timer(struct http_local *local, uint64_t cookie);

/* A callback of its wire ends, or begins. */
void http_exchange_idle(struct http_exchange *x);

static inline void
http_exchange_enter(struct http_exchange *x)
{
    x->flags &= ~(uint32_t)HTTP_X_IDLE;
}

/* The wire has ended. */
void http_exchange_gone(struct http_exchange *x, enum goevd_http_reason reason);

/* Call on_close of all handlers that have had it, the last one first. */
void http_exchange_close(struct http_exchange *x, enum goevd_http_reason reason);

/* ---- Its life -------------------------------------------------------------------------------- */

/* After a function that a handler has called: see to it that http_exchange_advance() runs. */
void http_exchange_changed(struct http_exchange *x);

/* A poller's `kick`: run those that were changed outside of a callback. */
void http_exchange_kick(struct goevd_timer *timer, void *local);

/* End it, soon, with that reply if none has begun; 0 or -EPIPE: without one. */
void http_exchange_break(struct http_exchange *x, int verdict);

/* Record the result of a function of the wire, and return it. */
int http_exchange_took(struct http_exchange *x, int r);

/* Let http_exchange_timeout() be called in a callback of the connection: for the handler's timer,
 * or for a step that needs such a callback. 0; -ENOMEM; -EPIPE. */
int http_exchange_arm_timer(struct http_exchange *x, uint64_t delay_ns);
int http_exchange_arm_kick(struct http_exchange *x);

/* As goevd_http_set_user(). */
int http_exchange_set_user(struct http_exchange *x, const char *name, size_t len);

/* ---- Its body -------------------------------------------------------------------------------- */

/* Whether the client owes bytes that the handler waits for. */
static inline bool
http_exchange_wants_body(const struct http_exchange *x)
{
    return (x->flags & (HTTP_X_READ | HTTP_X_HELD | HTTP_X_HAD_ALL | HTTP_X_ENDED |
                        HTTP_X_BROKEN)) == HTTP_X_READ;
}

/* Whether `more` bytes of content stay within the maximum. */
static inline bool
http_exchange_body_fits(const struct http_exchange *x, uint64_t more)
{
    return x->body.came + more <= x->body.max;
}

/* Content has come; `last`: it is known to be the last. Returns how much of it was taken, the rest
 * has to come again after `want`; a negative value for http_exchange_advance(). */
ptrdiff_t http_exchange_body(struct http_exchange *x, const char *data, size_t len, bool last);

/* Trailers have come, as lines with an empty one behind them, perhaps in pieces. 0 or -ENOMEM. */
int http_exchange_body_trailers(struct http_exchange *x, const char *data, size_t len);

/* No more content will come. */
static inline void
http_exchange_body_complete(struct http_exchange *x)
{
    x->flags &= ~(uint32_t)HTTP_X_BODY;
}

/* Pass the end of the body, and the gathered content, to the handler. Returns on_body's result. */
ptrdiff_t http_exchange_body_last(struct http_exchange *x);

/* How much longer it may take, ns; 0: no longer. */
uint64_t http_exchange_body_time_left(const struct http_exchange *x);

/* A trailer by its place; false where there is none, or until the body is complete. */
bool http_exchange_body_trailer(const struct http_exchange *x, size_t index,
                                struct http_span *ret_name, struct http_span *ret_value);

int http_exchange_read(struct http_exchange *x, uint64_t max, unsigned flags);
void http_exchange_resume(struct http_exchange *x);

/* ---- The head of its reply ------------------------------------------------------------------- */

/* Whether a reply may begin so: 0; -EPIPE; -EINVAL. */
int http_exchange_head_check(const struct http_exchange *x, int status, struct http_span type);

/* Complete the headers. 0; 1: the content may go out compressed; -ENOMEM. */
int http_exchange_head_begin(struct http_exchange *x, int status, struct http_span type,
                             uint64_t length);

/* Send it. Returns as the functions of the wire. */
int http_exchange_head_put(struct http_exchange *x, int status, struct http_span type,
                           uint64_t length);

int http_exchange_add_field(struct http_exchange *x, const char *name, const char *value,
                            size_t len);
int http_exchange_interim(struct http_exchange *x, int status);
int http_exchange_trailer(struct http_exchange *x, const char *name, const char *value, size_t len);
int http_exchange_upgrade(struct http_exchange *x, const char *protocol, struct goevd_plugin *to,
                          const void *state, size_t len);
int http_exchange_upgrade_required(struct http_exchange *x, const char *protocol);

/* ---- Its content ----------------------------------------------------------------------------- */

/* Whether some of it waits for the client. */
static inline bool
http_exchange_reply_waits(const struct http_exchange *x)
{
    return x->compression.source.len != 0 || !x->wire->room(x);
}

/* The end of a segment: it is released. */
void http_segment_done(struct http_segment *s, int result);

/* Send content in the framing of the wire, and its end. Return as the functions of the wire. */
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

/* Decide whether the content may be compressed, and add the headers that depend on it, for clients
 * without gzip too. 0; 1: compress for this client; -ENOMEM. */
int http_compression_choose(struct http_exchange *x, int status, struct http_span type,
                            uint64_t length);

/* Compress the content that follows, if there is a stream for it. 0 or -ENOMEM. */
int http_compression_begin(struct http_exchange *x);

/* Compress all of it, HTTP_GZIP_STEP bytes at most, if it becomes shorter. 0 or -ENOMEM. */
int http_compression_whole(struct http_exchange *x, struct http_span *body);

/* As http_exchange_write() and the like, once that may be called. */
int http_compression_write(struct http_exchange *x, const char *data, size_t len);
int http_compression_write_segment(struct http_exchange *x, const struct http_segment *s);
int http_compression_end(struct http_exchange *x);

/* Compress more of `source`. Returns as the functions of the wire, also 1 while more waits. */
int http_compression_go_on(struct http_exchange *x);

/* At the end of a callback: flush written content to the client. */
void http_compression_flush(struct http_exchange *x);

/* Release the stream and `source`. */
void http_compression_drop(struct http_exchange *x);
