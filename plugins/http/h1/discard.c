#include "http/h1/discard.h"

#include <errno.h>

#include "http/log/access.h"
#include "http/options.h"

int
discard_begin(struct turn *t, size_t head_len, unsigned reply, enum http_persist persist)
{
    const struct http_request *req = t->local->request;
    struct conn *conn = t->conn;
    bool head_only = req->method == HTTP_HEAD;
    bool chunked = (req->flags & HTTP_CHUNKED) != 0;

    if (!chunked && req->content_length > (uint64_t)t->local->http->options->body_discard_max)
        return turn_fail(t, HTTP_LARGE_BODY, head_only);
    /* RFC 9110 section 10.1.1: a final answer instead of 100 (Continue); whether the body comes
     * after it is not known, so the connection ends */
    if ((req->flags & HTTP_CONTINUE) != 0) {
        int r = turn_reply_marked(t, reply, HTTP_PERSIST_CLOSE, head_only, 0);

        if (r < 0)
            return r;
        t->at += head_len;
        t->close_flags = GOEVD_CLOSE_FLUSH;
        if ((req->flags & HTTP_MARKED) != 0)
            access_answered(t, reply, head_only);
        return 0;
    }
    t->at += head_len;
    conn->left = 0;
    if (!chunked)
        conn->left = req->content_length;
    if (chunked)
        conn->body = 0;
    conn->reply = (uint16_t)reply;
    conn->flags |= (uint16_t)((chunked ? CONN_CHUNKED : CONN_LENGTH) | (head_only ? CONN_HEAD : 0) |
                              (int)persist << CONN_PERSIST_SHIFT);
    if ((req->flags & HTTP_MARKED) != 0)
        access_keep(t, reply);
    return 0;
}

/* 1: the body is complete; 0: it is not; an enum http_verdict. */
static int
discard_chunked(struct turn *t)
{
    struct conn *conn = t->conn;
    uint64_t max = (uint64_t)t->local->http->options->body_discard_max;

    while (t->at < t->end && !http_chunked_done(&conn->chunked)) {
        struct span data;
        ssize_t n = http_chunked_read(&conn->chunked, t->at, (size_t)(t->end - t->at), &data);

        if (n < 0)
            return (int)n;
        if (conn->body + data.len + http_chunked_known(&conn->chunked) > max)
            return HTTP_LARGE_BODY;
        conn->body += (uint32_t)data.len;
        t->at += n;
    }
    return http_chunked_done(&conn->chunked);
}

static int
discard_length(struct turn *t)
{
    uint64_t n = MIN((uint64_t)(t->end - t->at), t->conn->left);

    t->at += n;
    t->conn->left -= n;
    return t->conn->left == 0;
}

/* The decoder cannot go back to the bad byte: where the answer has to wait, it is remembered as
 * that to a body which is complete. */
static int
discard_fail(struct turn *t, int verdict, bool head_only)
{
    struct conn *conn = t->conn;
    int r;

    if ((conn->flags & CONN_ANSWERED) != 0) {
        t->stop_at = 0;
        t->close_flags = GOEVD_CLOSE_FLUSH;
        return 0;
    }
    r = turn_fail(t, verdict, head_only);
    if (r != -ENOBUFS)
        return r;
    t->local->refused[http_verdict_index(verdict)]++;
    conn->left = 0;
    access_set_reply(t, http_verdict_index(verdict));
    conn->flags &= (uint16_t) ~(CONN_BODY | CONN_PERSIST_MASK);
    conn->flags |= CONN_LENGTH | HTTP_PERSIST_CLOSE << CONN_PERSIST_SHIFT;
    return -ENOBUFS;
}

/* Such a body is complete. */
static int
discard_answer(struct turn *t, bool head_only)
{
    struct conn *conn = t->conn;
    enum http_persist persist =
        (enum http_persist)((conn->flags & CONN_PERSIST_MASK) >> CONN_PERSIST_SHIFT);
    int r;

    if ((conn->flags & CONN_ANSWERED) != 0)
        return 0;
    if ((conn->flags & CONN_STOP) != 0)
        persist = HTTP_PERSIST_CLOSE;
    r = turn_reply_marked(t, access_reply(t), persist, head_only, 0);
    if (r == 0 && (conn->flags & CONN_MARKED) != 0)
        access_kept_answered(t, head_only);
    return r;
}

int
discard_body(struct turn *t)
{
    struct conn *conn = t->conn;
    bool head_only = (conn->flags & CONN_HEAD) != 0;
    int r = (conn->flags & CONN_CHUNKED) != 0 ? discard_chunked(t) : discard_length(t);

    if (r == 0)
        return 0;
    if (r < 0)
        return discard_fail(t, r, head_only);
    r = discard_answer(t, head_only);
    if (r < 0)
        return r;
    conn->flags &= (uint16_t) ~(CONN_BODY | CONN_HEAD | CONN_PERSIST_MASK | CONN_ANSWERED);
    conn->left = 0;
    return 0;
}
