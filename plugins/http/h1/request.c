#include "http/h1/request.h"

#include <errno.h>

#include "http/exchange/exchange.h"
#include "http/h1/discard.h"
#include "http/log/access.h"
#include "http/message/target.h"

int
request_fail_head(struct turn *t, int verdict)
{
    mark_begin_none(t->local);
    return turn_fail(t, verdict, t->end - t->at >= 5 && memcmp(t->at, "HEAD ", 5) == 0);
}

unsigned
request_flags(const struct http_request *req, enum http_persist persist)
{
    unsigned flags = req->method == HTTP_HEAD ? X_HEAD : 0;

    flags |= (req->flags & HTTP_OLD) != 0 ? X_OLD : 0;
    flags |= (req->flags & HTTP_LENGTH) != 0 ? X_LENGTH : 0;
    flags |= (req->flags & HTTP_CHUNKED) != 0 ? X_CHUNKED : 0;
    flags |= (req->flags & HTTP_CONTINUE) != 0 ? X_CONTINUE : 0;
    flags |= (req->flags & HTTP_MARKED) != 0 ? X_MARKED : 0;
    flags |= persist == HTTP_PERSIST_CLOSE ? X_CLOSE : 0;
    return flags | (persist == HTTP_PERSIST_TOLD ? X_TELL : 0);
}

/* What a request is for, RFC 9112 section 3.3: the host of its target, or of its Host header. */
static const struct site *
request_site(const struct http_local *local, const struct http_request *req)
{
    const struct http_field *f = &req->fields[req->at[HTTP_KNOWN_HOST]];
    struct span host = http_target_host(req->target);

    if (host.data == NULL && (req->seen & 1U << HTTP_KNOWN_HOST) != 0)
        host = (struct span){f->value, f->value_len};
    return routes_site(&local->http->routes, host);
}

/* Whether the connection ends with this request. A chunked body that nobody wants is counted where
 * requests are, so it does too. */
static bool
request_is_last(const struct turn *t, unsigned reply)
{
    uint64_t max = (uint64_t)t->local->http->options->requests_max;
    bool chunked = (t->local->request->flags & HTTP_CHUNKED) != 0;

    return max != 0 && (t->conn->requests + 1 >= max || (chunked && !routes_is_handler(reply)));
}

/* A request has been answered, or will be. With the last one of a worker, and again after as many,
 * for what is asked may fail. */
static void
request_count(struct turn *t)
{
    const struct http *http = t->local->http;
    uint64_t max = (uint64_t)http->options->worker_requests_max;

    if ((t->conn->flags & CONN_CHUNKED) == 0)
        t->conn->requests++;
    if (max != 0 &&
        (atomic_fetch_add_explicit(t->local->worker_requests, 1, memory_order_relaxed) + 1) % max ==
            0)
        goevd_worker_replace(http->self, "worker_requests_max is reached");
}

/* Let it be answered. Returns as request_any(). */
static int
request_answer(struct turn *t, unsigned reply, enum http_persist persist, size_t head_len)
{
    const struct http_request *req = t->local->request;
    bool head_only = req->method == HTTP_HEAD;
    int r;

    if (routes_is_handler(reply)) {
        mark_copy(&t->local->fresh->mark, &t->local->mark);
        return exchange_handle(t, routes_handler(reply), head_len, request_flags(req, persist));
    }
    if ((req->flags & HTTP_BODY) != 0)
        return discard_begin(t, head_len, reply, persist);
    r = turn_reply_marked(t, reply, persist, head_only, head_len);
    if (r < 0)
        return r;
    t->at += head_len;
    if ((req->flags & HTTP_MARKED) != 0)
        access_answered(t, reply, head_only);
    return 0;
}

int
request_any(struct turn *t, size_t head_len, int r)
{
    struct http_local *local = t->local;
    struct http_request *req = local->request;
    enum http_persist persist = t->persist;
    bool marked;
    unsigned reply = ROUTES_SERVER_WIDE;

    if ((req->flags & HTTP_MARKED) != 0)
        mark_begin(local, t->c);
    if ((req->flags & HTTP_OTHER_HOST) != 0)
        local->site =
            routes_site(&local->http->routes, (struct span){req->host_memo, req->host_memo_len});
    if (r == 0)
        r = http_target_check(req, local->scratch);
    if (r < 0)
        return turn_fail(t, r, req->method == HTTP_HEAD);
    if ((req->flags & HTTP_SERVER_WIDE) == 0)
        reply = routes_find(request_site(local, req), req);
    if ((req->flags & HTTP_CLOSE) != 0)
        persist = HTTP_PERSIST_CLOSE;
    else if ((req->flags & HTTP_KEEP) != 0 && persist != HTTP_PERSIST_CLOSE)
        persist = HTTP_PERSIST_TOLD;
    marked = (req->flags & HTTP_MARKED) != 0;
    if (marked && request_is_last(t, reply))
        persist = HTTP_PERSIST_CLOSE;
    r = request_answer(t, reply, persist, head_len);
    if (marked && (r == 0 || r == -EBUSY))
        request_count(t);
    return r;
}
