#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "download/download.h"
#include "download/listing.h"
#include "download/sending.h"

#define DL_RANGES_MAX 256 /* maximum of the option ranges_max */

/* Add the headers of 200, 206 and 304, RFC 9110 section 15.4.5. The http plugin removes the coding
 * from a 304. */
static int
dl_reply_add_headers(const struct dl_instance *d, struct goevd_http_request *r,
                     const struct dl_sending *s)
{
    const struct dl_condition_file *f = &s->file->facts;
    struct goevd_str cache_control = d->options->cache_control;
    int result = goevd_http_add_header_bytes(r, "ETag", f->etag.data, f->etag.len);

    if (result == 0)
        result = goevd_http_add_header_bytes(r, "Last-Modified", f->modified.data, f->modified.len);
    if (result == 0 && d->options->precompressed.count > 0)
        result = goevd_http_add_header(r, "Vary", "Accept-Encoding");
    if (result == 0 && cache_control.data)
        result =
            goevd_http_add_header_bytes(r, "Cache-Control", cache_control.data, cache_control.len);
    if (result == 0 && s->coding)
        result = goevd_http_add_header(r, "Content-Encoding", s->coding);
    return result;
}

static int
dl_reply_add_content_headers(const struct dl_instance *d, struct goevd_http_request *r,
                             const struct dl_sending *s)
{
    int result = dl_reply_add_headers(d, r, s);

    if (result == 0)
        result = goevd_http_add_header(r, "Accept-Ranges", "bytes");
    if (result == 0 && d->options->attachment)
        result = goevd_http_add_header(r, "Content-Disposition", "attachment");
    return result;
}

static int
dl_reply_refuse_ranges(struct goevd_http_request *r, const struct dl_file *file)
{
    char value[40];
    int result;

    snprintf(value, sizeof(value), "bytes */%" PRIu64, file->size);
    result = goevd_http_add_header(r, "Content-Range", value);
    return result < 0 ? result : goevd_http_reply(r, 416, NULL, NULL, 0);
}

static int
dl_reply_add_range(struct goevd_http_request *r, const struct dl_sending *s)
{
    char value[80];

    snprintf(value, sizeof(value), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, s->one.at,
             s->one.at + s->one.len - 1, s->file->size);
    return goevd_http_add_header(r, "Content-Range", value);
}

static int
dl_reply_start(const struct dl_instance *d, struct goevd_http_request *r, struct dl_sending *s,
               int status)
{
    const char *type = dl_sending_file_type(s);
    char multipart[DL_SENDING_TYPE_MAX];
    int result = dl_reply_add_content_headers(d, r, s);

    if (result == 0 && status == 206 && !s->parts)
        result = dl_reply_add_range(r, s);
    if (s->parts) {
        dl_sending_type(s, multipart);
        type = multipart;
    }
    if (result == 0)
        result = goevd_http_start(r, status, type, dl_sending_length(s));
    if (result == -EPIPE) /* on_close follows */
        return 0;
    return result < 0 ? result : dl_sending_go(s, r);
}

static int
dl_reply_not_modified(const struct dl_instance *d, struct goevd_http_request *r,
                      const struct dl_sending *s)
{
    int result = dl_reply_add_headers(d, r, s);

    if (result == 0)
        result = goevd_http_start(r, 304, dl_sending_file_type(s), dl_sending_length(s));
    return result < 0 ? result : goevd_http_end(r);
}

/* Evaluate a Range header. Returns the status, or a negative errno. */
static int
dl_reply_select(struct dl_local *l, struct dl_sending *s, struct goevd_str value)
{
    struct dl_range ranges[DL_RANGES_MAX];
    int count =
        dl_range_parse(value, s->file->size, ranges, (unsigned)l->download->options->ranges_max);

    if (count < 0)
        return 416;
    if (count == 0)
        return 200;
    s->one = ranges[0];
    if (count > 1 && dl_sending_set_parts(s, ranges, (unsigned)count, l->boundary++) < 0)
        return -ENOMEM;
    return 206;
}

