/* goevd/framing.h - input in frames: lines, delimiters, or a length before each frame.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_FRAMING_H
#define GOEVD_FRAMING_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

struct goevd_host_framing;

/* Where a frame ends. */
enum goevd_framing_type {
    GOEVD_FRAMING_LINES = 1, /* at LF; a CR before it is dropped */
    GOEVD_FRAMING_DELIMITER, /* at the bytes of `delimiter` */
    GOEVD_FRAMING_LENGTH     /* after the number of bytes that the `length_bytes` before it give */
};

enum goevd_framing_flags {
    GOEVD_FRAMING_CRLF = 1 << 0,     /* LINES: written lines end with CR LF */
    GOEVD_FRAMING_LITTLE = 1 << 1,   /* LENGTH: the lowest byte comes first, not the highest */
    GOEVD_FRAMING_INCLUSIVE = 1 << 2 /* LENGTH: the number counts its own bytes too */
};

#define GOEVD_DELIMITER_MAX 16

/* How a stream is cut into frames; `framing` of struct goevd_stream. Static and immutable.
 *
 * on_frame(c, state, data, len, flags): a whole frame has come.
 *
 *   data     len bytes without prefix and delimiter, perhaps 0; valid until the call without
 *            GOEVD_FRAME_MORE returns, so that frames can be gathered.
 *   flags    enum goevd_frame_flags. GOEVD_FRAME_MORE does not hold if this call pauses, closes or
 *            upgrades c, or a write to c returns 1 or -ENOBUFS: then the next frame waits.
 *   Returns  0 or 1, as goevd_conn_write_frame() does: the frame is consumed. -ENOBUFS, if c is
 *            paused or a write to c has just returned that: the frame comes again, after a resume
 *            or on_drained. Another negative value closes c.
 *
 * on_frame_error(c, state, data, len, error): the next bytes are no frame, and no frame follows.
 *
 *   data     len bytes, the beginning without the prefix; at most frame_max of the listener.
 *   error    -EMSGSIZE: longer than frame_max; -EBADMSG: the length counts its own bytes and is
 *            less than they are; -ENODATA: the input has ended within a frame.
 *   Returns  negative: flush and close, GOEVD_REASON_FRAME. 0: after -ENODATA on_eof follows; after
 *            the other errors nothing more is read, and the handler closes c or upgrades it: then
 *            the other handler gets the bytes.
 */
struct goevd_framing {
    struct goevd_version version;
    enum goevd_framing_type type;
    unsigned flags;             /* enum goevd_framing_flags */
    struct goevd_str delimiter; /* DELIMITER: 1 to GOEVD_DELIMITER_MAX bytes */
    unsigned length_bytes;      /* LENGTH: 1, 2, 4 or 8 */
};

/* Flags of on_frame. */
enum goevd_frame_flags {
    GOEVD_FRAME_MORE = 1 << 0 /* the next frame is complete: on_frame follows at once */
};

/* The functions below, in the table that goevd_host->framing points to. */
struct goevd_host_framing {
    struct goevd_version version;

    int (*conn_write_frame)(struct goevd_conn *c, const void *data, size_t len);
    int (*send_frame)(struct goevd_self *self, uint64_t conn_id, const void *data, size_t len,
                      uint64_t cookie);
};

/* Queue a frame for a connection, with the prefix or delimiter of its handler's framing: all of it
 * or nothing.
 *
 * data     len bytes; copied. The listener's frame_max does not limit them.
 * Thread   [poller]
 * Returns  as goevd_conn_write() does; -EMSGSIZE also if the prefix cannot hold len; -EINVAL if the
 *          peer would read another frame: data contains the delimiter, or ends with CR where lines
 *          end with LF alone; -ENOTSUP if the handler has no framing.
 * Calls    no handler before it returns.
 */
static inline int
goevd_conn_write_frame(struct goevd_conn *c, const void *data, size_t len)
{
    return goevd_host->framing->conn_write_frame(c, data, len);
}

/* Send a frame to a connection from any thread: as goevd_send() of goevd/threads.h, with the
 * framing of the connection's present handler.
 *
 * data     len bytes; copied.
 * cookie   an argument of on_sent, which may also report -EMSGSIZE, -EINVAL and -ENOTSUP as
 *          goevd_conn_write_frame() does.
 * Thread   [any]
 * Returns  as goevd_send() does.
 */
static inline int
goevd_send_frame(struct goevd_self *self, uint64_t conn_id, const void *data, size_t len,
                 uint64_t cookie)
{
    return goevd_host->framing->send_frame(self, conn_id, data, len, cookie);
}

/* The layout on 64-bit machines. */
#if UINTPTR_MAX == UINT64_MAX
GOEVD_STATIC_ASSERT(sizeof(struct goevd_framing) == 40, "goevd_framing has moved");
#endif

#ifdef __cplusplus
}
#endif

#endif
