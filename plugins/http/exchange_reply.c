#include <stdio.h>

#include "http/exchange.h"
#include "http/fields.h"
#include "http/headers.h"

/* Bytes that are given to the connection at once. */
#define PUT_BYTES_MAX 16384

/* Of a head without reason phrase, Server and added headers. */
#define HEAD_ROOM (HTTP_REPLY_FIXED_MAX + 512)

/* ---- Bytes out ------------------------------------------------------------------------------- */

/* What the connection takes now; *at and *len are moved on. Returns as goevd_conn_write(). */
static int
reply_push(struct exchange *x, const char **at, size_t *len)
{
    size_t piece = PUT_BYTES_MAX;
    int r = 0;

    while (*len != 0) {
        size_t n = MIN(*len, piece);
        int one = goevd_conn_write(exchange_c(x), *at, n);

        if (one == -EMSGSIZE && piece > 256) {
            piece /= 4;
            continue;
        }
        if (one < 0)
            return one;
        *at += n;
        *len -= n;
        r |= one;
    }
    return r;
}

/* All output but the quickest goes through here. What the connection has no room for is kept.
 * Returns 0; 1: wait for on_drained; another: the connection is lost. */
static int
reply_put(struct exchange *x, const char *data, size_t len)
{
    int r = -ENOBUFS;

    if (x->turn != NULL)
        turn_commit(x->turn);
    if (!exchange_reply_waits(x))
        r = reply_push(x, &data, &len);
    if (r == -ENOBUFS)
        r = buffer_append(&x->rest, data, len) < 0 ? -ENOMEM : 1;
    if (r < 0 && r != -EPIPE) /* that comes before the end of the connection */
        exchange_break(x, 0);
    if (r == 1) {
        x->flags |= X_DRAIN;
        if (x->turn != NULL)
            x->turn->full = true;
    }
    return r;
}

static int
reply_put_span(struct exchange *x, struct span s)
{
    return reply_put(x, s.data, s.len);
}

static void
reply_segment_done(struct exchange_segment *s, int result)
{
    goevd_release_fn release = s->release;

    s->len = 0;
    if (release != NULL)
        release(s->arg, result);
}

/* Returns as goevd_conn_write_shared(). */
static int
reply_push_segment(struct exchange *x, const struct exchange_segment *s)
{
    if (s->data != NULL)
        return goevd_conn_write_shared(exchange_c(x), s->data, s->len, s->release, s->arg);
    return goevd_conn_write_file(exchange_c(x), s->fd, s->offset, s->len, s->release, s->arg);
}

int
exchange_reply_flush(struct exchange *x)
{
    const char *at;
    size_t len;
    int r = 0;

    if (x->segment.len != 0) {
        r = reply_push_segment(x, &x->segment);
        if (r < 0)
            return r == -ENOBUFS ? 1 : r;
        x->segment.len = 0;
    }
    if (x->rest.len == 0)
        return r;
    at = x->rest.data + x->rest_at;
    len = x->rest.len - x->rest_at;
    r = reply_push(x, &at, &len);
    x->rest_at = x->rest.len - len;
    if (len == 0) {
        x->rest_at = 0;
        buffer_clear(&x->rest, EXCHANGE_KEEP_BYTES);
    }
    return r == -ENOBUFS ? 1 : r;
}

void
exchange_reply_drop(struct exchange *x)
{
    if (x->segment.len != 0)
        reply_segment_done(&x->segment, -EPIPE);
    x->rest.len = x->rest_at = 0;
}

/* ---- Heads ----------------------------------------------------------------------------------- */

static enum http_persist
reply_persist(struct exchange *x, bool until_close)
{
    const struct options *o = x->local->http->options;
    bool long_body = (x->flags & (X_LENGTH | X_READ)) == X_LENGTH &&
                     x->req->content_length > (uint64_t)o->body_discard_max;

    /* RFC 9110 section 10.1.1: with a final reply instead of 100, whether the body comes is not
     * known */
    if (until_close || long_body || (x->flags & X_CONTINUE) != 0 ||
        (exchange_conn(x)->flags & (CONN_STOP | CONN_EOF)) != 0)
        x->flags |= X_CLOSE;
    if ((x->flags & X_CLOSE) != 0)
        return HTTP_PERSIST_CLOSE;
    return (x->flags & X_TELL) != 0 ? HTTP_PERSIST_TOLD : HTTP_PERSIST;
}

