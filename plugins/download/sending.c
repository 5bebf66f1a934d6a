#include "download/sending.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

/* Up to this size a copy is cheaper than sendfile(2) and a separate packet. */
#define COPY_MAX DL_SENDING_COPY_MAX

/* Size of a slice of a file that is sent without a rate. Slices grow while the client takes them
 * quickly, and shrink while it is slow, so that a rate set meanwhile soon applies. */
#define PIECE_MIN ((uint64_t)65536)
#define PIECE_FIRST ((uint64_t)1 << 20)
#define PIECE_SOON_NS (UINT64_C(1000000000) / 20)
#define PIECE_LATE_NS (UINT64_C(1000000000) / 5)

/* Limit of the last pieces of files that may be queued after their requests are over, of all
 * connections of a poller. Each keeps its file open. Above the limit a request lasts until its file
 * is sent, so a client that pipelines requests and reads nothing has one open file. */
#define UNHELD_MAX 64

#define BOUNDARY "%016" PRIx64

/* ---- Heads of parts, RFC 9110 section 14.6 --------------------------------------------------- */

/* Format the head of a part, or the end of the last one. Returns the length as snprintf(3) does. */
static int
dl_sending_head(const struct dl_sending *s, unsigned part, char *to, size_t size)
{
    const struct dl_range *p = &s->parts[part];
    const char *type = dl_sending_file_type(s);

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
dl_sending_type(const struct dl_sending *s, char ret_type[DL_SENDING_TYPE_MAX])
{
    snprintf(ret_type, DL_SENDING_TYPE_MAX, "multipart/byteranges; boundary=" BOUNDARY,
             s->boundary);
}

uint64_t
dl_sending_length(const struct dl_sending *s)
{
    uint64_t len = s->one.len;

    for (unsigned i = 0; s->parts && i <= s->count; i++) {
        len += (uint64_t)dl_sending_head(s, i, NULL, 0);
        len += i < s->count ? s->parts[i].len : 0;
    }
    return len;
}

/* ---- Slices ---------------------------------------------------------------------------------- */

/* A slice of a file, followed by more of it. File content does not count as queued output, so the
 * next slice is written when the connection has sent this one, which may be after the end of the
 * request. */
struct dl_slice {
    struct goevd_http_request *r; /* NULL: the request is over */
    struct dl_file *file;
    uint64_t most;     /* size of the next slice */
    uint64_t begun_ns; /* time at which this one was queued */
    bool queued;       /* this one is not sent yet */
    bool writing;      /* the call that queues it is running */
};

static void
dl_slice_leave(struct dl_slice *slice)
{
    if (!slice)
        return;
    slice->r = NULL;
    if (!slice->queued)
        free(slice);
}

/* Log a short or unreadable file: it closes the connection, and the client gets no reason. */
static void
dl_sending_tell(const struct dl_file *file, int result)
{
    if (result == -EIO)
        goevd_log(file->self, GOEVD_LOG_WARNING,
                  "%s has become shorter, or cannot be read: a download of it has ended early",
                  file->name);
}

/* Choose the size of the next slice by the time that this one took. */
static void
dl_slice_measure(struct dl_slice *slice)
{
    uint64_t took_ns = goevd_now() - slice->begun_ns;

    if (took_ns < PIECE_SOON_NS && slice->most < DL_PACE_SLICE_MAX)
        slice->most *= 2;
    else if (took_ns > PIECE_LATE_NS && slice->most > PIECE_MIN)
        slice->most /= 2;
}

static void
dl_slice_sent(void *arg, int result)
{
    struct dl_slice *slice = arg;

    dl_sending_tell(slice->file, result);
    dl_file_unref(slice->file);
    slice->queued = false;
    dl_slice_measure(slice);
    if (!slice->r)
        free(slice);
    else if (!slice->writing && result == 0 && goevd_http_timer(slice->r, 0) == -ENOMEM)
        goevd_http_abort(slice->r);
}

/* Returns as goevd_http_write_file(). */
static int
dl_slice_write(struct dl_slice *slice, struct dl_file *file, const struct dl_range *what)
{
    int result;

    file->refs++;
    slice->file = file;
    slice->begun_ns = goevd_now();
    slice->queued = slice->writing = true;
    result =
        goevd_http_write_file(slice->r, file->fd, (off_t)what->at, what->len, dl_slice_sent, slice);
    slice->writing = false;
    if (result < 0) {
        slice->queued = false;
        dl_file_unref(file);
    }
    return result;
}

/* ---- The life of a slice --------------------------------------------------------------------- */

void
dl_sending_init(struct dl_sending *s, struct dl_file *file, struct dl_range part)
{
    *s = (struct dl_sending){.file = file, .one = part};
}

void
dl_sending_set_coding(struct dl_sending *s, struct dl_file *file, const char *coding)
{
    s->named = s->file;
    s->file = file;
    s->coding = coding;
    s->one = (struct dl_range){0, file->size};
}

const char *
dl_sending_file_type(const struct dl_sending *s)
{
    return s->named ? s->named->type : s->file->type;
}

int
dl_sending_set_parts(struct dl_sending *s, const struct dl_range *parts, unsigned count,
                     uint64_t boundary)
{
    s->parts = malloc(count * sizeof(*parts));
    if (!s->parts)
        return -ENOMEM;
    memcpy(s->parts, parts, count * sizeof(*parts));
    s->one.len = 0;
    s->count = count;
    s->boundary = boundary;
    return 0;
}

void
dl_sending_fini(struct dl_sending *s)
{
    dl_slice_leave(s->slice);
    dl_throttle_fini(&s->throttle);
    free(s->parts);
    dl_file_unref(s->named);
    dl_file_unref(s->file);
    *s = (struct dl_sending){0};
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* The last bytes of a file, which may be sent after the end of the request. */
struct dl_last {
    struct dl_file *file;
    struct dl_throttle
        throttle; /* taken over from the request: the download counts until they are sent */
};

static void
dl_last_sent(void *arg, int result)
{
    struct dl_last *last = arg;

    (*last->file->unheld)--;
    dl_sending_tell(last->file, result);
    dl_file_unref(last->file);
    dl_throttle_fini(&last->throttle);
    free(last);
}

/* Copy the bytes, if all of them are in the page cache. Returns as goevd_http_write() does;
 * -ENODATA: a part is on disk, so that they have to be written by reference. */
static int
dl_sending_copy(const struct dl_sending *s, struct goevd_http_request *r,
                const struct dl_range *what)
{
    char copy[COPY_MAX];
    struct iovec iov = {copy, what->len};
    ssize_t n;

    if (what->len > COPY_MAX)
        return -ENODATA;
    n = preadv2(s->file->fd, &iov, 1, (off_t)what->at, s->file->at_once);
    return n == (ssize_t)what->len ? goevd_http_write(r, copy, what->len) : -ENODATA;
}

/* Write the last bytes, detached from the request. Returns as goevd_http_write() does. */
static int
dl_sending_write_last(struct dl_sending *s, struct goevd_http_request *r,
                      const struct dl_range *what)
{
    struct dl_last *last = malloc(sizeof(*last));
    int result;

    if (!last)
        return -ENOMEM;
    *last = (struct dl_last){s->file, s->throttle};
    s->throttle = (struct dl_throttle){.self = s->throttle.self, .shared = s->throttle.shared};
    s->file->refs++;
    (*s->file->unheld)++;
    result = goevd_http_write_file(r, s->file->fd, (off_t)what->at, what->len, dl_last_sent, last);
    if (result < 0) {
        (*s->file->unheld)--;
        dl_file_unref(s->file);
        s->throttle = last->throttle;
        free(last);
    }
    return result;
}

/* Write bytes with more behind them. Returns as goevd_http_write() does. */
static int
dl_sending_write_slice(struct dl_sending *s, struct goevd_http_request *r,
                       const struct dl_range *what)
{
    if (!s->slice) {
        s->slice = calloc(1, sizeof(*s->slice));
        if (!s->slice)
            return -ENOMEM;
        s->slice->most = PIECE_FIRST;
    }
    s->slice->r = r;
    return dl_slice_write(s->slice, s->file, what);
}

/* Write as much of a part as may be written now. Returns as goevd_http_write() does; -EAGAIN: the
 * rest follows in on_timeout. */
static int
dl_sending_write_some(struct dl_sending *s, struct goevd_http_request *r,
                      const struct dl_range *part)
{
    struct dl_range what = {part->at + s->done, part->len - s->done};
    uint64_t most = s->slice ? s->slice->most : PIECE_FIRST;
    int granted = dl_throttle_ask(&s->throttle, r, what.len < most ? what.len : most);
    bool last =
        !s->parts && granted >= 0 && (uint64_t)granted == what.len && *s->file->unheld < UNHELD_MAX;
    bool copied;
    int result;

    if (granted <= 0)
        return granted == 0 ? -EAGAIN : granted;
    what.len = (uint64_t)granted;
    result = dl_sending_copy(s, r, &what);
    copied = result != -ENODATA;
    if (!copied)
        result = last ? dl_sending_write_last(s, r, &what) : dl_sending_write_slice(s, r, &what);
    if (result < 0)
        return result;
    dl_throttle_spend(&s->throttle);
    s->done += what.len;
    if (last || copied)
        return result;
    if (!s->slice->queued) /* let other connections run first */
        result = goevd_http_timer(r, 0);
    return result < 0 ? result : -EAGAIN;
}

/* Returns as dl_sending_write_some(). */
static int
dl_sending_write_part(struct dl_sending *s, struct goevd_http_request *r,
                      const struct dl_range *part)
{
    int result = 0;

    while (result >= 0 && s->done < part->len)
        result = dl_sending_write_some(s, r, part);
    if (result >= 0)
        s->done = 0;
    return result;
}

static int
dl_sending_write_head(const struct dl_sending *s, struct goevd_http_request *r, unsigned part)
{
    size_t len = (size_t)dl_sending_head(s, part, NULL, 0);
    char *head = malloc(len + 1);
    int result;

    if (!head)
        return -ENOMEM;
    dl_sending_head(s, part, head, len + 1);
    result = goevd_http_write(r, head, len);
    free(head);
    return result;
}

/* Write heads and parts in turns. */
static int
dl_sending_write(struct dl_sending *s, struct goevd_http_request *r)
{
    if (!s->parts)
        return dl_sending_write_part(s, r, &s->one);
    if (s->step % 2 == 0)
        return dl_sending_write_head(s, r, s->step / 2);
    return dl_sending_write_part(s, r, &s->parts[s->step / 2]);
}

int
dl_sending_go(struct dl_sending *s, struct goevd_http_request *r)
{
    unsigned steps = s->parts ? 2 * s->count + 1 : 1;

    if (goevd_http_method(r) == GOEVD_HTTP_HEAD) /* HEAD: there is no content to pace */
        s->step = steps;
    if (s->slice && s->slice->queued)
        return 0;
    for (; s->step < steps; s->step++) {
        int result = dl_sending_write(s, r);

        if (result == -ENOBUFS || result == -EAGAIN) /* on_drained or on_timeout follows */
            return dl_throttle_enter(&s->throttle, r);
        if (result == -EPIPE) /* on_close follows */
            return 0;
        if (result < 0)
            return result;
    }
    dl_slice_leave(s->slice);
    s->slice = NULL;
    return goevd_http_end(r) == -ENOMEM ? -ENOMEM : 0;
}
