/* A connection after its handshake: its state, sending frames, and its end. */
#pragma once

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>

#include <goevd/hosting.h>
#include <goevd/websocket.h>

#include "websocket/message/handshake.h"
#include "websocket/message/pack.h"
#include "websocket/message/utf8.h"
#include "websocket/options.h"

/* Limits that close a connection. limit.c has their names. */
enum ws_limit {
    WS_LIMIT_NONE,
    WS_LIMIT_MESSAGE,
    WS_LIMIT_FRAME,
    WS_LIMIT_FRAGMENTS,
    WS_LIMIT_TIME,
    WS_LIMIT_REPLY,
    WS_LIMIT_MEMORY,
    WS_LIMIT_PONG,
    WS_LIMIT_CLOSE,
    WS_LIMIT_BACKLOG,
    WS_LIMIT_COUNT
};

/* Codes of close frames with a count of their own, from 1000; then all others. */
#define WS_CLOSED_FIRST 1000
#define WS_CLOSED_COUNT 13

/* The callbacks of an application, for crash reports. */
enum ws_callback {
    WS_ON_REQUEST,
    WS_ON_OPEN,
    WS_ON_MESSAGE,
    WS_ON_FRAGMENT,
    WS_ON_DRAINED,
    WS_ON_CLOSE,
    WS_ON_CALL, /* function of goevd_websocket_call() */
    WS_ON_DONE, /* function of goevd_websocket_post() */
    WS_CALLBACK_COUNT
};

/* One instance of the plugin in the configuration. */
struct ws_instance {
    struct goevd_self *self;
    const struct ws_options *options;
    struct ws_handshake_policy policy;
    struct goevd_websocket_app app; /* copy of the application's struct, zero beyond the members
                                     * that both sides know */
    struct goevd_hosted hosted[WS_CALLBACK_COUNT];
    _Atomic int64_t compress_used; /* memory in use, limited by compress_memory_max */
    _Atomic int64_t publishing;    /* bytes on their way to the pollers, limited by publish_max */
    struct {
        int members, published, dropped;
        int limits[WS_LIMIT_COUNT];
        int packed, packed_from, packed_to, malformed;
        int open, received;
        int closed[WS_CLOSED_COUNT];
    } metrics;
};

/* State of an instance on one poller, shared by its connections. */
struct ws_local {
    struct goevd_place *place;
    uint64_t *received; /* share of this metric */
    char *scratch;      /* buffer for unmasking frames that arrive whole */
    size_t scratch_room;
    char *spare; /* free buffer for the next message in parts; NULL: none */
    size_t spare_room;
    struct ws_packer packer;
    struct ws_rooms *rooms;
    struct ws_inflater *inflater; /* free inflater for the next message; NULL: none */
};

enum ws_conn_flags {
    WS_CONN_FRAME = 1 << 0,       /* within a data frame */
    WS_CONN_LAST = 1 << 1,        /* that frame is the last of its message */
    WS_CONN_MESSAGE = 1 << 2,     /* within a message */
    WS_CONN_WAITS = 1 << 3,       /* a whole message waits, because the application was not ready
                                   * for it */
    WS_CONN_OPEN = 1 << 4,        /* on_open has run, and on_close has not */
    WS_CONN_CLOSING = 1 << 5,     /* our close frame is sent, and the peer's is awaited */
    WS_CONN_DONE = 1 << 6,        /* the connection neither reads nor writes any more */
    WS_CONN_HEARD = 1 << 7,       /* data has arrived since the last keepalive check */
    WS_CONN_PINGED = 1 << 8,      /* a ping is unanswered; while closing: our close frame was still
                                   * queued at the last check */
    WS_CONN_LEAVING = 1 << 9,     /* stopping: our close frame follows within stop_spread */
    WS_CONN_COMPRESSED = 1 << 10, /* the current message is compressed */
    WS_CONN_COUNTED = 1 << 11,    /* its borrowed inflater counts as memory */
    WS_CONN_FULL = 1 << 12,       /* the queue is full: published messages wait for on_drained */
    WS_CONN_STREAMED = 1 << 13,   /* the application has received a part of the current message */
    WS_CONN_SENDING = 1 << 14,    /* a message is being sent in parts: no other may be sent in
                                   * between */
    WS_CONN_SENDS_PACKED = 1 << 15, /* that message is compressed by `deflater` */
    WS_CONN_DRAINS = 1 << 16,       /* on_drained is pending: a write has returned 1 or -ENOBUFS */
    WS_CONN_AWAITS = 1 << 17        /* the peer's close frame is awaited */
};

