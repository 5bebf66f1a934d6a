#include "http/h1/request.h"

#include <errno.h>

#include "http/h1/body/discard.h"
#include "http/h1/output/answer.h"
#include "http/h1/output/record.h"
#include "http/h1/quick.h"
#include "http/message/uri/target.h"

int
http_h1_request_fail_head(struct http_h1_batch *b, int verdict)
{
    b->h1->info.begun_ns = 0;
    return http_h1_refuse(b, verdict, b->end - b->at >= 5 && memcmp(b->at, "HEAD ", 5) == 0);
}

unsigned
http_h1_request_flags(const struct http_request *req, unsigned link)
{
    unsigned flags = req->method == HTTP_HEAD ? HTTP_X_HEAD : 0;

    flags |= (req->flags & HTTP_BODY) ? HTTP_X_BODY : 0;
    flags |= (req->flags & HTTP_INFORMED) ? HTTP_X_INFORMED : 0;
    return flags | (link != 0 ? HTTP_X_WIRE : 0);
}

unsigned
http_h1_request_link(const struct http_request *req, enum http_persist persist)
{
    unsigned flags = (req->flags & HTTP_OLD) ? HTTP_H1_LINK_OLD : 0;

    flags |= (req->flags & HTTP_LENGTH) ? HTTP_H1_LINK_LENGTH : 0;
    flags |= (req->flags & HTTP_CHUNKED) ? HTTP_H1_LINK_CHUNKED : 0;
    flags |= (req->flags & HTTP_CONTINUE) ? HTTP_H1_LINK_CONTINUE : 0;
    flags |= persist == HTTP_PERSIST_CLOSE ? HTTP_H1_LINK_CLOSE : 0;
    return flags | (persist == HTTP_PERSIST_TOLD ? HTTP_H1_LINK_TELL : 0);
}

/* The site that a request is for, RFC 9112 section 3.3: by the host in its target, or by its Host
 * header. */
static const struct http_site *
http_h1_request_site(const struct http_local *local, const struct http_request *req)
{
    const struct http_field *f = &req->fields[req->at[HTTP_KNOWN_HOST]];
    struct http_span host = http_target_host(req->target);

    if (!host.data && (req->seen & 1U << HTTP_KNOWN_HOST))
        host = (struct http_span){f->value, f->value_len};
    return http_routes_site(&local->http->routes, host);
}

/* Whether the connection closes after this request. `body` counts the bytes of a discarded chunked
 * body in the place of `requests`, so such a request is the last one, too. */
static bool
http_h1_request_is_last(const struct http_h1_batch *b, unsigned reply)
{
    uint64_t max = (uint64_t)b->local->http->options->requests_max;
    bool chunked = b->h1->request->flags & HTTP_CHUNKED;

    return max != 0 &&
           (b->conn->requests + 1 >= max || (chunked && !http_routes_is_handler(reply)));
}

/* Count a request that has been answered or will be. */
static void
http_h1_request_count(struct http_h1_batch *b)
{
    if (!(b->conn->flags & HTTP_H1_CHUNKED))
        b->conn->requests++;
    http_count_request(b->local->http);
}

/* Answer it with reply number `reply`. Returns as http_h1_request_any(). */
static int
http_h1_request_answer(struct http_h1_batch *b, unsigned reply, enum http_persist persist,
                       size_t head_len)
{
    const struct http_request *req = b->h1->request;
    bool head_only = req->method == HTTP_HEAD;
    int r;

    if (http_routes_is_handler(reply)) {
        unsigned link = http_h1_request_link(req, persist);

        http_request_info_copy(&b->h1->fresh->info, &b->h1->info);
        return http_h1_handle(b, http_routes_handler(reply), head_len,
                              http_h1_request_flags(req, link), link);
    }
    if (req->flags & HTTP_BODY)
        return http_h1_discard_begin(b, head_len, reply, persist);
    r = http_h1_answer(b, reply, persist, head_only, head_len);
    if (r < 0)
        return r;
    b->at += head_len;
    if (req->flags & HTTP_INFORMED)
        http_h1_record_answered(b, reply, head_only);
    return 0;
}

int
http_h1_request_any(struct http_h1_batch *b, size_t head_len, int r)
{
    struct http_h1_local *h1 = b->h1;
    struct http_request *req = h1->request;
    enum http_persist persist = b->persist;
    bool informed;
    unsigned reply = HTTP_REPLIES_SERVER_WIDE;

    if (req->flags & HTTP_INFORMED)
        http_request_info_begin(&b->local->log, b->c, req, &h1->info);
    if (req->flags & HTTP_OTHER_HOST)
        h1->site = http_routes_site(&b->local->http->routes,
                                    (struct http_span){req->host_memo, req->host_memo_len});
    if (r == 0)
        r = http_target_check(req, h1->scratch);
    if (r == 0 && (req->flags & HTTP_TARGET_SECURED) && !http_conn_is_secured(b->c))
        r = HTTP_NOT_SECURED;
    if (r < 0)
        return http_h1_refuse(b, r, req->method == HTTP_HEAD);
    if (!(req->flags & HTTP_SERVER_WIDE))
        reply = http_routes_find(http_h1_request_site(b->local, req), req);
    if (req->flags & HTTP_CLOSE)
        persist = HTTP_PERSIST_CLOSE;
    else if ((req->flags & HTTP_KEEP) && persist != HTTP_PERSIST_CLOSE)
        persist = HTTP_PERSIST_TOLD;
    informed = req->flags & HTTP_INFORMED;
    if (informed && http_h1_request_is_last(b, reply))
        persist = HTTP_PERSIST_CLOSE;
    r = http_h1_request_answer(b, reply, persist, head_len);
    if (informed && (r == 0 || r == -EBUSY))
        http_h1_request_count(b);
    return r;
}
