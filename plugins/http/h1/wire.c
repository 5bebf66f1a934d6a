/* HTTP/1.1 as a wire: implements struct http_wire with keep-alive, chunks, Connection, 100
 * (Continue) and HTTP/1.0. */
#include <errno.h>
#include <stdio.h>

#include <goevd/hosting.h>

#include "http/h1/connection.h"
#include "http/h1/link.h"
#include "http/h1/output/answer.h"
#include "http/message/semantics.h"
#include "http/message/status.h"

/* Room for a head with an empty reason phrase, without Server and added headers. */
#define HEAD_ROOM (HTTP_HEAD_FIXED_MAX + 512)

static enum goevd_http_version
http_h1_wire_version(const struct http_exchange *x)
{
    return http_h1_link(x)->flags & HTTP_H1_LINK_OLD ? GOEVD_HTTP_1_0 : GOEVD_HTTP_1_1;
}

static const char *
http_h1_wire_scheme(const struct http_exchange *x)
{
    return http_conn_is_secured(x->c) ? "https" : "http";
}

/* ---- The request body ------------------------------------------------------------------------ */

static int
http_h1_wire_want(struct http_exchange *x)
{
    static const char head[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct http_h1_link *link = http_h1_link(x);
    int r = 0;

    if ((link->flags & HTTP_H1_LINK_CONTINUE) && !(x->flags & HTTP_X_BEGUN))
        r = http_h1_link_put(x, (struct http_span){head, strlen(head)});
    link->flags &= ~(unsigned)HTTP_H1_LINK_CONTINUE;
    http_h1_conn_unpause(x->c, http_h1_link_conn(link));
    return r;
}

/* ---- The head -------------------------------------------------------------------------------- */

/* Whether the connection closes because the rest of the body is too long to discard. If its length
 * is unknown, all of it is read: a chunked body, and a body that the handler may read while it
 * replies. */
static bool
http_h1_wire_leaves_body(const struct http_exchange *x, struct http_h1_link *link, bool whole)
{
    const struct http_options *o = x->local->http->options;
    const struct http_h1_conn *conn = http_h1_link_conn(link);
    uint64_t left = (conn->flags & HTTP_H1_EXCHANGE) ? link->body.left : x->req->content_length;
    bool counted = o->requests_max != 0; /* `body` and `requests` share a union */

    if (!(link->flags & HTTP_H1_LINK_BODY) || (x->flags & HTTP_X_HAD_ALL))
        return false;
    if ((link->flags & HTTP_H1_LINK_CHUNKED) && counted)
        return true;
    if ((link->flags & HTTP_H1_LINK_LENGTH) && (whole || counted))
        return left > (uint64_t)o->body_discard_max;
    link->flags |= HTTP_H1_LINK_DRAIN;
    return false;
}

static enum http_persist
http_h1_wire_persist(struct http_exchange *x, bool until_close, bool whole)
{
    struct http_h1_link *link = http_h1_link(x);
    const struct http_h1_conn *conn = http_h1_link_conn(link);
    bool close = until_close || (x->flags & HTTP_X_CLOSE);

    close |= http_h1_wire_leaves_body(x, link, whole);
    /* RFC 9110 section 10.1.1: with a final reply instead of 100 (Continue) the client may or may
     * not send the body */
    close |= (link->flags & HTTP_H1_LINK_CONTINUE) || (conn->flags & (HTTP_H1_STOP | HTTP_H1_EOF));
    if (close)
        link->flags |= HTTP_H1_LINK_CLOSE;
    if (link->flags & HTTP_H1_LINK_CLOSE)
        return HTTP_PERSIST_CLOSE;
    return (link->flags & HTTP_H1_LINK_TELL) ? HTTP_PERSIST_TOLD : HTTP_PERSIST;
}

/* How the content is framed, RFC 9112 section 6, and the end of the head. */
static size_t
http_h1_wire_frame(struct http_exchange *x, const struct http_wire_head *head, char *to)
{
    static const char chunked[] = "Transfer-Encoding: chunked\r\n";
    struct http_h1_link *link = http_h1_link(x);
    bool content = http_status_has_content(head->status);
    bool known = head->length != GOEVD_HTTP_LENGTH_UNKNOWN;
    bool old = link->flags & HTTP_H1_LINK_OLD;
    bool until_close = content && !known && old && !(x->flags & HTTP_X_HEAD);
    size_t n = 0;

    if (content && known) {
        n = http_head_length(to, head->length);
    } else if (content && !old) {
        link->flags |= HTTP_H1_LINK_CHUNKS;
        n = strlen(chunked);
        memcpy(to, chunked, n);
    }
    return n + http_head_end(to + n, http_h1_wire_persist(x, until_close, head->whole));
}

static int
http_h1_wire_head(struct http_exchange *x, const struct http_wire_head *head)
{
    static const char name[] = "Content-Type: ";
    bool apart = head->type.len > HTTP_HEAD_CACHE_TYPE_MAX;
    struct http_span type = apart ? (struct http_span){"", 0} : head->type;
    const struct http_head *h =
        http_head_cache_get(&x->local->h1->head_cache, head->status, type.data, type.len);
    char end[HEAD_ROOM];
    const struct http_span parts[] = {
        {h ? h->data : "", h ? h->prefix_len : 0},     {name, apart ? strlen(name) : 0},
        {head->type.data, apart ? head->type.len : 0}, {"\r\n", apart ? 2 : 0},
        {head->fields->data, head->fields->len},       {end, http_h1_wire_frame(x, head, end)},
    };

    return h ? http_h1_link_put_all(x, parts, ARRAY_LEN(parts)) : -ENOMEM;
}

static int
http_h1_wire_interim(struct http_exchange *x, int status, const struct http_buffer *fields)
{
    char line[64];
    int n = snprintf(line, sizeof(line), "HTTP/1.1 %d %s\r\n", status, http_status_phrase(status));
    const struct http_span parts[] = {{line, (size_t)n}, {fields->data, fields->len}, {"\r\n", 2}};

    if (http_h1_link(x)->flags & HTTP_H1_LINK_OLD)
        return 0;
    return http_h1_link_put_all(x, parts, ARRAY_LEN(parts));
}

/* ---- The content ----------------------------------------------------------------------------- */

/* chunk-size CRLF, RFC 9112 section 7.1. */
static int
http_h1_wire_chunk_size(struct http_exchange *x, size_t len)
{
    char text[24];
    int n;

    if (!(http_h1_link(x)->flags & HTTP_H1_LINK_CHUNKS))
        return 0;
    n = snprintf(text, sizeof(text), "%zx\r\n", len);
    return http_h1_link_put(x, (struct http_span){text, (size_t)n});
}

static int
http_h1_wire_chunk_end(struct http_exchange *x)
{
    if (!(http_h1_link(x)->flags & HTTP_H1_LINK_CHUNKS))
        return 0;
    return http_h1_link_put(x, (struct http_span){"\r\n", 2});
}

static int
http_h1_wire_content(struct http_exchange *x, const char *data, size_t len)
{
    int size = http_h1_wire_chunk_size(x, len);
    int r = size < 0 ? size : http_h1_link_put(x, (struct http_span){data, len});
    int end = r < 0 ? r : http_h1_wire_chunk_end(x);

    return end < 0 ? end : size | r | end;
}

static int
http_h1_wire_segment(struct http_exchange *x, struct http_segment *s)
{
    struct http_h1_link *link = http_h1_link(x);
    int r = http_h1_wire_chunk_size(x, s->len);
    int end;

    if (http_h1_link_waits(link)) { /* even the chunk-size is queued: do not begin the segment */
        link->rest.len = 0;
        return -ENOBUFS;
    }
    if (r >= 0)
        r = http_h1_link_put_segment(x, s);
    end = r < 0 ? r : http_h1_wire_chunk_end(x);
    return end < 0 ? end : r | end;
}

static int
http_h1_wire_end(struct http_exchange *x, const struct http_buffer *trailers)
{
    const struct http_span parts[] = {{"0\r\n", 3}, {trailers->data, trailers->len}, {"\r\n", 2}};

    if (!(http_h1_link(x)->flags & HTTP_H1_LINK_CHUNKS))
        return 0;
    return http_h1_link_put_all(x, parts, ARRAY_LEN(parts));
}

static bool
http_h1_wire_room(const struct http_exchange *x)
{
    return !http_h1_link_waits(http_h1_link(x));
}

static bool
http_h1_wire_takes_trailers(const struct http_exchange *x)
{
    return http_h1_link(x)->flags & HTTP_H1_LINK_CHUNKS;
}

/* ---- The end --------------------------------------------------------------------------------- */

static int
http_h1_wire_abort(struct http_exchange *x, int verdict)
{
    struct http_h1_batch *b = http_h1_link(x)->batch;
    int r = 0;

    if (verdict != 0)
        r = http_h1_refuse(b, verdict, x->flags & HTTP_X_HEAD);
    else
        http_h1_batch_commit(b);
    if (r == 0 && verdict != 0) /* counted by http_h1_refuse() */
        b->local->durations.apart++;
    if (r != -ENOBUFS)
        b->close_flags = GOEVD_CLOSE_FLUSH;
    return r;
}

/* Let the connection resume reading where the handler stopped. */
static void
http_h1_wire_pass_body(struct http_h1_batch *b, const struct http_h1_link *link)
{
    struct http_h1_conn *conn = b->conn;

    if (link->flags & HTTP_H1_LINK_LENGTH)
        conn->left = link->body.left;
    else
        conn->chunked = link->body.chunked;
    if (b->local->http->options->requests_max == 0)
        conn->body = 0;
    conn->flags |=
        (uint16_t)(HTTP_H1_ANSWERED |
                   ((link->flags & HTTP_H1_LINK_LENGTH) ? HTTP_H1_LENGTH : HTTP_H1_CHUNKED));
}

static bool
http_h1_wire_body_too_long(const struct http_exchange *x)
{
    const struct http_h1_link *link = http_h1_link(x);

    return (link->flags & (HTTP_H1_LINK_LENGTH | HTTP_H1_LINK_DRAIN)) == HTTP_H1_LINK_LENGTH &&
           link->body.left > (uint64_t)x->local->http->options->body_discard_max;
}

/* Close the connection after the reply, or keep it open. */
static void
http_h1_wire_leave(struct http_h1_batch *b, struct http_exchange *x, bool broken)
{
    const struct http_h1_link *link = http_h1_link(x);
    bool body = link->flags & HTTP_H1_LINK_BODY;
    bool closes = broken;

    b->answered += !broken;
    b->local->durations.apart += !broken;
    closes |= link->flags & HTTP_H1_LINK_CLOSE; /* HTTP_H1_STOP is ignored, because the head may
                                                 * have been sent before it was set */
    closes |= body && ((b->conn->flags & HTTP_H1_EOF) || http_h1_wire_body_too_long(x));
    /* `body` and `requests` share a union */
    closes |= (link->flags & HTTP_H1_LINK_CHUNKED) && x->local->http->options->requests_max != 0;
    if (!closes && body)
        http_h1_wire_pass_body(b, link);
    if (!closes)
        return;
    b->stop_at = 0;
    if (body)
        b->close_flags = GOEVD_CLOSE_FLUSH;
}

static void
http_h1_wire_done(struct http_exchange *x, bool whole)
{
    struct http_h1_batch *b = http_h1_link(x)->batch;

    b->conn->flags &= (uint16_t)~HTTP_H1_EXCHANGE;
    if (!(b->conn->flags & HTTP_H1_REST))
        b->conn->left = 0;
    http_h1_wire_leave(b, x, !whole);
    /* bound pipelined requests by the work they cause, not by their number alone */
    if (whole && http_gzip_is_tired(x->local->gzip) && b->stop_at > b->answered)
        b->stop_at = b->answered;
    http_h1_conn_unpause(x->c, b->conn);
}

static void
http_h1_wire_drop(struct http_exchange *x)
{
    struct http_h1_link *link = http_h1_link(x);

    if (link->segment.len != 0)
        http_segment_done(&link->segment, -EPIPE);
    link->rest.len = link->rest_at = 0;
}

static void
http_h1_wire_reset(struct http_exchange *x, size_t keep)
{
    struct http_h1_link *link = http_h1_link(x);

    http_buffer_clear(&link->rest, keep);
    http_buffer_clear(&link->copy, keep);
    link->rest_at = 0;
    link->batch = NULL;
    link->flags = 0;
}

/* ---- Other protocols ------------------------------------------------------------------------- */

static int
http_h1_wire_offer(struct http_exchange *x, const char *protocol, struct http_buffer *fields)
{
    static const struct http_span upgrade = {"Upgrade", 7};
    int r = http_lines_add(fields, upgrade, (struct http_span){protocol, strlen(protocol)});

    (void)x;
    if (r < 0)
        return r;
    return http_lines_add(fields, (struct http_span){"Connection", 10},
                          (struct http_span){"upgrade", 7});
}

static int
http_h1_wire_upgrade(struct http_exchange *x, const char *protocol,
                     const struct http_buffer *fields)
{
    static const char line[] = "HTTP/1.1 101 Switching Protocols\r\n";
    char more[128];
    int n = snprintf(more, sizeof(more), "Connection: upgrade\r\nUpgrade: %s\r\n", protocol);
    const struct http_span parts[] = {
        {line, strlen(line)}, {more, (size_t)n}, {fields->data, fields->len}, {"\r\n", 2}};

    if (n >= (int)sizeof(more) ||
        (http_h1_link(x)->flags & (HTTP_H1_LINK_OLD | HTTP_H1_LINK_BODY)) ||
        !http_request_upgrades(x->req, protocol))
        return -EPROTO;
    return http_h1_link_put_all(x, parts, ARRAY_LEN(parts));
}

static int
http_h1_wire_hand_over(struct http_exchange *x)
{
    struct http_h1_batch *b = http_h1_link(x)->batch;
    int r;

    http_h1_batch_commit(b);
    r = b->outside ? http_exchange_arm_kick(x)
                   : goevd_conn_upgrade(x->c, x->upgrade.to, x->upgrade.state, x->upgrade.len);
    return r < 0 ? -ENOMEM : -EBUSY;
}

const struct http_wire http_h1_wire = {
    .version = http_h1_wire_version,
    .scheme = http_h1_wire_scheme,
    .want = http_h1_wire_want,
    .interim = http_h1_wire_interim,
    .head = http_h1_wire_head,
    .content = http_h1_wire_content,
    .segment = http_h1_wire_segment,
    .end = http_h1_wire_end,
    .room = http_h1_wire_room,
    .takes_trailers = http_h1_wire_takes_trailers,
    .abort = http_h1_wire_abort,
    .done = http_h1_wire_done,
    .drop = http_h1_wire_drop,
    .reset = http_h1_wire_reset,
    .run = http_h1_conn_run,
    .offer = http_h1_wire_offer,
    .upgrade = http_h1_wire_upgrade,
    .hand_over = http_h1_wire_hand_over,
};
