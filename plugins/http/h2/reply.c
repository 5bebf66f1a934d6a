#include "http/h2/reply.h"

#include <errno.h>
#include <stdio.h>

#include "http/h1/local.h"
#include "http/message/status.h"
#include "http/message/text/lines.h"

/* Digits of a content length. */
#define REPLY_LENGTH_MAX 21

/* The most fields that a head has beside its lines. */
#define REPLY_OWN_FIELDS 5

/* A head while it is built. */
struct http_h2_head {
    struct http_h2_local *h2;
    nghttp2_nv *fields;
    size_t count;
};

/* ---- Fields ---------------------------------------------------------------------------------- */

/* RFC 9113 section 8.2.2: these say how an HTTP/1.1 connection is used. */
static bool
http_h2_reply_is_specific(const struct http_line *line)
{
    return http_line_is(line, "connection") || http_line_is(line, "keep-alive") ||
           http_line_is(line, "proxy-connection") || http_line_is(line, "transfer-encoding") ||
           http_line_is(line, "upgrade");
}

static void
http_h2_reply_add(struct http_h2_head *head, const char *name, size_t name_len, const char *value,
                  size_t len, uint8_t flags)
{
    head->fields[head->count++] = (nghttp2_nv){
        .name = (uint8_t *)(uintptr_t)name,
        .value = (uint8_t *)(uintptr_t)value,
        .namelen = name_len,
        .valuelen = len,
        .flags = flags,
    };
}

/* A field whose name is a constant. */
static void
http_h2_reply_add_own(struct http_h2_head *head, const char *name, const char *value, size_t len)
{
    http_h2_reply_add(head, name, strlen(name), value, len, NGHTTP2_NV_FLAG_NO_COPY_NAME);
}

/* The name in lower case, RFC 9113 section 8.2.1; there is room for it. */
static const char *
http_h2_reply_lower(struct http_buffer *names, struct http_span name)
{
    char *to = names->data + names->len;

    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];

        to[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    names->len += name.len;
    return to;
}

static void
http_h2_reply_add_line(struct http_h2_head *head, const struct http_line *line)
{
    /* RFC 7541 section 7.1.3: secret and rarely repeated values stay out of the table */
    uint8_t flags =
        http_line_is(line, "set-cookie") ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;

    if (http_h2_reply_is_specific(line))
        return;
    http_h2_reply_add(head, http_h2_reply_lower(&head->h2->names, line->name), line->name.len,
                      line->value.data, line->value.len, flags);
}

/* Begin a head with room for these lines. 0 or -ENOMEM. */
static int
http_h2_reply_begin(struct http_h2_head *head, struct http_h2_local *h2,
                    const struct http_buffer *lines)
{
    struct http_line line;
    size_t count = REPLY_OWN_FIELDS;

    for (size_t at = 0; http_lines_next(lines, &at, &line);)
        count++;
    h2->names.len = 0;
    if (http_buffer_reserve(&h2->names, lines->len) < 0 ||
        http_buffer_reserve(&h2->fields, count * sizeof(*head->fields)) < 0)
        return -ENOMEM;
    *head = (struct http_h2_head){.h2 = h2, .fields = (nghttp2_nv *)(void *)h2->fields.data};
    return 0;
}

static void
http_h2_reply_add_lines(struct http_h2_head *head, const struct http_buffer *lines)
{
    struct http_line line;

    for (size_t at = 0; http_lines_next(lines, &at, &line);)
        http_h2_reply_add_line(head, &line);
}

/* Results of functions that submit: an end of the session or a stream that is gone is -EPIPE. */
static int
http_h2_reply_result(int r)
{
    if (r >= 0)
        return 0;
    return r == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EPIPE;
}

/* ---- Heads ----------------------------------------------------------------------------------- */

/* Server and Date, as HTTP/1.1 has them. 0 or -ENOMEM. */
static int
http_h2_reply_add_server(struct http_h2_head *head, struct http_local *local)
{
    struct goevd_str server = local->http->options->server;

    if (http_prerendered_wake(&local->h1->prerendered) < 0)
        return -ENOMEM;
    if (server.len != 0)
        http_h2_reply_add_own(head, "server", server.data, server.len);
    http_h2_reply_add_own(head, "date", local->h1->prerendered.date, HTTP_DATE_LEN);
    return 0;
}

/* The head is complete: let libnghttp2 send it. */
static int
http_h2_reply_submit(struct http_h2_stream *stream, struct http_h2_head *head, bool bare)
{
    nghttp2_data_provider content = {.source.ptr = stream, .read_callback = http_h2_stream_read};

    stream->flags |= HTTP_H2_STREAM_HEAD;
    stream->moved_ns = goevd_poller_now(stream->conn->local->poller);
    if (bare)
        stream->flags |= HTTP_H2_STREAM_OUT_END | HTTP_H2_STREAM_SENT;
    return http_h2_reply_result(nghttp2_submit_response(
        stream->conn->session, stream->id, head->fields, head->count, bare ? NULL : &content));
}