/* How the content is framed, RFC 9112 section 6, and the end of the head. */
static size_t
reply_frame(struct exchange *x, int status, uint64_t length, char *to)
{
    static const char chunked[] = "Transfer-Encoding: chunked\r\n";
    bool unknown = length == GOEVD_HTTP_LENGTH_UNKNOWN && http_reply_has_body(status);
    bool until_close = unknown && (x->flags & (X_OLD | X_HEAD)) == X_OLD;
    size_t n = 0;

    if (!unknown && http_reply_has_body(status)) {
        x->flags |= X_SIZED;
        x->reply_left = length;
        n = http_reply_length(to, length);
    } else if (unknown && (x->flags & X_OLD) == 0) {
        x->flags |= X_CHUNKS;
        n = strlen(chunked);
        memcpy(to, chunked, n);
    }
    if ((x->flags & X_HEAD) != 0 || !http_reply_has_body(status) || status == 205)
        x->flags |= X_SILENT;
    return n + http_reply_end(to + n, reply_persist(x, until_close));
}

/* Returns 0, or what reply_put() does. */
static int
reply_head(struct exchange *x, int status, const char *type, size_t type_len, uint64_t length)
{
    bool apart = type_len > HEADS_TYPE_MAX;
    int r = edits_apply(&x->handler->chain->edits, &x->fields);
    struct head *h = heads_get(&x->local->heads, status, apart ? "" : type, apart ? 0 : type_len);
    char end[HEAD_ROOM];
    const struct span parts[] = {
        {h == NULL ? "" : h->data, h == NULL ? 0 : h->prefix_len},
        {"Content-Type: ", apart ? strlen("Content-Type: ") : 0},
        {type, apart ? type_len : 0},
        {"\r\n", apart ? 2 : 0},
        {x->fields.data, x->fields.len},
        {end, reply_frame(x, status, status == 205 ? 0 : length, end)},
    };

    x->flags |= X_BEGUN;
    x->status = status;
    if (h == NULL)
        r = -ENOMEM;
    if (r < 0)
        exchange_break(x, 0);
    for (size_t i = 0; r >= 0 && i < ARRAY_LEN(parts); i++) {
        int one = reply_put_span(x, parts[i]);

        r = one < 0 ? one : r | one;
    }
    x->fields.len = 0;
    return r;
}

static int
reply_check(const struct exchange *x, int status, const char *type, size_t type_len)
{
    if ((x->flags & X_LOST) != 0)
        return -EPIPE;
    return status < 200 || status > 599 || !http_field_value_valid(type, type_len) ? -EINVAL : 0;
}

static int
reply_interim_head(struct exchange *x, const char *line, const char *more, size_t more_len)
{
    const struct span parts[] = {
        {line, strlen(line)}, {more, more_len}, {x->fields.data, x->fields.len}, {"\r\n", 2}};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ARRAY_LEN(parts); i++)
        r = reply_put_span(x, parts[i]);
    x->fields.len = 0;
    return MIN(r, 0);
}

int
exchange_continue(struct exchange *x)
{
    static const char head[] = "HTTP/1.1 100 Continue\r\n\r\n";

    return MIN(reply_put(x, head, strlen(head)), 0);
}

int
exchange_interim(struct exchange *x, int status)
{
    char line[64];
    int r = 0;

    if (status < 102 || status > 199)
        return -EINVAL;
    if ((x->flags & X_LOST) != 0)
        return -EPIPE;
    snprintf(line, sizeof(line), "HTTP/1.1 %d %s\r\n", status, http_status_phrase(status));
    if ((x->flags & X_OLD) == 0)
        r = reply_interim_head(x, line, "", 0);
    x->fields.len = 0;
    exchange_changed(x);
    return r;
}

/* ---- Header lines ---------------------------------------------------------------------------- */

