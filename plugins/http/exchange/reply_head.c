#include <stdio.h>

#include <goevd/hosting.h>

#include "http/exchange/exchange.h"
#include "http/message/rows.h"
#include "http/message/semantics.h"
#include "http/message/status.h"

/* Of a head without reason phrase, Server and added headers. */
#define HEAD_ROOM (HTTP_HEAD_FIXED_MAX + 512)

/* ---- Heads ----------------------------------------------------------------------------------- */

static enum http_persist
http_reply_head_persist(struct http_exchange *x, bool until_close)
{
    const struct http_options *o = x->local->http->options;
    uint64_t left = (x->flags & HTTP_X_READ) ? x->body.left : x->req->content_length;
    bool long_body = (x->flags & (HTTP_X_LENGTH | HTTP_X_HAD_ALL)) == HTTP_X_LENGTH &&
                     left > (uint64_t)o->body_discard_max;

    /* http_exchange_leave() counts no chunks either */
    long_body |=
        (x->flags & (HTTP_X_CHUNKED | HTTP_X_READ)) == HTTP_X_CHUNKED && o->requests_max != 0;
    /* RFC 9110 section 10.1.1: with a final reply instead of 100, whether the body comes is not
     * known */
    if (until_close || long_body || (x->flags & HTTP_X_CONTINUE) ||
        (http_exchange_conn(x)->flags & (HTTP_H1_STOP | HTTP_H1_EOF)))
        x->flags |= HTTP_X_CLOSE;
    if (x->flags & HTTP_X_CLOSE)
        return HTTP_PERSIST_CLOSE;
    return (x->flags & HTTP_X_TELL) ? HTTP_PERSIST_TOLD : HTTP_PERSIST;
}

/* How the content is framed, RFC 9112 section 6, and the end of the head. */
static size_t
http_reply_head_frame(struct http_exchange *x, int status, uint64_t length, char *to)
{
    static const char chunked[] = "Transfer-Encoding: chunked\r\n";
    bool body = http_status_has_content(status);
    bool known = length != GOEVD_HTTP_LENGTH_UNKNOWN && !(x->flags & HTTP_X_GZIP);
    bool until_close = body && !known && (x->flags & (HTTP_X_OLD | HTTP_X_HEAD)) == HTTP_X_OLD;
    size_t n = 0;

    if (body && length != GOEVD_HTTP_LENGTH_UNKNOWN) {
        x->flags |= HTTP_X_SIZED;
        x->reply_left = length;
    }
    if (body && known) {
        n = http_head_length(to, length);
    } else if (body && !(x->flags & HTTP_X_OLD)) {
        x->flags |= HTTP_X_CHUNKS;
        n = strlen(chunked);
        memcpy(to, chunked, n);
    }
    if ((x->flags & HTTP_X_HEAD) || !body || status == 205)
        x->flags |= HTTP_X_SILENT;
    return n + http_head_end(to + n, http_reply_head_persist(x, until_close));
}

static int
http_reply_head_append_field(struct http_exchange *x, const char *name, size_t name_len,
                             const char *value, size_t len)
{
    struct http_buffer *b = &x->fields;
    size_t more = name_len + len + strlen(": \r\n");

    if (b->len + more > HTTP_EXCHANGE_FIELDS_MAX)
        return -EMSGSIZE;
    x->flags |= HTTP_X_FIELDS;
    return http_lines_add(b, (struct http_span){name, name_len}, (struct http_span){value, len});
}

static int
http_reply_head_append_id(struct http_exchange *x)
{
    struct goevd_str header;

    if (x->info.id_len == 0)
        return 0;
    header = x->local->http->options->request_id->header;
    return http_reply_head_append_field(x, header.data, header.len, x->info.id, x->info.id_len);
}

/* What is done to header lines last of all, but for those of a coding. */
static int
http_reply_head_finish_fields(struct http_exchange *x)
{
    int r = http_header_edits_apply(&x->handler->chain->edits, &x->fields);

    return r < 0 ? r : http_reply_head_append_id(x);
}

int
http_exchange_head_begin(struct http_exchange *x, int status, struct http_span type,
                         uint64_t length)
{
    int r = http_reply_head_finish_fields(x);

    return r < 0 ? r : http_exchange_gzip_choose(x, status, type, length);
}

int
http_exchange_head_put(struct http_exchange *x, int status, struct http_span type, uint64_t length)
{
    static const char name[] = "Content-Type: ";
    bool apart = type.len > HTTP_HEAD_CACHE_TYPE_MAX;
    struct http_head *h = http_head_cache_get(&x->local->head_cache, status, apart ? "" : type.data,
                                              apart ? 0 : type.len);
    char end[HEAD_ROOM];
    const struct http_span parts[] = {
        {!h ? "" : h->data, !h ? 0 : h->prefix_len},
        {name, apart ? strlen(name) : 0},
        {type.data, apart ? type.len : 0},
        {"\r\n", apart ? 2 : 0},
        {x->fields.data, x->fields.len},
        {end, http_reply_head_frame(x, status, status == 205 ? 0 : length, end)},
    };
    int r = !h ? -ENOMEM : 0;

    x->flags |= HTTP_X_BEGUN;
    x->status = status;
    if (r < 0)
        http_exchange_break(x, 0);
    for (size_t i = 0; r >= 0 && i < ARRAY_LEN(parts); i++) {
        int one = http_exchange_put(x, parts[i]);

        r = one < 0 ? one : r | one;
    }
    x->fields.len = 0;
    return r;
}

