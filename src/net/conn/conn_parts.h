/* The files of a connection, and the functions that they share.
 *
 *   conn.c          opening, events of epoll, work that is put off
 *   conn_close.c    closing, and the steps after each callback
 *   conn_linger.c   reading on after the close, until the peer has everything
 *   conn_upgrade.c  from one handler to another
 *   conn_read.c     bytes in: reading, the unread tail, end of input
 *   conn_frame.c    frames in and out, for handlers that name a framing
 *   conn_write.c    bytes out: gathering, the output queue, its marks
 *   conn_disk.c     bytes of files that are not in memory
 *   conn_splice.c   bytes that pass from one connection to another unread
 *   conn_seal.c     bytes that a transport has sealed for the wire
 *   conn_slow.c     peers that take their output too slowly
 *   conn_timer.c    deadline, idle time-out, a handler's timers
 *   conn_row.c      a copy of the facts about one, for goevd ctl connections
 *   net.c           all connections of a poller: walking, stopping, closing
 *   send.c          writes and closes from other threads, by id
 *   service.c       data that the connections of a listener share on a poller
 *   transport.c     plain sockets, and sockets that are lent
 *
 * The states of a connection, by its flags:
 *
 *   conn_open()
 *      |
 *   (no CONN_OPENED)   the transport's handshake ------------. fails, or goevd stops
 *      | conn_tell_open(): on_open                           |
 *   CONN_OPENED  <---.                                       |
 *      |             | conn_take_upgrade(): on_close of the  |
 *      |-------------' old handler, on_open of the new one   |
 *      | conn_close(), an error, a time-out                  |
 *   CONN_CLOSING       the output queue is flushed ----------| CONN_CLOSE_NOW, close_timeout
 *      | the queue is empty: shutdown(2)                     |
 *   CONN_LINGERING     the peer's bytes are dropped          |
 *      | the peer's end, linger_timeout, linger_max          |
 *   conn_end()         on_close, close(2)  <-----------------'
 *      |
 *   CONN_DEAD          until conn_work() takes it from the net's list
 */
#pragma once

#include "net/conn/conn.h"

/* No bytes are read while any of these holds. */
#define CONN_INPUT_OFF                                                                             \
    (CONN_PAUSED | CONN_THROTTLED | CONN_EOF | CONN_CLOSING | CONN_AGAIN | CONN_REFUSED)

/* After a change outside callbacks: flush, shut down, close or change the events of epoll,
 * according to the flags. False: the connection is gone. */
bool conn_settle(struct conn *c);

/* Continue the handshake, and then open. The connection may be gone afterwards. */
void conn_begin(struct conn *c);

/* The transport is ready: on_open. The connection may be gone afterwards. */
void conn_tell_open(struct conn *c);

/* At the end of the callback that asked for it; false: the connection is gone. */
bool conn_take_upgrade(struct conn *c);
void conn_state_free(struct conn *c);

/* The queue of a closing connection is empty: shut its output down and let it linger, if it must.
 */
void conn_linger_begin(struct conn *c);

/* Read and drop bytes of a lingering connection. The connection may be gone afterwards. */
void conn_linger_read(struct conn *c);

/* The deadline of a lingering connection is due. Returns whether the peer has taken output since,
 * and then the deadline is a later one. */
bool conn_linger_goes_on(struct conn *c, uint64_t now_ns);

/* A call on the socket failed: close at once, with the reason that belongs to this errno. */
void conn_fail(struct conn *c, int error);

/* Report the result of a callback that is neither one of those it `may` return nor an error; before
 * its conn_leave(). True: the connection is to close. */
__attribute__((cold)) bool conn_result_wrong(const struct conn *c, int64_t r, const char *may);

/* The same for callbacks that return 0, 1 as a write does, or a negative errno to close. */
static inline bool
conn_result_closes(const struct conn *c, int r)
{
    return unlikely((unsigned)r > 1) && conn_result_wrong(c, r, "0, 1 or a negative errno");
}

/* Let the net call conn_work() soon. */
void conn_list(struct conn *c);

/* Deferred work: flush, deliver the tail again, on_drained, on_stop, closing. Outside callbacks;
 * the connection may be gone afterwards. */
void conn_work(struct conn *c);

/* Register with epoll the events that the connection waits for now. */
void conn_interest(struct conn *c);

/* Read once, deliver. The connection may be gone afterwards. */
void conn_receive(struct conn *c);

