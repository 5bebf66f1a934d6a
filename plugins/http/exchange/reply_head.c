#include <goevd/hosting.h>

#include "http/exchange/exchange.h"

#include "http/message/rows.h"
#include "http/message/status.h"

/* ---- Heads ----------------------------------------------------------------------------------- */

static int
http_reply_head_append_field(struct http_exchange *x, const char *name, size_t name_len,
                             const char *value, size_t len)
{
    struct http_buffer *b = &x->reply.fields;
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

/* Apply the edits to the header lines. Only the headers of a content coding are added later. */
static int
http_reply_head_finish_fields(struct http_exchange *x)
{
    int r = http_header_edits_apply(&x->handler->chain->edits, &x->reply.fields);

    return r < 0 ? r : http_reply_head_append_id(x);
}

/* Drop headers that describe the content of a 200 and do not belong into a 304, RFC 9110 section
 * 15.4.5. */
static void
http_reply_head_drop_content(struct http_exchange *x)
{
    static const struct http_span names[] = {
        {"Content-Type", 12}, {"Content-Encoding", 16}, {"Content-Language", 16}};

    http_lines_drop(&x->reply.fields, names, ARRAY_LEN(names));
}

int
http_exchange_head_begin(struct http_exchange *x, int status, struct http_span type,
                         uint64_t length)
{
    int r = http_reply_head_finish_fields(x);

    if (r == 0)
        r = http_compression_choose(x, status, type, length);
    if (status == 304)
        http_reply_head_drop_content(x);
    return r;
}

int
http_exchange_head_put(struct http_exchange *x, int status, struct http_span type, uint64_t length)
{
    bool content = http_status_has_content(status);
    struct http_wire_head head = {
        .status = status,
        .type = status == 304 ? (struct http_span){"", 0} : type,
        .fields = &x->reply.fields,
        .length = status == 205 ? 0 : length,
        .whole = x->flags & HTTP_X_WHOLE,
    };
    int r;

    x->flags |= HTTP_X_BEGUN;
    x->reply.status = status;
    http_exchange_count(x, status);
    http_exchange_measure_first_byte(x);
    if (content && head.length != GOEVD_HTTP_LENGTH_UNKNOWN) {
        x->flags |= HTTP_X_SIZED;
        x->reply.left = head.length;
    }
    if (x->flags & HTTP_X_GZIP)
        head.length = GOEVD_HTTP_LENGTH_UNKNOWN;
    if ((x->flags & HTTP_X_HEAD) || !content || status == 205)
        x->flags |= HTTP_X_SILENT;
    r = http_exchange_took(x, x->wire->head(x, &head));
    x->reply.fields.len = 0;
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

int
http_exchange_interim(struct http_exchange *x, int status)
{
    int r;

    if (status < 102 || status > 199)
        return -EINVAL;
    if (x->flags & HTTP_X_LOST)
        return -EPIPE;
    r = http_exchange_took(x, x->wire->interim(x, status, &x->reply.fields));
    x->reply.fields.len = 0;
    http_exchange_changed(x);
    return MIN(r, 0);
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
    if (!x->wire->takes_trailers(x))
        return -ENOTSUP;
    return r < 0 ? r : http_reply_head_append_field(x, name, name_len, value, len);
}

/* ---- Other protocols ------------------------------------------------------------------------- */

int
http_exchange_upgrade_required(struct http_exchange *x, const char *protocol)
{
    int r = -EPIPE;

    if (!(x->flags & HTTP_X_LOST))
        r = x->wire->offer(x, protocol, &x->reply.fields);
    if (r < 0)
        return r;
    x->flags |= HTTP_X_FIELDS;
    return http_exchange_reply(x, 426, "", 0, NULL, 0);
}

/* Complete the headers, and save those that the handler has added in *ret_before. 0; -ENOMEM;
 * -EMSGSIZE. */
static int
http_reply_head_begin_upgrade(struct http_exchange *x, struct http_buffer *ret_before)
{
    int r = http_buffer_append(ret_before, x->reply.fields.data, x->reply.fields.len);

    return r < 0 ? r : http_reply_head_finish_fields(x);
}

int
http_exchange_upgrade(struct http_exchange *x, const char *protocol, struct goevd_plugin *to,
                      const void *state, size_t len)
{
    const struct goevd_stream *stream = goevd_plugin_interface(to, GOEVD_STREAM);
    struct http_buffer before = {0};
    bool begun = false;
    int r;

    if (x->flags & HTTP_X_LOST)
        return -EPIPE;
    if (!stream)
        return -ENOTSUP;
    if (len > stream->conn_size)
        return -EINVAL;
    r = http_reply_head_begin_upgrade(x, &before);
    if (r == 0) {
        r = x->wire->upgrade(x, protocol, &x->reply.fields);
        begun = r != -EPROTO;
    }
    x->reply.fields.len = 0;
    if (!begun)
        /* cannot fail: the buffer has room */
        (void)http_buffer_append(&x->reply.fields, before.data, before.len);
    free(before.data);
    if (!begun)
        return r;
    x->flags |= HTTP_X_BEGUN | HTTP_X_ENDED | HTTP_X_UPGRADE;
    x->reply.status = 101;
    http_exchange_count(x, 101);
    x->upgrade = (struct http_upgrade){to, state, len};
    http_exchange_changed(x);
    return MIN(http_exchange_took(x, r), 0);
}
