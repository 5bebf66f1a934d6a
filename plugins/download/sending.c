#include "download/sending.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Up to so many bytes a copy costs less than sendfile(2) and a packet apart from the head do. */
#define COPY_MAX 16384

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
    free(s->parts);
    file_unref(s->named);
    file_unref(s->file);
    *s = (struct sending){0};
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void
sending_release(void *file, int result)
{
    (void)result;
    file_unref(file);
}

/* Returns as goevd_http_write() does; -EIO if the file has become shorter. */
static int
sending_copy_part(const struct sending *s, struct goevd_http_request *r, const struct range *part)
{
    char copy[COPY_MAX];
    ssize_t n = pread(s->file->fd, copy, part->len, (off_t)part->at);

    if (n < 0)
        return -errno;
    return (uint64_t)n < part->len ? -EIO : goevd_http_write(r, copy, part->len);
}

/* Returns as goevd_http_write() does. */
static int
sending_write_part(const struct sending *s, struct goevd_http_request *r, const struct range *part)
{
    int result;

    if (part->len <= COPY_MAX)
        return sending_copy_part(s, r, part);
    s->file->refs++;
    result =
        goevd_http_write_file(r, s->file->fd, (off_t)part->at, part->len, sending_release, s->file);
    if (result < 0)
        file_unref(s->file);
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
sending_write(const struct sending *s, struct goevd_http_request *r)
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

    for (; s->step < steps; s->step++) {
        int result = sending_write(s, r);

        if (result == -ENOBUFS || result == -EPIPE) /* on_drained comes, or on_close */
            return 0;
        if (result < 0)
            return result;
    }
    return goevd_http_end(r) == -ENOMEM ? -ENOMEM : 0;
}