int
http_h2_reply_head(struct http_h2_stream *stream, const struct http_wire_head *wire_head, bool bare)
{
    struct http_local *local = stream->conn->local;
    char status[4], length[REPLY_LENGTH_MAX];
    struct http_h2_head head;
    int len;

    if (stream->flags & (HTTP_H2_STREAM_RESET | HTTP_H2_STREAM_CLOSED))
        return -EPIPE;
    if (http_h2_reply_begin(&head, local->h2, wire_head->fields) < 0)
        return -ENOMEM;
    snprintf(status, sizeof(status), "%d", wire_head->status);
    http_h2_reply_add_own(&head, ":status", status, 3);
    if (http_h2_reply_add_server(&head, local) < 0)
        return -ENOMEM;
    if (wire_head->type.len != 0)
        http_h2_reply_add_own(&head, "content-type", wire_head->type.data, wire_head->type.len);
    if (http_status_has_content(wire_head->status) &&
        wire_head->length != GOEVD_HTTP_LENGTH_UNKNOWN) {
        len = snprintf(length, sizeof(length), "%llu", (unsigned long long)wire_head->length);
        http_h2_reply_add_own(&head, "content-length", length, (size_t)len);
    }
    http_h2_reply_add_lines(&head, wire_head->fields);
    return http_h2_reply_submit(stream, &head, bare);
}

int
http_h2_reply_interim(struct http_h2_stream *stream, int status, const struct http_buffer *fields)
{
    struct http_h2_head head;
    char text[4];

    if (stream->flags & (HTTP_H2_STREAM_RESET | HTTP_H2_STREAM_CLOSED))
        return -EPIPE;
    if (http_h2_reply_begin(&head, stream->conn->local->h2, fields) < 0)
        return -ENOMEM;
    snprintf(text, sizeof(text), "%d", status);
    http_h2_reply_add_own(&head, ":status", text, 3);
    http_h2_reply_add_lines(&head, fields);
    return http_h2_reply_result(nghttp2_submit_headers(
        stream->conn->session, NGHTTP2_FLAG_NONE, stream->id, NULL, head.fields, head.count, NULL));
}

int
http_h2_reply_trailers(struct http_h2_stream *stream)
{
    struct http_h2_head head;

    if (http_h2_reply_begin(&head, stream->conn->local->h2, &stream->trailers) < 0)
        return -ENOMEM;
    http_h2_reply_add_lines(&head, &stream->trailers);
    if (head.count == 0)
        return -ENOMEM;
    return http_h2_reply_result(
        nghttp2_submit_trailer(stream->conn->session, stream->id, head.fields, head.count));
}

/* ---- Known replies --------------------------------------------------------------------------- */

/* Its fields, and the id of the request if requests have one: then in *copy. 0 or -ENOMEM. */
static int
http_h2_reply_fields(const struct http_h2_stream *stream, const struct http_reply *reply,
                     struct http_buffer *copy, struct http_buffer *ret)
{
    const struct http_local *local = stream->conn->local;
    const struct http_options_request_id *o = local->http->options->request_id;
    const struct http_request_info *info = &local->h2->info;
    int r;

    *ret = (struct http_buffer){.data = (char *)(uintptr_t)reply->fields.data,
                                .len = reply->fields.len};
    if (!o || info->id_len == 0)
        return 0;
    r = http_buffer_append(copy, ret->data, ret->len);
    if (r == 0)
        r = http_lines_add(copy, (struct http_span){o->header.data, o->header.len},
                           http_request_info_id(info));
    *ret = *copy;
    return r;
}

int
http_h2_reply_known(struct http_h2_stream *stream, unsigned number, bool head_only)
{
    const struct http *http = stream->conn->local->http;
    const struct http_reply *reply = &http->routes.replies.all[number];
    struct http_buffer fields, copy = {0};
    struct http_wire_head head = {
        .status = reply->status, .fields = &fields, .length = reply->body.len, .whole = true};
    bool bare = head_only || reply->body.len == 0 || !http_status_has_content(reply->status);
    int r = http_h2_reply_fields(stream, reply, &copy, &fields);

    goevd_metric_count(&stream->conn->local->counts[reply->count_at], 1);
    if (r == 0)
        r = http_h2_reply_head(stream, &head, bare);
    http_buffer_clear(&copy, 0);
    if (r == 0 && !bare) {
        stream->shared = reply->body;
        stream->flags |= HTTP_H2_STREAM_OUT_END;
    }
    return r;
}
