#include "download/sending.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

/* Up to so many bytes a copy costs less than sendfile(2) and a packet apart from the head do. */
#define COPY_MAX 16384

/* A piece of a file with more behind it, without a rate. It grows while the client takes it sooner,
 * and shrinks while he takes longer, or he could not follow a rate that is set meanwhile. */
#define PIECE_MIN ((uint64_t)65536)
#define PIECE_FIRST ((uint64_t)1 << 20)
#define PIECE_SOON_NS (UINT64_C(1000000000) / 20)
#define PIECE_LATE_NS (UINT64_C(1000000000) / 5)

#define BOUNDARY "%016" PRIx64

/* ---- Heads of parts, RFC 9110 section 14.6 --------------------------------------------------- */

/* What stands before a part, or after the last. Returns its length as snprintf(3) does. */
static int
sending_head(const struct sending *s, unsigned part, char *to, size_t size)
{
    const struct range *p = &s->parts[part];
    const char *type = sending_file_type(s);

    if (part == s->count)
        return snprintf(to, size, "\r\n--" BOUNDARY "--\r\n", s->boundary);
    return snprintf(to, size,
                    "%s--" BOUNDARY "\r\n%s%s%sContent-Range: bytes %" PRIu64 "-%" PRIu64
                    "/%" PRIu64 "\r\n\r\n",
                    part == 0 ? "" : "\r\n", s->boundary,
                    *type == '\0' ? "" : "Content-Type: ", type, *type == '\0' ? "" : "\r\n", p->at,
                    p->at + p->len - 1, s->file->size);
}

void
sending_type(const struct sending *s, char ret_type[SENDING_TYPE_MAX])
{
    snprintf(ret_type, SENDING_TYPE_MAX, "multipart/byteranges; boundary=" BOUNDARY, s->boundary);
}

uint64_t
sending_length(const struct sending *s)
{
    uint64_t len = s->one.len;

    for (unsigned i = 0; s->parts != NULL && i <= s->count; i++) {
        len += (uint64_t)sending_head(s, i, NULL, 0);
        len += i < s->count ? s->parts[i].len : 0;
    }
    return len;
}

/* ---- Slices ---------------------------------------------------------------------------------- */

/* A piece of a file with more behind it. Files do not count as queued: the next is written when the
 * connection has sent this one, which may be after the request is over. */
struct slice {
    struct goevd_http_request *r; /* NULL: it is over */
    struct file *file;
    uint64_t most;     /* bytes of the next */
    uint64_t begun_ns; /* when this was queued */
    bool queued;       /* not sent yet */
    bool writing;      /* the call that queues it has not returned */
};

static void
slice_leave(struct slice *slice)
{
    if (slice == NULL)
        return;
    slice->r = NULL;
    if (!slice->queued)
        free(slice);
}

/* The connection is closed, and who looks for the reason finds it in the log. */
static void
sending_tell(const struct file *file, int result)
{
    if (result == -EIO)
        goevd_log(file->self, GOEVD_LOG_WARNING,
                  "%s has become shorter, or cannot be read: a download of it has ended early",
                  file->name);
}

/* How long the client has taken says how large the next one is. */
static void
slice_measure(struct slice *slice)
{
    uint64_t took_ns = goevd_now() - slice->begun_ns;

    if (took_ns < PIECE_SOON_NS && slice->most < PACE_SLICE_MAX)
        slice->most *= 2;
    else if (took_ns > PIECE_LATE_NS && slice->most > PIECE_MIN)
        slice->most /= 2;
}

static void
slice_sent(void *arg, int result)
{
    struct slice *slice = arg;

    sending_tell(slice->file, result);
    file_unref(slice->file);
    slice->queued = false;
    slice_measure(slice);
    if (slice->r == NULL)
        free(slice);
    else if (!slice->writing && result == 0 && goevd_http_timer(slice->r, 0) == -ENOMEM)
        goevd_http_abort(slice->r);
}

/* Returns as goevd_http_write_file(). */
static int
slice_write(struct slice *slice, struct file *file, const struct range *what)
{
    int result;

    file->refs++;
    slice->file = file;
    slice->begun_ns = goevd_now();
    slice->queued = slice->writing = true;
    result =
        goevd_http_write_file(slice->r, file->fd, (off_t)what->at, what->len, slice_sent, slice);
    slice->writing = false;
    if (result < 0) {
        slice->queued = false;
        file_unref(file);
    }
    return result;
}

/* ---- Its life -------------------------------------------------------------------------------- */

void
sending_init(struct sending *s, struct file *file, struct range part)
{
    *s = (struct sending){.file = file, .one = part};
}

void
sending_set_coding(struct sending *s, struct file *file, const char *coding)
{
    s->named = s->file;
    s->file = file;
    s->coding = coding;
    s->one = (struct range){0, file->size};
}

const char *
sending_file_type(const struct sending *s)
{
    return s->named == NULL ? s->file->type : s->named->type;
}