static int
reply_append_field(struct exchange *x, const char *name, size_t name_len, const char *value,
                   size_t len)
{
    struct buffer *b = &x->fields;
    size_t more = name_len + len + strlen(": \r\n");

    if (b->len + more > EXCHANGE_FIELDS_MAX)
        return -EMSGSIZE;
    if (buffer_reserve(b, b->len + more) < 0)
        return -ENOMEM;
    buffer_append(b, name, name_len);
    buffer_append(b, ": ", 2);
    buffer_append(b, value, len);
    buffer_append(b, "\r\n", 2);
    x->flags |= X_FIELDS;
    return 0;
}

static int
reply_check_field(const char *name, size_t name_len, const char *value, size_t len)
{
    if (!http_field_name_valid(name, name_len) || !http_field_value_valid(value, len))
        return -EINVAL;
    return http_field_is_ours(name, name_len) ? -EINVAL : 0;
}

int
exchange_add_field(struct exchange *x, const char *name, const char *value, size_t len)
{
    size_t name_len = strlen(name);
    int r = (x->flags & X_LOST) != 0 ? -EPIPE : reply_check_field(name, name_len, value, len);

    return r < 0 ? r : reply_append_field(x, name, name_len, value, len);
}

int
exchange_trailer(struct exchange *x, const char *name, const char *value, size_t len)
{
    size_t name_len = strlen(name);
    int r = reply_check_field(name, name_len, value, len);

    if ((x->flags & (X_BEGUN | X_ENDED | X_BROKEN)) != X_BEGUN)
        return -EPIPE;
    if ((x->flags & X_CHUNKS) == 0)
        return -ENOTSUP;
    return r < 0 ? r : reply_append_field(x, name, name_len, value, len);
}

/* ---- All at once ----------------------------------------------------------------------------- */

int
exchange_reply(struct exchange *x, int status, const char *type, size_t type_len, const void *body,
               size_t len)
{
    const struct page *page = NULL;
    int r = reply_check(x, status, type, type_len);

    if (r < 0)
        return r;
    if (len == 0 && type_len == 0)
        page = pages_find(&x->local->http->routes.pages, status);
    if (page != NULL) {
        type = page->type.data;
        type_len = page->type.len;
        body = page->body.data;
        len = page->body.len;
    }
    r = reply_head(x, status, type, type_len, len);
    if (r >= 0 && (x->flags & X_SILENT) == 0) {
        r = reply_put(x, body, len);
        x->sent = len;
    }
    x->flags |= X_ENDED;
    exchange_changed(x);
    return MIN(r, 0);
}

int
exchange_upgrade_required(struct exchange *x, const char *protocol)
{
    static const char text[] = "426 Upgrade Required\n";
    static const char type[] = "text/plain; charset=utf-8";
    int r = (x->flags & X_LOST) != 0 ? -EPIPE : 0;

    if (r == 0)
        r = reply_append_field(x, "Upgrade", strlen("Upgrade"), protocol, strlen(protocol));
    if (r == 0)
        r = reply_append_field(x, "Connection", strlen("Connection"), "upgrade", strlen("upgrade"));
    return r < 0 ? r : exchange_reply(x, 426, type, strlen(type), text, strlen(text));
}

int
exchange_upgrade(struct exchange *x, const char *protocol, struct goevd_plugin *to)
{
    static const char line[] = "HTTP/1.1 101 Switching Protocols\r\n";
    char more[128];
    int n = snprintf(more, sizeof(more), "Connection: upgrade\r\nUpgrade: %s\r\n", protocol);
    int r;

    if ((x->flags & X_LOST) != 0)
        return -EPIPE;
    if (goevd_plugin_interface(to, GOEVD_STREAM) == NULL)
        return -ENOTSUP;
    if (n >= (int)sizeof(more) || (x->flags & (X_OLD | X_BODY)) != 0 ||
        !http_request_upgrades(x->req, protocol))
        return -EPROTO;
    r = reply_interim_head(x, line, more, (size_t)n);
    x->flags |= X_BEGUN | X_ENDED | X_UPGRADE;
    x->status = 101;
    x->upgrade_to = to;
    exchange_changed(x);
    return r;
}

/* ---- Piece by piece -------------------------------------------------------------------------- */

int
exchange_start(struct exchange *x, int status, const char *type, size_t type_len, uint64_t length)
{
    int r = reply_check(x, status, type, type_len);

    if (r < 0)
        return r;
    r = reply_head(x, status, type, type_len, length);
    exchange_changed(x);
    return r;
}

