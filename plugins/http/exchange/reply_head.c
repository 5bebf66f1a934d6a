#include <stdio.h>

#include "http/exchange/exchange.h"
#include "http/message/rows.h"
#include "http/message/semantics.h"

/* Of a head without reason phrase, Server and added headers. */
#define HEAD_ROOM (HTTP_REPLY_FIXED_MAX + 512)

/* ---- Heads ----------------------------------------------------------------------------------- */

static enum http_persist
head_persist(struct exchange *x, bool until_close)
{
    const struct options *o = x->local->http->options;
    bool long_body = (x->flags & (X_LENGTH | X_READ)) == X_LENGTH &&
                     x->req->content_length > (uint64_t)o->body_discard_max;

    /* exchange_leave() counts no chunks either */
    long_body |= (x->flags & (X_CHUNKED | X_READ)) == X_CHUNKED && o->requests_max != 0;
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
head_frame(struct exchange *x, int status, uint64_t length, char *to)
{
    static const char chunked[] = "Transfer-Encoding: chunked\r\n";
    bool body = http_reply_has_body(status);
    bool known = length != GOEVD_HTTP_LENGTH_UNKNOWN && (x->flags & X_GZIP) == 0;
    bool until_close = body && !known && (x->flags & (X_OLD | X_HEAD)) == X_OLD;
    size_t n = 0;

    if (body && length != GOEVD_HTTP_LENGTH_UNKNOWN) {
        x->flags |= X_SIZED;
        x->reply_left = length;
    }
    if (body && known) {
        n = http_reply_length(to, length);
    } else if (body && (x->flags & X_OLD) == 0) {
        x->flags |= X_CHUNKS;
        n = strlen(chunked);
        memcpy(to, chunked, n);
    }
    if ((x->flags & X_HEAD) != 0 || !body || status == 205)
        x->flags |= X_SILENT;
    return n + http_reply_end(to + n, head_persist(x, until_close));
}

static int
head_append_field(struct exchange *x, const char *name, size_t name_len, const char *value,
                  size_t len)
{
    struct buffer *b = &x->fields;
    size_t more = name_len + len + strlen(": \r\n");

    if (b->len + more > EXCHANGE_FIELDS_MAX)
        return -EMSGSIZE;
    x->flags |= X_FIELDS;
    return lines_add(b, (struct span){name, name_len}, (struct span){value, len});
}

static int
head_append_id(struct exchange *x)
{
    struct goevd_str header;

    if (x->mark.id_len == 0)
        return 0;
    header = x->local->http->options->request_id->header;
    return head_append_field(x, header.data, header.len, x->mark.id, x->mark.id_len);
}

/* What is done to header lines last of all, but for those of a coding. */
static int
head_finish_fields(struct exchange *x)
{
    int r = edits_apply(&x->handler->chain->edits, &x->fields);

    return r < 0 ? r : head_append_id(x);
}

int
exchange_head_begin(struct exchange *x, int status, struct span type, uint64_t length)
{
    int r = head_finish_fields(x);

    return r < 0 ? r : exchange_gzip_choose(x, status, type, length);
}

int
exchange_head_put(struct exchange *x, int status, struct span type, uint64_t length)
{
    static const char name[] = "Content-Type: ";
    bool apart = type.len > HEADS_TYPE_MAX;
    struct head *h =
        heads_get(&x->local->heads, status, apart ? "" : type.data, apart ? 0 : type.len);
    char end[HEAD_ROOM];
    const struct span parts[] = {
        {h == NULL ? "" : h->data, h == NULL ? 0 : h->prefix_len},
        {name, apart ? strlen(name) : 0},
        {type.data, apart ? type.len : 0},
        {"\r\n", apart ? 2 : 0},
        {x->fields.data, x->fields.len},
        {end, head_frame(x, status, status == 205 ? 0 : length, end)},
    };
    int r = h == NULL ? -ENOMEM : 0;

    x->flags |= X_BEGUN;
    x->status = status;
    if (r < 0)
        exchange_break(x, 0);
    for (size_t i = 0; r >= 0 && i < ARRAY_LEN(parts); i++) {
        int one = exchange_put(x, parts[i]);

        r = one < 0 ? one : r | one;
    }
    x->fields.len = 0;
    return r;
}

int
exchange_head_check(const struct exchange *x, int status, struct span type)
{
    if ((x->flags & X_LOST) != 0)
        return -EPIPE;
    return status < 200 || status > 599 || !http_field_value_valid(type.data, type.len) ? -EINVAL
                                                                                        : 0;
}

static int
head_interim_head(struct exchange *x, const char *line, const char *more, size_t more_len)
{
    const struct span parts[] = {
        {line, strlen(line)}, {more, more_len}, {x->fields.data, x->fields.len}, {"\r\n", 2}};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ARRAY_LEN(parts); i++)
        r = exchange_put(x, parts[i]);
    x->fields.len = 0;
    return MIN(r, 0);
}