int
sending_set_parts(struct sending *s, const struct range *parts, unsigned count, uint64_t boundary)
{
    s->parts = malloc(count * sizeof(*parts));
    if (s->parts == NULL)
        return -ENOMEM;
    memcpy(s->parts, parts, count * sizeof(*parts));
    s->one.len = 0;
    s->count = count;
    s->boundary = boundary;
    return 0;
}

void
sending_fini(struct sending *s)
{
    slice_leave(s->slice);
    throttle_fini(&s->throttle);
    free(s->parts);
    file_unref(s->named);
    file_unref(s->file);
    *s = (struct sending){0};
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void
sending_release(void *file, int result)
{
    sending_tell(file, result);
    file_unref(file);
}

/* Returns as goevd_http_write() does; -ENODATA if it is not all in memory: whoever writes files
 * knows what to do then. */
static int
sending_copy(const struct sending *s, struct goevd_http_request *r, const struct range *what)
{
    char copy[COPY_MAX];
    struct iovec iov = {copy, what->len};
    ssize_t n;

    if (what->len > COPY_MAX)
        return -ENODATA;
    n = preadv2(s->file->fd, &iov, 1, (off_t)what->at, s->file->at_once);
    return n == (ssize_t)what->len ? goevd_http_write(r, copy, what->len) : -ENODATA;
}

/* The last bytes of a part: nothing waits for them. Returns as goevd_http_write() does. */
static int
sending_write_last(const struct sending *s, struct goevd_http_request *r, const struct range *what)
{
    int result;

    s->file->refs++;
    result =
        goevd_http_write_file(r, s->file->fd, (off_t)what->at, what->len, sending_release, s->file);
    if (result < 0)
        file_unref(s->file);
    return result;
}

/* Others. Returns as goevd_http_write() does. */
static int
sending_write_slice(struct sending *s, struct goevd_http_request *r, const struct range *what)
{
    if (s->slice == NULL) {
        s->slice = calloc(1, sizeof(*s->slice));
        if (s->slice == NULL)
            return -ENOMEM;
        s->slice->most = PIECE_FIRST;
    }
    s->slice->r = r;
    return slice_write(s->slice, s->file, what);
}

/* Write what of a part may be written now. Returns as goevd_http_write() does; -EAGAIN: there is
 * more, and on_timeout comes. */
static int
sending_write_some(struct sending *s, struct goevd_http_request *r, const struct range *part)
{
    struct range what = {part->at + s->done, part->len - s->done};
    uint64_t most = s->slice == NULL ? PIECE_FIRST : s->slice->most;
    int granted = throttle_ask(&s->throttle, r, what.len < most ? what.len : most);
    bool last = granted >= 0 && (uint64_t)granted == what.len, copied;
    int result;

    if (granted <= 0)
        return granted == 0 ? -EAGAIN : granted;
    what.len = (uint64_t)granted;
    result = sending_copy(s, r, &what);
    copied = result != -ENODATA;
    if (!copied)
        result = last ? sending_write_last(s, r, &what) : sending_write_slice(s, r, &what);
    if (result < 0)
        return result;
    throttle_spend(&s->throttle);
    s->done += what.len;
    if (last || copied)
        return result;
    if (!s->slice->queued) /* others have their turn first */
        result = goevd_http_timer(r, 0);
    return result < 0 ? result : -EAGAIN;
}

/* Returns as sending_write_some(). */
static int
sending_write_part(struct sending *s, struct goevd_http_request *r, const struct range *part)
{
    int result = 0;

    while (result >= 0 && s->done < part->len)
        result = sending_write_some(s, r, part);
    if (result >= 0)
        s->done = 0;
    return result;
}

static int
sending_write_head(const struct sending *s, struct goevd_http_request *r, unsigned part)
{
    size_t len = (size_t)sending_head(s, part, NULL, 0);
    char *head = malloc(len + 1);
    int result;

    if (head == NULL)
        return -ENOMEM;
    sending_head(s, part, head, len + 1);
    result = goevd_http_write(r, head, len);
    free(head);
    return result;
}

/* Heads and parts take turns. */
static int
sending_write(struct sending *s, struct goevd_http_request *r)
{
    if (s->parts == NULL)
        return sending_write_part(s, r, &s->one);
    if (s->step % 2 == 0)
        return sending_write_head(s, r, s->step / 2);
    return sending_write_part(s, r, &s->parts[s->step / 2]);
}

int
sending_go(struct sending *s, struct goevd_http_request *r)
{
    unsigned steps = s->parts == NULL ? 1 : 2 * s->count + 1;

    if (goevd_http_method(r) == GOEVD_HTTP_HEAD) /* without its content, there is nothing to pace */
        s->step = steps;
    if (s->slice != NULL && s->slice->queued)
        return 0;
    for (; s->step < steps; s->step++) {
        int result = sending_write(s, r);

        /* on_drained comes, on_timeout or on_close */
        if (result == -ENOBUFS || result == -EAGAIN || result == -EPIPE)
            return 0;
        if (result < 0)
            return result;
    }
    slice_leave(s->slice);
    s->slice = NULL;
    return goevd_http_end(r) == -ENOMEM ? -ENOMEM : 0;
}
