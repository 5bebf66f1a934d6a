#include "http/h2/request.h"

#include <errno.h>

#include "http/h2/block.h"
#include "http/h2/body.h"
#include "http/h2/reply.h"
#include "http/h2/wire.h"
#include "http/log/access.h"
#include "http/message/uri/target.h"

/* ---- Known replies --------------------------------------------------------------------------- */

/* The line of the access log. */
static void
http_h2_request_log(struct http_h2_stream *stream, unsigned number, bool head_only)
{
    struct http_local *local = stream->conn->local;
    const struct http_reply *reply = &local->http->routes.replies.all[number];
    struct http_access_event event = {
        .info = &local->h2->info,
        .c = stream->conn->c,
        .status = reply->status,
        .bytes = head_only ? 0 : reply->body.len,
    };

    if (!(local->http->limits.flags & HTTP_INFORMED) || !http_access_wanted(&local->log))
        return;
    http_access_request_read(local->h2->request, GOEVD_HTTP_2, &event.request);
    http_access_write(&local->log, event);
}

static void
http_h2_request_measure(const struct http_local *local, unsigned number)
{
    const struct http_reply *reply = &local->http->routes.replies.all[number];

    http_durations_count(&local->durations, 1);
    if (local->durations.of->routes)
        http_durations_count_route(&local->durations, reply->count_at / HTTP_COUNTS_CLASSES);
}

/* A reply that is known at start. Content that still comes goes nowhere. */
static void
http_h2_request_answer(struct http_h2_stream *stream, unsigned number, bool head_only)
{
    stream->flags |= HTTP_H2_STREAM_DISCARD;
    if (http_h2_reply_known(stream, number, head_only) < 0)
        http_h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
    else if (stream->conn->local->durations.of)
        http_h2_request_measure(stream->conn->local, number);
    http_h2_request_log(stream, number, head_only);
}

void
http_h2_request_refuse(struct http_h2_stream *stream, int verdict, bool head_only)
{
    struct http_h1_local *h1 = stream->conn->local->h1;
    unsigned number = http_verdict_index(verdict);

    (void)h1;
    http_h2_request_answer(stream, number, head_only);
}

/* ---- Handlers -------------------------------------------------------------------------------- */

static unsigned
http_h2_request_flags(const struct http_h2_stream *stream, const struct http_request *req)
{
    unsigned flags = HTTP_X_WIRE;

    flags |= req->method == HTTP_HEAD ? HTTP_X_HEAD : 0;
    flags |= (stream->flags & HTTP_H2_STREAM_IN_END) ? 0 : HTTP_X_BODY;
    return flags | ((req->flags & HTTP_INFORMED) ? HTTP_X_INFORMED : 0);
}

/* A handler has it. */
static void
http_h2_request_handle(struct http_h2_stream *stream, unsigned number)
{
    struct http_local *local = stream->conn->local;
    struct http_request *req = local->h2->request;
    struct http_exchange *x = http_exchange_take(local, &http_h2_wire);
    int r;

    if (!x) {
        http_h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    x->c = stream->conn->c;
    x->req = req;
    x->handler = local->http->routes.handlers.first[number];
    x->flags = http_h2_request_flags(stream, req);
    x->body.came = 0;
    http_request_info_copy(&x->info, &local->h2->info);
    http_h2_link(x)->stream = stream;
    if (http_exchange_clear_state(x) < 0) {
        http_exchange_release(x);
        http_h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    if (req->flags & HTTP_CONTINUE)
        stream->flags |= HTTP_H2_STREAM_CONTINUE;
    stream->x = x;
    http_exchange_count_open(x, 1);
    http_exchange_note_begin(x);
    r = http_exchange_begin(x);
    http_h2_body_advanced(stream, http_exchange_advance(x, r));
    if (stream->x && http_h2_link_keep(x) < 0)
        http_h2_body_gone(stream);
    else if (stream->x)
        http_exchange_idle(stream->x);
}

/* ---- Routes ---------------------------------------------------------------------------------- */

static const struct http_site *
http_h2_request_site(const struct http_local *local, const struct http_request *req)
{
    const struct http_field *f = &req->fields[req->at[HTTP_KNOWN_HOST]];
    struct http_span host = {"", 0};

    if (req->seen & 1U << HTTP_KNOWN_HOST)
        host = (struct http_span){f->value, f->value_len};
    return http_routes_site(&local->http->routes, host);
}

static void
http_h2_request_route(struct http_h2_stream *stream, struct http_request *req)
{
    unsigned number = HTTP_REPLIES_SERVER_WIDE;

    if (!(req->flags & HTTP_SERVER_WIDE))
        number = http_routes_find(http_h2_request_site(stream->conn->local, req), req);
    if (http_routes_is_handler(number))
        http_h2_request_handle(stream, http_routes_handler(number));
    else
        http_h2_request_answer(stream, number, req->method == HTTP_HEAD);
}

void
http_h2_request_take(struct http_h2_conn *conn, struct http_h2_stream *stream)
{
    struct http_local *local = conn->local;
    struct http_request *req = local->h2->request;
    const struct http_limits *limits = &local->http->limits;
    bool ended = stream->flags & HTTP_H2_STREAM_IN_END;
    int r = http_h2_block_request(&conn->block, limits, ended, req);

    if (r == -ENOMEM) {
        http_h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    if (limits->flags & HTTP_INFORMED)
        http_request_info_begin(&local->log, conn->c, req, &local->h2->info);
    if (r == 0)
        r = http_target_check(req, local->h2->scratch);
    if (r == 0 && (req->flags & HTTP_TARGET_SECURED) && !http_conn_is_secured(conn->c))
        r = HTTP_NOT_SECURED;
    goevd_metric_count(&local->methods[req->method], 1);
    conn->requests++;
    http_count_request(local->http);
    if (r < 0)
        http_h2_request_refuse(stream, r, req->method == HTTP_HEAD);
    else
        http_h2_request_route(stream, req);
}
