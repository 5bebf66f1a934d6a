#include "net/bytes/frame.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <goevd/framing.h>

#include "base/util.h"

/* ---- In -------------------------------------------------------------------------------------- */

static int
frame_find_delimiter(const struct goevd_str *delimiter, size_t max, const char *data, size_t len,
                     size_t searched, struct frame *ret)
{
    size_t before = delimiter->len - 1; /* it may have begun there */
    size_t from = searched > before ? searched - before : 0;
    const char *end = memmem(data + from, len - from, delimiter->data, delimiter->len);

    ret->len = end ? (size_t)(end - data) : len;
    if (ret->len > max + (end ? 0 : before))
        return -EMSGSIZE;
    if (!end)
        return -EAGAIN;
    ret->bytes = ret->len + delimiter->len;
    return 0;
}

static int
frame_find_line(size_t max, const char *data, size_t len, size_t searched, struct frame *ret)
{
    const char *end = memchr(data + searched, '\n', len - searched);

    ret->len = end ? (size_t)(end - data) : len;
    ret->bytes = end ? ret->len + 1 : 0;
    ret->len -= ret->len > 0 && data[ret->len - 1] == '\r'; /* that of an LF to come, perhaps */
    if (ret->len > max)
        return -EMSGSIZE;
    return end ? 0 : -EAGAIN;
}

static uint64_t
frame_length_read(const struct goevd_framing *f, const char *data)
{
    size_t n = f->length_bytes;
    uint64_t length = 0;

    for (size_t i = 0; i < n; i++)
        length = length << 8 | (uint8_t)data[f->flags & GOEVD_FRAMING_LITTLE ? n - 1 - i : i];
    return length;
}

static int
frame_find_length(const struct goevd_framing *f, size_t max, const char *data, size_t len,
                  struct frame *ret)
{
    uint64_t length;

    ret->head = MIN(len, f->length_bytes);
    ret->len = len - ret->head;
    ret->bytes = f->length_bytes;
    if (len < ret->bytes)
        return -EAGAIN;
    length = frame_length_read(f, data);
    if (f->flags & GOEVD_FRAMING_INCLUSIVE) {
        if (length < ret->head)
            return -EBADMSG;
        length -= ret->head;
    }
    if (length > max)
        return -EMSGSIZE;
    ret->len = MIN(ret->len, length);
    ret->bytes += length;
    return ret->bytes <= len ? 0 : -EAGAIN;
}

int
frame_find(const struct goevd_framing *f, size_t max, const char *data, size_t len, size_t searched,
           struct frame *ret)
{
    int r;

    *ret = (struct frame){0};
    if (f->type == GOEVD_FRAMING_LENGTH)
        r = frame_find_length(f, max, data, len, ret);
    else if (f->type == GOEVD_FRAMING_LINES)
        r = frame_find_line(max, data, len, searched, ret);
    else
        r = frame_find_delimiter(&f->delimiter, max, data, len, searched, ret);
    ret->len = MIN(ret->len, max);
    return r;
}

/* ---- Out ------------------------------------------------------------------------------------- */

static int
frame_length_write(const struct goevd_framing *f, size_t len, struct frame_ends *ret)
{
    size_t n = f->length_bytes;
    uint64_t length = (uint64_t)len + (f->flags & GOEVD_FRAMING_INCLUSIVE ? n : 0);

    if (n < sizeof(length) && length >> (8 * n) != 0)
        return -EMSGSIZE;
    ret->head_len = n;
    for (size_t i = 0; i < n; i++, length >>= 8)
        ret->head[f->flags & GOEVD_FRAMING_LITTLE ? i : n - 1 - i] = (char)(length & 0xff);
    return 0;
}

/* Is there a delimiter in the data, or does one begin there that the real one ends? */
static bool
frame_holds_delimiter(const struct goevd_str *delimiter, const char *data, size_t len)
{
    char seam[2 * GOEVD_DELIMITER_MAX];
    size_t part = MIN(len, delimiter->len - 1);

    if (len == 0)
        return false;
    memcpy(seam, data + len - part, part);
    memcpy(seam + part, delimiter->data, delimiter->len);
    return memmem(data, len, delimiter->data, delimiter->len) ||
           memmem(seam, part + delimiter->len, delimiter->data, delimiter->len) != seam + part;
}

static bool
frame_holds_line_end(const struct goevd_framing *f, const char *data, size_t len)
{
    if (len == 0)
        return false;
    return memchr(data, '\n', len) || (data[len - 1] == '\r' && !(f->flags & GOEVD_FRAMING_CRLF));
}

int
frame_ends(const struct goevd_framing *f, const char *data, size_t len, struct frame_ends *ret)
{
    *ret = (struct frame_ends){0};
    if (f->type == GOEVD_FRAMING_LENGTH)
        return frame_length_write(f, len, ret);
    if (f->type == GOEVD_FRAMING_LINES) {
        ret->tail = f->flags & GOEVD_FRAMING_CRLF ? "\r\n" : "\n";
        ret->tail_len = strlen(ret->tail);
        return frame_holds_line_end(f, data, len) ? -EINVAL : 0;
    }
    ret->tail = f->delimiter.data;
    ret->tail_len = f->delimiter.len;
    return frame_holds_delimiter(&f->delimiter, data, len) ? -EINVAL : 0;
}
