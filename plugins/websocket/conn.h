/* A connection after its handshake: what it is, frames out, and its end. */
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

/* What a connection may be closed for; limit.c knows their names. */
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

/* The callbacks of an application, for crash reports. */
enum ws_callback {
    WS_ON_REQUEST,
    WS_ON_OPEN,
    WS_ON_MESSAGE,
    WS_ON_FRAGMENT,
    WS_ON_DRAINED,
    WS_ON_CLOSE,
    WS_ON_CALL, /* the function of goevd_websocket_call() */
    WS_ON_DONE, /* that of goevd_websocket_post() */
    WS_CALLBACK_COUNT
};

/* One use of the plugin in the configuration. */
struct ws_instance {
    struct goevd_self *self;
    const struct ws_options *options;
    struct ws_handshake_policy policy;
    struct goevd_websocket_app app; /* the copy: what both sides know, the rest zero */
    struct goevd_hosted hosted[WS_CALLBACK_COUNT];
    _Atomic int64_t compress_used; /* of compress_memory_max */
    _Atomic int64_t publishing;    /* bytes on their way to the pollers, of publish_max */
    struct {
        int members, published, dropped;
        int limits[WS_LIMIT_COUNT];
        int packed, packed_from, packed_to, malformed;
    } metrics;
};

/* What a poller keeps of an instance, for any of its connections. */
struct ws_local {
    struct goevd_place *place;
    char *scratch; /* where frames that came whole are unmasked */
    size_t scratch_room;
    char *spare; /* memory for the next message that comes in parts; NULL: none */
    size_t spare_room;
    struct ws_packer packer;
    struct ws_rooms *rooms;
    struct ws_inflater *inflater; /* for the next message whose connection keeps none; NULL: none */
};

enum ws_conn_flags {
    WS_CONN_FRAME = 1 << 0,       /* in the midst of a data frame */
    WS_CONN_LAST = 1 << 1,        /* which is the last of its message */
    WS_CONN_MESSAGE = 1 << 2,     /* in the midst of a message */
    WS_CONN_WAITS = 1 << 3,       /* a message is whole and the application was not ready for it */
    WS_CONN_OPEN = 1 << 4,        /* on_open has run, and on_close has not */
    WS_CONN_CLOSING = 1 << 5,     /* our close frame is out, the peer's is awaited */
    WS_CONN_DONE = 1 << 6,        /* nothing is read or written any more */
    WS_CONN_HEARD = 1 << 7,       /* something has come since the last look */
    WS_CONN_PINGED = 1 << 8,      /* the answer to a ping is awaited; when closing: our close frame
                                   * was still queued when that was last looked at */
    WS_CONN_LEAVING = 1 << 9,     /* our close frame follows within stop_spread */
    WS_CONN_COMPRESSED = 1 << 10, /* the present message is */
    WS_CONN_COUNTED = 1 << 11,    /* what it has borrowed to be inflated counts as memory */
    WS_CONN_FULL = 1 << 12,       /* much is queued: what is published waits for on_drained */
    WS_CONN_STREAMED = 1 << 13,   /* the application has had a part of the present message */
    WS_CONN_SENDING = 1 << 14,    /* a message goes out part by part: no other may go between */
    WS_CONN_SENDS_PACKED = 1 << 15, /* it is compressed, and `deflater` is its */
    WS_CONN_DRAINS = 1 << 16,       /* on_drained follows: a write has returned 1 or -ENOBUFS */
    WS_CONN_AWAITS = 1 << 17        /* the peer's close frame is awaited, and has not come */
};

#define WS_CONN_MAGIC 0x3b50c4e7

/* What the handshake leaves to the connection. */
struct ws_conn_begin {
    void *app_state; /* NULL: it has none */
    struct ws_deflate_terms terms;
    uint32_t magic; /* of the connection: WS_CONN_MAGIC from on_open until on_close has returned */
};

/* One connection: its state is this, and that of the application in memory of its own. What the
 * handshake leaves to it comes first. */
struct goevd_websocket_conn {
    struct ws_conn_begin begin;
    struct goevd_conn *c;
    char *message; /* its payload so far, unmasked; NULL: none yet */
    size_t message_len, message_room;
    uint32_t streamed;   /* bytes of the message that the application has had */
    uint32_t frame_left; /* bytes of the present frame that have not come */
    uint32_t mask;       /* for the next of them */
    uint32_t fragments;  /* frames of the present message */
    uint32_t flags;      /* enum ws_conn_flags */
    uint16_t code : 13;  /* of the close frame that was first */
    uint16_t who : 3;    /* has sent it */
    uint8_t opcode;
    struct ws_utf8 utf8;
    uint32_t begun_ms;                       /* the present message, of the poller's clock */
    struct ws_inflater *inflater;            /* NULL: none yet, or none but within a message */
    struct ws_deflater *deflater;            /* NULL: none yet, or none of its own */
    struct ws_subscriber *subscriber;        /* NULL: in no room, and never too slow */
    struct goevd_websocket_conn *next, **at; /* among all of the poller */
};

static_assert(sizeof(struct goevd_websocket_conn) <= 128, "an idle connection is to stay small");

/* Give the application its state, unless it has it. Returns 0 or -ENOMEM. */
int ws_conn_begin_state(const struct ws_instance *ws, struct ws_conn_begin *begin);

/* Send a close frame, once. Returns 0; -EPIPE if that has been done. */
int ws_conn_begin_close(struct goevd_websocket_conn *w, unsigned code, const char *reason,
                        size_t len, enum goevd_websocket_who who);

/* Remember the first close frame, for on_close. */
void ws_conn_note_close(struct goevd_websocket_conn *w, unsigned code,
                        enum goevd_websocket_who who);

/* End the connection; flags as of goevd_conn_close(). */
void ws_conn_end(struct goevd_websocket_conn *w, unsigned flags);

/* Send one frame. Returns as goevd_websocket_send() does. */
int ws_conn_send(struct goevd_websocket_conn *w, uint8_t opcode, const void *data, size_t len);

/* Note what a write to the connection has returned. Returns it. */
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

/* A callback of the application begins; what it returns is for goevd_hosted_end(). */
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
