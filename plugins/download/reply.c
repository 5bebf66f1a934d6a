#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "download/download.h"
#include "download/listing.h"
#include "download/sending.h"

#define RANGES_MAX 256 /* as ranges_max of the options */

/* Headers that 200, 206 and 304 have, RFC 9110 section 15.4.5. */
static int
reply_add_headers(const struct download *d, struct goevd_http_request *r, const struct file *file)
{
    const struct condition_file *f = &file->facts;
    struct goevd_str cache_control = d->options->cache_control;
    int result = goevd_http_add_header_bytes(r, "ETag", f->etag.data, f->etag.len);

    if (result == 0)
        result = goevd_http_add_header_bytes(r, "Last-Modified", f->modified.data, f->modified.len);
    if (result == 0 && d->options->precompressed.count > 0)
        result = goevd_http_add_header(r, "Vary", "Accept-Encoding");
    if (result == 0 && cache_control.data != NULL)
        result =
            goevd_http_add_header_bytes(r, "Cache-Control", cache_control.data, cache_control.len);
    return result;
}

static int
reply_add_content_headers(const struct download *d, struct goevd_http_request *r,
                          const struct sending *s)
{
    int result = reply_add_headers(d, r, s->file);

    if (result == 0)
        result = goevd_http_add_header(r, "Accept-Ranges", "bytes");
    if (result == 0 && s->coding != NULL)
        result = goevd_http_add_header(r, "Content-Encoding", s->coding);
    if (result == 0 && d->options->attachment)
        result = goevd_http_add_header(r, "Content-Disposition", "attachment");
    return result;
}

static int
reply_refuse_ranges(struct goevd_http_request *r, const struct file *file)
{
    char value[40];
    int result;

    snprintf(value, sizeof(value), "bytes */%" PRIu64, file->size);
    result = goevd_http_add_header(r, "Content-Range", value);
    return result < 0 ? result : goevd_http_reply(r, 416, NULL, NULL, 0);
}

static int
reply_add_range(struct goevd_http_request *r, const struct sending *s)
{
    char value[80];

    snprintf(value, sizeof(value), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, s->one.at,
             s->one.at + s->one.len - 1, s->file->size);
    return goevd_http_add_header(r, "Content-Range", value);
}

static int
reply_start(const struct download *d, struct goevd_http_request *r, struct sending *s, int status)
{
    const char *type = sending_file_type(s);
    char multipart[SENDING_TYPE_MAX];
    int result = reply_add_content_headers(d, r, s);

    if (result == 0 && status == 206 && s->parts == NULL)
        result = reply_add_range(r, s);
    if (s->parts != NULL) {
        sending_type(s, multipart);
        type = multipart;
    }
    if (result == 0)
        result = goevd_http_start(r, status, type, sending_length(s));
    if (result == -EPIPE) /* on_close comes */
        return 0;
    return result < 0 ? result : sending_go(s, r);
}

/* What a Range header asks for. Returns the status, or a negative errno. */
static int
reply_select(struct local *l, struct sending *s, struct goevd_str value)
{
    struct range ranges[RANGES_MAX];
    int count =
        range_parse(value, s->file->size, ranges, (unsigned)l->download->options->ranges_max);

    if (count < 0)
        return 416;
    if (count == 0)
        return 200;
    s->one = ranges[0];
    if (count > 1 && sending_set_parts(s, ranges, (unsigned)count, l->boundary++) < 0)
        return -ENOMEM;
    return 206;
}

/* Send a coding of the file that the client prefers, if there is one. */
static void
reply_choose_coding(struct local *l, struct goevd_http_request *r, struct sending *s)
{
    struct file *coding;
    int encoding;

    if (l->download->options->precompressed.count == 0)
        return;
    encoding = find_coding(l, s->file, r, &coding);
    if (encoding >= 0)
        sending_set_coding(s, coding, encoding_names[encoding]);
}

static int
reply_send(struct local *l, struct goevd_http_request *r, struct sending *s)
{
    const struct condition_file *facts = &s->file->facts;
    struct goevd_str name, value, range = {0};
    struct condition c = {0};
    int status = 200;

    for (size_t i = 0; goevd_http_header_at(r, i, &name, &value); i++)
        condition_header(&c, facts, name, value);
    switch (condition_check(&c, facts)) {
    case CONDITION_FAILED:
        return goevd_http_reply(r, 412, NULL, NULL, 0);
    case CONDITION_NOT_MODIFIED:
        status = reply_add_headers(l->download, r, s->file);
        return status < 0 ? status : goevd_http_reply(r, 304, NULL, "", 0);
    case CONDITION_HOLDS:
        break;
    }
    if (goevd_http_method(r) == GOEVD_HTTP_GET)
        range = condition_range(&c, facts, time(NULL));
    if (range.data != NULL)
        status = reply_select(l, s, range);
    if (status == 416)
        return reply_refuse_ranges(r, s->file);
    return status < 0 ? status : reply_start(l->download, r, s, status);
}

/* ---- The handler ----------------------------------------------------------------------------- */

/* Whether the path is that of a directory, and such are listed. */
static bool
reply_lists(const struct local *l, struct goevd_str path)
{
    return l->download->options->listing != OPTIONS_LISTING_NONE &&
           (path.len == 0 || path.data[path.len - 1] == '/');
}

static int
reply_request(struct goevd_http_request *r, void *state)
{
    enum goevd_http_method method = goevd_http_method(r);
    struct local *l = goevd_http_local(r);
    struct goevd_str path;
    struct file *file;
    int result;

    if (method != GOEVD_HTTP_GET && method != GOEVD_HTTP_HEAD)
        return refusal_method(r);
    path = goevd_http_param(r, "*");
    result = find_file(l, path, &file);
    if (result == -EACCES && reply_lists(l, path))
        return listing_start(l, r, path);
    if (result < 0)
        return refusal_error(l, r, result);
    sending_init(state, file, (struct range){0, file->size});
    reply_choose_coding(l, r, state);
    return reply_send(l, r, state);
}

/* After on_drained and on_timeout. */
static int
reply_go_on(struct goevd_http_request *r, void *state)
{
    return sending_go(state, r);
}

static void
reply_close(struct goevd_http_request *r, void *state, enum goevd_http_reason reason)
{
    (void)r, (void)reason;
    sending_fini(state);
}

const struct goevd_http_handler reply_handler = {GOEVD_HTTP_VERSION_OF(reply_handler),
                                                 .request_size = sizeof(struct sending),
                                                 .http = &goevd_http,
                                                 .on_request = reply_request,
                                                 .on_drained = reply_go_on,
                                                 .on_timeout = reply_go_on,
                                                 .on_close = reply_close};