/* Bytes have been read from the socket. */
void conn_count_in(struct conn *c, size_t n);

/* conn_splice.c: let the handler pass on bytes that have come in bulk. If it passes none, they are
 * read. The connection may be gone afterwards. */
void conn_receive_bulk(struct conn *c);

/* Move len bytes from a pipe to the socket: how many, or a negative errno. */
ssize_t conn_splice_out(struct conn *c, const struct pipe *p, size_t len);

/* Write len bytes that are in a pipe; takes the pipe over. 0: the
 * socket has taken them; 1: some are queued, as for conn_write_now(); -EPIPE: it has failed. */
int conn_offer_pipe(struct conn *c, struct pipe *p, size_t len);

/* Deliver the tail without new bytes, then the end of input if it is due. */
void conn_receive_again(struct conn *c);

void conn_tail_free(struct conn *c);

/* The on_read of handlers with a framing. */
ptrdiff_t conn_read_frames(struct goevd_conn *c, void *state, const char *data, size_t len,
                           size_t fresh, unsigned flags);

/* As conn_reserve(), but returns an error as conn_write() does. */
int conn_room(struct conn *c, size_t len, char **ret);

/* Write the queue to the socket, and the bytes that the callback that has just ended has gathered,
 * as far as the socket has room. Errors mark the connection as closing. */
void conn_flush(struct conn *c);
void conn_flush_gathered(struct conn *c);

/* Its queue is at the low mark or below, and has no pipe, which is to be free for the next bytes.
 */
bool conn_is_drained(const struct conn *c);

/* The socket takes no more of the queue for now. */
void conn_block(struct conn *c);

/* Bytes of the peer's side have been taken out of the queue, or n is 0: it is not idle. */
void conn_count_out(struct conn *c, size_t n);

/* From here on writes of the callback go to the queue, not the gather buffer. 0; -ENOMEM. */
int conn_spill(struct conn *c);

/* conn_seal.c: as conn_offer(), for a transport that seals. */
int conn_offer_sealed(struct conn *c, const char *data, size_t len);

/* The same for the pieces at the front of the queue, as one run of bytes. How many of them; 0: the
 * first one has to be read from a disk, or there is no memory for the run; a negative errno. */
ssize_t conn_seal_queue(struct conn *c);

/* All output has left: let the transport end it. Its last bytes may be in the queue afterwards. */
void conn_finish(struct conn *c);

/* conn_disk.c: how many bytes of the file at the front may be written now, from 1 on; 0: it has to
 * be read first, and CONN_DISK is set until that has ended. */
size_t conn_disk_ready(struct conn *c, struct segment *s);

/* Time of the next attempt after the work pool had no room; UINT64_MAX: none. */
uint64_t conn_disk_due_ns(const struct conn *c);

/* Make that attempt. */
void conn_disk_again(struct conn *c);

/* conn_slow.c: output waits for the socket, so the peer has to take it at the limits' rate. */
void conn_slow_watch(struct conn *c);

/* Time of the next check; UINT64_MAX: none. */
uint64_t conn_slow_due_ns(const struct conn *c);

/* The check: whether the peer takes too little. If not, the next period begins. */
bool conn_slow_passed(struct conn *c);

/* Whether the peer has taken queued output since this last returned true; false if none is queued.
 */
bool conn_slow_moved(struct conn *c);

void conn_timer_due(struct timer *t, uint64_t now_ns);
void conn_timers_free(struct conn *c);

/* Free the memory of a connection that conn_work() finds dead. */
void conn_release(struct conn *c);

/* The connection that embeds w, or NULL if something else does. */
struct conn *conn_of_watch(struct watch *w);

/* Input and output are independent of each other. */
static inline bool
conn_is_duplex(const struct conn *c)
{
    return conn_stream(c)->flags & GOEVD_STREAM_DUPLEX;
}

/* The handler gets no bytes now, or will get the tail again by itself. */
static inline bool
conn_input_held(const struct conn *c)
{
    uint32_t holds =
        CONN_PAUSED | CONN_THROTTLED | CONN_AGAIN | CONN_CLOSING | CONN_UPGRADING | CONN_REFUSED;

    return c->flags & holds || (c->flags & CONN_TELL_DRAINED && !conn_is_duplex(c));
}

/* A clock of 67 ms for ages, wrapping in 9 years. */
static inline uint32_t
conn_age_clock(const struct net *net)
{
    return (uint32_t)(net->poller->now_ns >> 26);
}