/* Whether content of that length may be written now. 1: it may, but is left out. */
static int
reply_check_write(struct exchange *x, size_t len)
{
    if ((x->flags & (X_BEGUN | X_ENDED | X_BROKEN)) != X_BEGUN)
        return -EPIPE;
    if (len == 0 || (x->flags & X_SILENT) != 0)
        return 1;
    if ((x->flags & X_SIZED) != 0 && len > x->reply_left) {
        exchange_break(x, 0);
        x->flags |= X_WRONG;
        exchange_changed(x);
        return -EMSGSIZE;
    }
    if (!exchange_reply_waits(x))
        return 0;
    x->flags |= X_DRAIN;
    return -ENOBUFS;
}

/* chunk-size CRLF, RFC 9112 section 7.1. */
static int
reply_put_chunk_size(struct exchange *x, size_t len)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%zx\r\n", len);

    return (x->flags & X_CHUNKS) == 0 ? 0 : reply_put(x, text, (size_t)n);
}

static int
reply_put_chunk_end(struct exchange *x)
{
    return (x->flags & X_CHUNKS) == 0 ? 0 : reply_put(x, "\r\n", 2);
}

/* After content was queued with the result r. */
static int
reply_wrote(struct exchange *x, size_t len, int r)
{
    int end = r < 0 ? r : reply_put_chunk_end(x);

    x->sent += len;
    if ((x->flags & X_SIZED) != 0)
        x->reply_left -= len;
    if ((x->flags & X_BROKEN) != 0)
        exchange_changed(x);
    return end < 0 ? end : r | end;
}

int
exchange_write(struct exchange *x, const void *data, size_t len)
{
    int r = reply_check_write(x, len);
    int size;

    if (r != 0)
        return MIN(r, 0);
    size = reply_put_chunk_size(x, len);
    r = size < 0 ? size : reply_put(x, data, len);
    return reply_wrote(x, len, r < 0 ? r : r | size);
}

/* Returns as reply_put(). */
static int
reply_put_segment(struct exchange *x, struct exchange_segment *s)
{
    int r;

    if (x->turn != NULL)
        turn_commit(x->turn);
    r = reply_push_segment(x, s);
    if (r == -EMSGSIZE) { /* never as a whole: it is copied, and goes out as the client takes it */
        r = reply_put(x, s->data, s->len);
        if (r >= 0)
            reply_segment_done(s, 0);
        return r;
    }
    if (r == -ENOBUFS) {
        x->segment = *s;
        r = 1;
    }
    if (r < 0 && r != -EPIPE)
        exchange_break(x, 0);
    if (r == 1)
        x->flags |= X_DRAIN;
    return r;
}

int
exchange_write_segment(struct exchange *x, const struct exchange_segment *segment)
{
    struct exchange_segment s = *segment;
    int r = reply_check_write(x, s.len);

    if (r == 1)
        reply_segment_done(&s, 0);
    if (r != 0)
        return MIN(r, 0);
    r = reply_put_chunk_size(x, s.len);
    if (exchange_reply_waits(x)) { /* not even that: the segment is not begun */
        x->rest.len = 0;
        return -ENOBUFS;
    }
    if (r >= 0)
        r = reply_put_segment(x, &s);
    return reply_wrote(x, segment->len, r);
}

int
exchange_end(struct exchange *x)
{
    const struct span parts[] = {{"0\r\n", 3}, {x->fields.data, x->fields.len}, {"\r\n", 2}};
    int r = 0;

    if ((x->flags & (X_BEGUN | X_ENDED | X_BROKEN)) != X_BEGUN)
        return -EPIPE;
    if ((x->flags & (X_SIZED | X_SILENT)) == X_SIZED && x->reply_left != 0) {
        exchange_break(x, 0);
        x->flags |= X_WRONG;
    } else if ((x->flags & (X_CHUNKS | X_SILENT)) == X_CHUNKS) {
        for (size_t i = 0; r >= 0 && i < ARRAY_LEN(parts); i++)
            r = reply_put_span(x, parts[i]);
    }
    x->flags |= X_ENDED;
    exchange_changed(x);
    return MIN(r, 0);
}