int
http_exchange_head_check(const struct http_exchange *x, int status, struct http_span type)
{
    if (x->flags & HTTP_X_LOST)
        return -EPIPE;
    return status < 200 || status > 599 || !http_field_value_valid(type.data, type.len) ? -EINVAL
                                                                                        : 0;
}

static int
http_reply_head_interim_head(struct http_exchange *x, const char *line, const char *more,
                             size_t more_len)
{
    const struct http_span parts[] = {
        {line, strlen(line)}, {more, more_len}, {x->fields.data, x->fields.len}, {"\r\n", 2}};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ARRAY_LEN(parts); i++)
        r = http_exchange_put(x, parts[i]);
    x->fields.len = 0;
    return MIN(r, 0);
}

int
http_exchange_continue(struct http_exchange *x)
{
    static const char head[] = "HTTP/1.1 100 Continue\r\n\r\n";

    return MIN(http_exchange_put(x, (struct http_span){head, strlen(head)}), 0);
}

int
http_exchange_interim(struct http_exchange *x, int status)
{
    char line[64];
    int r = 0;

    if (status < 102 || status > 199)
        return -EINVAL;
    if (x->flags & HTTP_X_LOST)
        return -EPIPE;
    snprintf(line, sizeof(line), "HTTP/1.1 %d %s\r\n", status, http_status_phrase(status));
    if (!(x->flags & HTTP_X_OLD))
        r = http_reply_head_interim_head(x, line, "", 0);
    x->fields.len = 0;
    http_exchange_changed(x);
    return r;
}

/* ---- Header lines ---------------------------------------------------------------------------- */

static int
http_reply_head_check_field(const char *name, size_t name_len, const char *value, size_t len)
{
    if (!http_field_name_valid(name, name_len) || !http_field_value_valid(value, len))
        return -EINVAL;
    return http_field_is_ours(name, name_len) ? -EINVAL : 0;
}

int
http_exchange_add_field(struct http_exchange *x, const char *name, const char *value, size_t len)
{
    size_t name_len = strlen(name);
    int r =
        (x->flags & HTTP_X_LOST) ? -EPIPE : http_reply_head_check_field(name, name_len, value, len);

    return r < 0 ? r : http_reply_head_append_field(x, name, name_len, value, len);
}

int
http_exchange_trailer(struct http_exchange *x, const char *name, const char *value, size_t len)
{
    size_t name_len = strlen(name);
    int r = http_reply_head_check_field(name, name_len, value, len);

    if ((x->flags & (HTTP_X_BEGUN | HTTP_X_ENDED | HTTP_X_BROKEN)) != HTTP_X_BEGUN)
        return -EPIPE;
    if (!(x->flags & HTTP_X_CHUNKS))
        return -ENOTSUP;
    return r < 0 ? r : http_reply_head_append_field(x, name, name_len, value, len);
}

/* ---- Other protocols ------------------------------------------------------------------------- */

int
http_exchange_upgrade_required(struct http_exchange *x, const char *protocol)
{
    int r = (x->flags & HTTP_X_LOST) ? -EPIPE : 0;

    if (r == 0)
        r = http_reply_head_append_field(x, "Upgrade", strlen("Upgrade"), protocol,
                                         strlen(protocol));
    if (r == 0)
        r = http_reply_head_append_field(x, "Connection", strlen("Connection"), "upgrade",
                                         strlen("upgrade"));
    return r < 0 ? r : http_exchange_reply(x, 426, "", 0, NULL, 0);
}

int
http_exchange_upgrade(struct http_exchange *x, const char *protocol, struct goevd_plugin *to,
                      const void *state, size_t len)
{
    const struct goevd_stream *stream = goevd_plugin_interface(to, GOEVD_STREAM);
    static const char line[] = "HTTP/1.1 101 Switching Protocols\r\n";
    char more[128];
    int n = snprintf(more, sizeof(more), "Connection: upgrade\r\nUpgrade: %s\r\n", protocol);
    int r;

    if (x->flags & HTTP_X_LOST)
        return -EPIPE;
    if (!stream)
        return -ENOTSUP;
    if (len > stream->conn_size)
        return -EINVAL;
    if (n >= (int)sizeof(more) || (x->flags & (HTTP_X_OLD | HTTP_X_BODY)) ||
        !http_request_upgrades(x->req, protocol))
        return -EPROTO;
    r = http_reply_head_append_id(x);
    if (r < 0)
        return r;
    r = http_reply_head_interim_head(x, line, more, (size_t)n);
    x->flags |= HTTP_X_BEGUN | HTTP_X_ENDED | HTTP_X_UPGRADE;
    x->status = 101;
    x->upgrade_to = to;
    x->upgrade_state = state;
    x->upgrade_len = len;
    http_exchange_changed(x);
    return r;
}