#define WS_CONN_MAGIC 0x3b50c4e7

/* Values that the handshake passes to the connection. */
struct ws_conn_begin {
    void *app_state; /* NULL: the application has no state */
    struct ws_deflate_terms terms;
    uint32_t magic; /* magic of the connection: WS_CONN_MAGIC from on_open until on_close has
                     * returned */
};

/* One connection. The application's state is a separate allocation. The first member has the values
 * from the handshake. */
struct goevd_websocket_conn {
    struct ws_conn_begin begin;
    struct goevd_conn *c;
    char *message; /* payload received so far, unmasked; NULL: none yet */
    size_t message_len, message_room;
    uint32_t streamed;   /* bytes of the message that the application has received */
    uint32_t frame_left; /* bytes of the current frame still to come */
    uint32_t mask;       /* mask of the next of these bytes */
    uint32_t fragments;  /* frames of the current message */
    uint32_t flags;      /* enum ws_conn_flags */
    uint16_t code : 13;  /* code of the first close frame */
    uint16_t who : 3;    /* sender of that frame */
    uint8_t opcode;
    struct ws_utf8 utf8;
    uint32_t begun_ms;                       /* start of the current message, in the poller's
                                              * time */
    struct ws_inflater *inflater;            /* NULL: none yet, or only used within a message */
    struct ws_deflater *deflater;            /* NULL: none yet, or borrowed only */
    struct ws_subscriber *subscriber;        /* NULL: the connection has joined no room, and was
                                              * never too slow */
    struct goevd_websocket_conn *next, **at; /* in the list of the poller's connections */
};

static_assert(sizeof(struct goevd_websocket_conn) <= 128, "an idle connection is to stay small");

/* Allocate the application's state, unless it exists. Returns 0 or -ENOMEM. */
int ws_conn_begin_state(const struct ws_instance *ws, struct ws_conn_begin *begin);

/* Send a close frame, at most once. Returns 0; -EPIPE: one was sent already. */
int ws_conn_begin_close(struct goevd_websocket_conn *w, unsigned code, const char *reason,
                        size_t len, enum goevd_websocket_who who);

/* Record the first close frame, for on_close. */
void ws_conn_note_close(struct goevd_websocket_conn *w, unsigned code,
                        enum goevd_websocket_who who);

/* End the connection; flags of goevd_conn_close(). */
void ws_conn_end(struct goevd_websocket_conn *w, unsigned flags);

/* Send one frame. Returns as goevd_websocket_send() does. */
int ws_conn_send(struct goevd_websocket_conn *w, uint8_t opcode, const void *data, size_t len);

/* Record the result of a write to the connection. Returns it. */
static inline int
ws_conn_wrote(struct goevd_websocket_conn *w, int r)
{
    if (__builtin_expect(r != 0, 0) && (r == 1 || r == -ENOBUFS))
        w->flags |= WS_CONN_DRAINS;
    return r;
}

static inline struct ws_instance *
ws_conn_instance(const struct goevd_websocket_conn *w)
{
    return goevd_conn_instance(w->c);
}

/* Begin a callback of the application. Pass the result to goevd_hosted_end(). */
static inline const struct goevd_hosted *
ws_conn_enter_app(const struct goevd_websocket_conn *w, enum ws_callback callback)
{
    const struct ws_local *l = goevd_conn_local(w->c);

    return goevd_hosted_begin(l->place, &ws_conn_instance(w)->hosted[callback]);
}

static inline void
ws_conn_leave_app(const struct goevd_websocket_conn *w, const struct goevd_hosted *outer)
{
    const struct ws_local *l = goevd_conn_local(w->c);

    goevd_hosted_end(l->place, outer);
}
