#include "http/h1/body/discard.h"

#include <errno.h>

#include "http/h1/output/answer.h"
#include "http/h1/output/record.h"

int
http_h1_discard_begin(struct http_h1_batch *b, size_t head_len, unsigned reply,
                      enum http_persist persist)
{
    const struct http_request *req = b->h1->request;
    struct http_h1_conn *conn = b->conn;
    bool head_only = req->method == HTTP_HEAD;
    bool chunked = req->flags & HTTP_CHUNKED;

    if (!chunked && req->content_length > (uint64_t)b->local->http->options->body_discard_max)
        return http_h1_refuse(b, HTTP_LARGE_BODY, head_only);
    /* RFC 9110 section 10.1.1: with a final reply instead of 100 (Continue) the client may or may
     * not send the body, so the connection has to close */
    if (req->flags & HTTP_CONTINUE) {
        int r = http_h1_answer(b, reply, HTTP_PERSIST_CLOSE, head_only, 0);

        if (r < 0)
            return r;
        b->at += head_len;
        b->close_flags = GOEVD_CLOSE_FLUSH;
        if (req->flags & HTTP_INFORMED)
            http_h1_record_answered(b, reply, head_only);
        return 0;
    }
    b->at += head_len;
    conn->left = 0;
    if (!chunked)
        conn->left = req->content_length;
    if (chunked)
        conn->body = 0;
    conn->reply = (uint16_t)reply;
    conn->flags |=
        (uint16_t)((chunked ? HTTP_H1_CHUNKED : HTTP_H1_LENGTH) | (head_only ? HTTP_H1_HEAD : 0) |
                   (int)persist << HTTP_H1_PERSIST_SHIFT);
    if (req->flags & HTTP_INFORMED)
        http_h1_record_keep(b, reply);
    return 0;
}

/* Count received bytes of an answered body. A sufficient rate extends its deadline. */
static void
http_h1_discard_count(struct http_h1_batch *b, uint64_t len)
{
    if (b->local->http->options->requests_max == 0)
        b->conn->body = (uint32_t)MIN(b->conn->body + len, (uint64_t)UINT32_MAX);
}

/* 1: the body is complete; 0: it is incomplete; an enum http_verdict. */
static int
http_h1_discard_chunked(struct http_h1_batch *b)
{
    struct http_h1_conn *conn = b->conn;
    uint64_t max = (uint64_t)b->local->http->options->body_discard_max;

    while (b->at < b->end && !http_chunked_done(&conn->chunked)) {
        struct http_span data;
        ssize_t n = http_chunked_read(&conn->chunked, b->at, (size_t)(b->end - b->at), &data);

        if (n < 0)
            return (int)n;
        if (conn->flags & HTTP_H1_ANSWERED)
            http_h1_discard_count(b, data.len);
        else if (conn->body + data.len + http_chunked_known(&conn->chunked) > max)
            return HTTP_LARGE_BODY;
        else
            conn->body += (uint32_t)data.len;
        b->at += n;
    }
    return http_chunked_done(&conn->chunked);
}

static int
http_h1_discard_length(struct http_h1_batch *b)
{
    uint64_t n = MIN((uint64_t)(b->end - b->at), b->conn->left);

    b->at += n;
    b->conn->left -= n;
    if (b->conn->flags & HTTP_H1_ANSWERED)
        http_h1_discard_count(b, n);
    return b->conn->left == 0;
}

/* The decoder cannot back up to the bad byte. If the refusal has to wait for output to drain,
 * record it as the reply to a complete body. */
static int
http_h1_discard_fail(struct http_h1_batch *b, int verdict, bool head_only)
{
    struct http_h1_conn *conn = b->conn;
    int r;

    if (conn->flags & HTTP_H1_ANSWERED) {
        b->stop_at = 0;
        b->close_flags = GOEVD_CLOSE_FLUSH;
        return 0;
    }
    r = http_h1_refuse(b, verdict, head_only);
    if (r != -ENOBUFS)
        return r;
    b->h1->refused[http_verdict_index(verdict)]++;
    conn->left = 0;
    http_h1_record_set_reply(b, http_verdict_index(verdict));
    conn->flags &= (uint16_t) ~(HTTP_H1_BODY | HTTP_H1_PERSIST_MASK);
    conn->flags |= HTTP_H1_LENGTH | HTTP_PERSIST_CLOSE << HTTP_H1_PERSIST_SHIFT;
    return -ENOBUFS;
}

/* Answer a body that is complete. */
static int
http_h1_discard_answer(struct http_h1_batch *b, bool head_only)
{
    struct http_h1_conn *conn = b->conn;
    enum http_persist persist =
        (enum http_persist)((conn->flags & HTTP_H1_PERSIST_MASK) >> HTTP_H1_PERSIST_SHIFT);
    int r;

    if (conn->flags & HTTP_H1_ANSWERED)
        return 0;
    if (conn->flags & HTTP_H1_STOP)
        persist = HTTP_PERSIST_CLOSE;
    r = http_h1_answer(b, http_h1_record_reply(b), persist, head_only, 0);
    if (r == 0 && (conn->flags & HTTP_H1_INFORMED))
        http_h1_record_kept_answered(b, head_only);
    return r;
}

int
http_h1_discard_body(struct http_h1_batch *b)
{
    struct http_h1_conn *conn = b->conn;
    bool head_only = conn->flags & HTTP_H1_HEAD;
    int r =
        (conn->flags & HTTP_H1_CHUNKED) ? http_h1_discard_chunked(b) : http_h1_discard_length(b);

    if (r == 0)
        return 0;
    if (r < 0)
        return http_h1_discard_fail(b, r, head_only);
    r = http_h1_discard_answer(b, head_only);
    if (r < 0)
        return r;
    conn->flags &=
        (uint16_t) ~(HTTP_H1_BODY | HTTP_H1_HEAD | HTTP_H1_PERSIST_MASK | HTTP_H1_ANSWERED);
    if (!(conn->flags & HTTP_H1_REST))
        conn->left = 0;
    if (b->local->http->options->requests_max == 0)
        conn->body = 0;
    return 0;
}

uint64_t
http_h1_discard_more_time(struct http_h1_batch *b)
{
    const struct http_options *o = b->local->http->options;
    uint64_t came = o->requests_max == 0 ? b->conn->body : 0;

    if (!(b->conn->flags & HTTP_H1_ANSWERED) || o->body_rate == 0 || came == 0)
        return 0;
    b->conn->body = 0;
    return (uint64_t)((double)came / (double)o->body_rate * (double)NS_PER_S);
}
