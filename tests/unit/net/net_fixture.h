/* A poller that the test itself turns, with connections whose other ends the test holds, and a
 * handler that records its callbacks and runs the test's actions. */
#pragma once

#include <goevd/framing.h>

#include "unit/unit.h"

#include "base/clock.h"
#include "net/conn/conn_parts.h"
#include "unit/net/faulty.h"

#define SEEN_MAX 4096

/* One connection, as its handler saw it; it outlives the connection. */
struct seen {
    struct conn *c;
    uint64_t id;
    unsigned opened, reads, frames, errors, eofs, drained, timeouts, stops, closed;
    enum goevd_reason reason;
    uint64_t cookie; /* of the last on_timeout */
    int error;       /* of the last on_frame_error */
    unsigned flags;  /* of the last on_read or on_frame */
    size_t len, fresh;
    bool busy;   /* a callback is running */
    char *bytes; /* consumed so far; of frames: each with a bar behind it */
    size_t count;
    void *own; /* the test's */
};

/* Actions of callbacks besides recording; all may be NULL. */
struct script {
    int (*open)(struct seen *s);
    ptrdiff_t (*read)(struct seen *s, const char *data, size_t len); /* NULL: all is consumed */
    int (*eof)(struct seen *s);
    int (*drained)(struct seen *s);
    int (*timeout)(struct seen *s, uint64_t cookie);
    int (*stop)(struct seen *s);
    void (*close)(struct seen *s);
    int (*frame)(struct seen *s, const char *data, size_t len);
    int (*frame_error)(struct seen *s, const char *data, size_t len); /* NULL: -1 */
};

extern struct script script;
extern struct seen seen[SEEN_MAX];
extern unsigned seen_count;
extern struct poller_config poller_config;
extern struct conn_limits limits;             /* may be changed before or after fixture_start() */
extern const struct goevd_stream stream_full; /* has every callback */
extern const struct goevd_stream stream_bare; /* has no on_open, on_eof and on_stop */

/* `stream_full` with a framing. */
const struct goevd_stream *stream_framed(const struct goevd_framing *framing);

extern struct poller *poller;
extern struct net *net;
extern struct service *service;

int fixture_setup(void **state);    /* defaults; nothing runs yet */
int fixture_teardown(void **state); /* closes all; each connection has had its one on_close */

void fixture_start(const struct goevd_stream *stream, const struct transport *transport);

/* A connection; returns the other end, non-blocking, that the test closes. */
int peer_unix(void);
int peer_tcp(void);

void peer_send(int fd, const void *data, size_t len);
void peer_say(int fd, const char *text);

/* Turn the poller until len bytes have come to fd, and return them, NUL behind. */
const char *peer_hear(int fd, size_t len);

/* Turn until the end; returns the bytes before it, -errno if it was a reset. *ret may be NULL. */
ssize_t peer_drain(int fd, char *ret, size_t size);

/* Has the end of the stream come, nothing before it? */
bool peer_ended(int fd);

/* Bytes that depend on their position. */
char pattern(size_t i);
void pattern_fill(char *data, size_t len);
bool pattern_is(const char *data, size_t len);

void turn(int timeout_ms);

/* Turn while something happens without waiting. */
void calm(void);

/* How often the poller wakes within that time. */
uint64_t rounds_within(unsigned ms);

#define until(condition)                                                                           \
    do {                                                                                           \
        uint64_t until_end = clock_now_ns() + 10 * NS_PER_S;                                       \
        while (!(condition)) {                                                                     \
            assert_true(clock_now_ns() < until_end);                                               \
            turn(20);                                                                              \
        }                                                                                          \
    } while (0)

ptrdiff_t script_echo(struct seen *s, const char *data, size_t len);
/* Consume all but what `leave` says. */
extern struct leave {
    size_t keep; /* bytes left unread */
    size_t need; /* set each time, if not 0 */
    bool pause;
} leave;
ptrdiff_t script_leave(struct seen *s, const char *data, size_t len);

int script_go_on(struct seen *s); /* returns 0 */

#define NET_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
