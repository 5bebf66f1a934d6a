/* The output of one callback: replies are copied into memory that the host reserves, several
 * pipelined ones at a time, and handed over together. */
#pragma once

#include <assert.h>
#include <errno.h>

#include <goevd/plugin.h>

#include "http/h1/local.h"
#include "http/h1/state.h"

/* One callback: the input that is left and the output that is being written. */
struct http_h1_batch {
    struct goevd_conn *c;
    struct http_h1_conn *conn;
    struct http_local *local;
    struct http_h1_local *h1;
    const char *at;
    const char *end;
    char *out; /* NULL: nothing is reserved */
    size_t used;
    size_t room;
    unsigned answered;
    unsigned stop_at; /* value of `answered` at which answering stops; 0 after a reply with
                       * Connection: close */
    unsigned close_flags;
    enum http_persist persist; /* for HTTP/1.1 requests without a Connection header */
    bool full;                 /* the host has asked to stop writing */
    bool outside;              /* no callback of the connection is running */
};

/* Queue the replies written so far. */
void http_h1_batch_commit(struct http_h1_batch *b);

/* Reserve room for a reply of len bytes, and for the replies to the pipelined requests behind it,
 * estimated at request_len bytes per request. 0; -ENOBUFS: no room now; -EMSGSIZE: the reply does
 * not fit into one reservation. */
int http_h1_batch_reserve(struct http_h1_batch *b, size_t len, size_t request_len);

/* The head of a reply that is `special` has been written: measure it, and send its body by
 * reference if it is long. The options that hold the body outlive the connection. */
cold int http_h1_batch_special(struct http_h1_batch *b, const struct http_prerendered *k,
                               unsigned reply, bool head_only);

/* Send bytes by copy, and a body by reference, in pieces. 0; negative: the connection is lost. */
cold int http_h1_batch_pieces(struct http_h1_batch *b, const char *bytes, size_t len,
                              struct http_span body);

/* http_h1_batch_reply() after http_h1_batch_reserve() has returned r. */
cold int http_h1_batch_no_room(struct http_h1_batch *b, int r, const char *data, size_t len);

/* Finish a reply whose bytes have been written: its body, and whether the connection closes. */
static hot int
http_h1_batch_replied(struct http_h1_batch *b, const struct http_prerendered *k, unsigned reply,
                      enum http_persist persist, bool head_only)
{
    b->answered++;
    goevd_metric_count(&b->local->counts[k->count_at], 1);
    if (unlikely(persist == HTTP_PERSIST_CLOSE))
        b->stop_at = 0;
    return unlikely(k->special) ? http_h1_batch_special(b, k, reply, head_only) : 0;
}

/* 0; -ENOBUFS: nothing was written, try again when output has drained; another value: the
 * connection is lost. */
static hot int
http_h1_batch_reply(struct http_h1_batch *b, unsigned reply, enum http_persist persist,
                    bool head_only, size_t request_len)
{
    const struct http_prerendered *k = http_prerendered_get(&b->h1->prerendered, reply, persist);
    size_t len;
    int r = 0;

    if (unlikely(!k))
        return -ENOMEM;
    len = head_only ? k->head_len : k->len;
    if (b->room - b->used < len)
        r = http_h1_batch_reserve(b, len, request_len);
    if (unlikely(r < 0)) {
        r = http_h1_batch_no_room(b, r, k->data, len);
        if (r < 0)
            return r;
    } else {
        assert(b->out);
        memcpy(b->out + b->used, k->data, len);
        b->used += len;
    }
    return http_h1_batch_replied(b, k, reply, persist, head_only);
}