/* Send a coding of the file instead, if the client accepts one that exists. */
static void
dl_reply_choose_coding(struct dl_local *l, struct goevd_http_request *r, struct dl_sending *s)
{
    struct dl_file *coding;
    int encoding;

    if (l->download->options->precompressed.count == 0)
        return;
    encoding = dl_find_coding(l, s->file, r, &coding);
    if (encoding >= 0)
        dl_sending_set_coding(s, coding, dl_encoding_names[encoding]);
}

static int
dl_reply_send(struct dl_local *l, struct goevd_http_request *r, struct dl_sending *s)
{
    const struct dl_condition_file *facts = &s->file->facts;
    enum goevd_http_method method = goevd_http_method(r);
    struct goevd_str name, value, range = {0};
    struct dl_condition c = {0};
    int status = 200, entered = 0;

    for (size_t i = 0; goevd_http_header_at(r, i, &name, &value); i++)
        dl_condition_header(&c, facts, name, value);
    switch (dl_condition_check(&c, facts)) {
    case DL_CONDITION_FAILED:
        return goevd_http_reply(r, 412, NULL, NULL, 0);
    case DL_CONDITION_NOT_MODIFIED:
        return dl_reply_not_modified(l->download, r, s);
    case DL_CONDITION_HOLDS:
        break;
    }
    if (method == GOEVD_HTTP_GET)
        range = dl_condition_range(&c, facts, time(NULL));
    if (range.data)
        status = dl_reply_select(l, s, range);
    if (status == 416)
        return dl_reply_refuse_ranges(r, s->file);
    if (status >= 0 && method == GOEVD_HTTP_GET &&
        (s->file->size > DL_SENDING_COPY_MAX || dl_throttle_has_rate(&s->throttle, r)))
        entered = dl_throttle_enter(&s->throttle, r);
    if (entered < 0)
        return dl_refusal_error(l, r, entered);
    return status < 0 ? status : dl_reply_start(l->download, r, s, status);
}

/* ---- The handler ----------------------------------------------------------------------------- */

/* Whether the path is that of a directory, and listings are enabled. */
static bool
dl_reply_lists(const struct dl_local *l, struct goevd_str path)
{
    return l->download->options->listing != DL_OPTIONS_LISTING_NONE &&
           (path.len == 0 || path.data[path.len - 1] == '/');
}

static int
dl_reply_request(struct goevd_http_request *r, void *state)
{
    enum goevd_http_method method = goevd_http_method(r);
    struct dl_local *l = goevd_http_local(r);
    struct dl_sending *s = state;
    struct goevd_str path;
    struct dl_file *file;
    int result;

    if (method != GOEVD_HTTP_GET && method != GOEVD_HTTP_HEAD)
        return dl_refusal_method(r);
    path = goevd_http_param(r, "*");
    result = dl_find_file(l, path, &file);
    if (result == -EACCES && dl_reply_lists(l, path))
        return dl_listing_start(l, r, path);
    if (result < 0)
        return dl_refusal_error(l, r, result);
    dl_sending_init(s, file, (struct dl_range){0, file->size});
    dl_throttle_init(&s->throttle, l->download->self, l->download->shared);
    dl_reply_choose_coding(l, r, s);
    return dl_reply_send(l, r, s);
}

/* Continue after on_drained and on_timeout. */
static int
dl_reply_go_on(struct goevd_http_request *r, void *state)
{
    return dl_sending_go(state, r);
}

static void
dl_reply_close(struct goevd_http_request *r, void *state, enum goevd_http_reason reason)
{
    (void)r, (void)reason;
    dl_sending_fini(state);
}

const struct goevd_http_handler dl_reply_handler = {GOEVD_HTTP_VERSION_OF(dl_reply_handler),
                                                    .request_size = sizeof(struct dl_sending),
                                                    .http = &goevd_http,
                                                    .on_request = dl_reply_request,
                                                    .on_drained = dl_reply_go_on,
                                                    .on_timeout = dl_reply_go_on,
                                                    .on_close = dl_reply_close};
