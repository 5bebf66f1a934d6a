/* Frames of handlers that name a framing. Such a handler's on_read is here: it hands out the whole
 * frames of the input, and the rest is a tail like any other. */
#include <errno.h>
#include <string.h>

#include "net/bytes/frame.h"
#include "net/conn/conn_parts.h"

/* ---- In -------------------------------------------------------------------------------------- */

/* The bytes at data can never be a frame; the handler gets that error once. Returns the bytes
 * consumed: the others are kept for another handler, unless the end of input was delivered. */
static size_t
conn_tell_frame_error(struct conn *c, const char *data, size_t len, const struct frame *f,
                      int error)
{
    const struct goevd_stream *stream = conn_stream(c);
    int r = error;

    if (error != -ENODATA)
        c->flags |= CONN_REFUSED;
    conn_place(c, "on_frame_error");
    if (stream->on_frame_error)
        r = stream->on_frame_error(conn_public(c), c->state, data + f->head, f->len, error);
    if (conn_result_closes(c, r))
        conn_close(c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_FRAME);
    return error == -ENODATA && !(c->flags & CONN_UPGRADING) ? len : 0;
}

/* Handle the bytes behind the last whole frame: an incomplete frame, or an error. */
static size_t
conn_end_frames(struct conn *c, const char *data, size_t len, const struct frame *f, int error,
                unsigned flags)
{
    if (error == -EAGAIN && (len == 0 || !(flags & GOEVD_READ_EOF))) {
        if (len > 0 && f->bytes > 0)
            conn_need(c, f->bytes);
        return 0;
    }
    return conn_tell_frame_error(c, data, len, f, error == -EAGAIN ? -ENODATA : error);
}

ptrdiff_t
conn_read_frames(struct goevd_conn *public, void *state, const char *data, size_t len, size_t fresh,
                 unsigned flags)
{
    struct conn *c = (struct conn *)public;
    const struct goevd_stream *stream = conn_stream(c);
    size_t used = 0, max = c->service->limits->frame_max;
    struct frame frame, next;
    int error, next_error, r;

    if (conn_input_held(c))
        return 0;
    conn_place(c, "on_frame");
    /* Without fresh bytes it was perhaps not the search that stopped. */
    error = frame_find(stream->framing, max, data, len, fresh < len ? fresh : 0, &frame);
    while (error == 0) {
        const char *behind = data + used + frame.bytes;

        next_error = frame_find(stream->framing, max, behind, len - used - frame.bytes, 0, &next);
        r = stream->on_frame(public, state, data + used + frame.head, frame.len,
                             next_error == 0 ? GOEVD_FRAME_MORE : 0);
        if (r == -ENOBUFS && conn_input_held(c))
            return (ptrdiff_t)used;
        if (conn_result_closes(c, r))
            return MIN(r, -EINVAL);
        used += frame.bytes;
        if (conn_input_held(c))
            return (ptrdiff_t)used;
        frame = next;
        error = next_error;
    }
    return (ptrdiff_t)(used + conn_end_frames(c, data + used, len - used, &frame, error, flags));
}

/* ---- Out ------------------------------------------------------------------------------------- */

static int
conn_frame_ends(const struct conn *c, const char *data, size_t len, struct frame_ends *ret)
{
    const struct goevd_framing *framing = conn_stream(c)->framing;

    if (!framing)
        return -ENOTSUP;
    if (len > c->service->limits->output_max)
        return -EMSGSIZE;
    return frame_ends(framing, data, len, ret);
}

int
conn_write_frame(struct conn *c, const void *data, size_t len)
{
    struct frame_ends ends;
    char *room;
    int r = conn_frame_ends(c, data, len, &ends);

    if (r < 0)
        return r;
    r = conn_room(c, ends.head_len + len + ends.tail_len, &room);
    if (r < 0)
        return r;
    memcpy(room, ends.head, ends.head_len);
    room += ends.head_len;
    if (len > 0)
        memcpy(room, data, len);
    if (ends.tail_len > 0)
        memcpy(room + len, ends.tail, ends.tail_len);
    return conn_commit(c, ends.head_len + len + ends.tail_len);
}

int
conn_write_frame_shared(struct conn *c, char *data, size_t len, goevd_release_fn release, void *arg)
{
    struct frame_ends ends;
    int r = conn_frame_ends(c, data, len, &ends);

    if (r < 0)
        return r;
    memcpy(data - ends.head_len, ends.head, ends.head_len);
    if (ends.tail_len > 0)
        memcpy(data + len, ends.tail, ends.tail_len);
    return conn_write_shared(c, data - ends.head_len, ends.head_len + len + ends.tail_len, release,
                             arg);
}