int
exchange_continue(struct exchange *x)
{
    static const char head[] = "HTTP/1.1 100 Continue\r\n\r\n";

    return MIN(exchange_put(x, (struct span){head, strlen(head)}), 0);
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
        r = head_interim_head(x, line, "", 0);
    x->fields.len = 0;
    exchange_changed(x);
    return r;
}

/* ---- Header lines ---------------------------------------------------------------------------- */

static int
head_check_field(const char *name, size_t name_len, const char *value, size_t len)
{
    if (!http_field_name_valid(name, name_len) || !http_field_value_valid(value, len))
        return -EINVAL;
    return http_field_is_ours(name, name_len) ? -EINVAL : 0;
}

int
exchange_add_field(struct exchange *x, const char *name, const char *value, size_t len)
{
    size_t name_len = strlen(name);
    int r = (x->flags & X_LOST) != 0 ? -EPIPE : head_check_field(name, name_len, value, len);

    return r < 0 ? r : head_append_field(x, name, name_len, value, len);
}

int
exchange_trailer(struct exchange *x, const char *name, const char *value, size_t len)
{
    size_t name_len = strlen(name);
    int r = head_check_field(name, name_len, value, len);

    if ((x->flags & (X_BEGUN | X_ENDED | X_BROKEN)) != X_BEGUN)
        return -EPIPE;
    if ((x->flags & X_CHUNKS) == 0)
        return -ENOTSUP;
    return r < 0 ? r : head_append_field(x, name, name_len, value, len);
}

/* ---- Other protocols ------------------------------------------------------------------------- */

int
exchange_upgrade_required(struct exchange *x, const char *protocol)
{
    int r = (x->flags & X_LOST) != 0 ? -EPIPE : 0;

    if (r == 0)
        r = head_append_field(x, "Upgrade", strlen("Upgrade"), protocol, strlen(protocol));
    if (r == 0)
        r = head_append_field(x, "Connection", strlen("Connection"), "upgrade", strlen("upgrade"));
    return r < 0 ? r : exchange_reply(x, 426, "", 0, NULL, 0);
}

int
exchange_upgrade(struct exchange *x, const char *protocol, struct goevd_plugin *to,
                 const void *state, size_t len)
{
    const struct goevd_stream *stream = goevd_plugin_interface(to, GOEVD_STREAM);
    static const char line[] = "HTTP/1.1 101 Switching Protocols\r\n";
    char more[128];
    int n = snprintf(more, sizeof(more), "Connection: upgrade\r\nUpgrade: %s\r\n", protocol);
    int r;

    if ((x->flags & X_LOST) != 0)
        return -EPIPE;
    if (stream == NULL)
        return -ENOTSUP;
    if (len > stream->conn_size)
        return -EINVAL;
    if (n >= (int)sizeof(more) || (x->flags & (X_OLD | X_BODY)) != 0 ||
        !http_request_upgrades(x->req, protocol))
        return -EPROTO;
    r = head_append_id(x);
    if (r < 0)
        return r;
    r = head_interim_head(x, line, more, (size_t)n);
    x->flags |= X_BEGUN | X_ENDED | X_UPGRADE;
    x->status = 101;
    x->upgrade_to = to;
    x->upgrade_state = state;
    x->upgrade_len = len;
    exchange_changed(x);
    return r;
}
