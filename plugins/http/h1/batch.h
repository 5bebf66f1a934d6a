/* The output of one callback: replies are copied into memory that the host reserves, several
 * pipelined ones at a time, and handed over together. */
#pragma once

#include <assert.h>
#include <errno.h>

#include <goevd/plugin.h>

#include "http/h1/state.h"
#include "http/instance.h"

/* One callback: the input that is left and the output that is being written. */
struct turn {
    struct goevd_conn *c;
    struct conn *conn;
    struct http_local *local;
    const char *at;
    const char *end;
    char *out; /* NULL: nothing is reserved */
    size_t used;
    size_t room;
    unsigned answered;
    unsigned stop_at; /* how many may be answered: 0 once a reply has said that it is the last */
    unsigned close_flags;
    enum http_persist persist; /* what HTTP/1.1 requests get that do not ask */
    bool full;                 /* the host has asked to stop writing */
    bool outside;              /* no callback of the connection is running */
};

/* Queue what was written. */
void turn_commit(struct turn *t);

/* Room for a reply of len bytes, and for those to the requests that seem to come after it, if each
 * has request_len bytes as this one. -ENOBUFS: not now. */
int turn_reserve(struct turn *t, size_t len, size_t request_len);

/* A long body goes out by reference; the options that hold it outlive the connection. */
cold int turn_body(struct turn *t, const struct http_reply *reply);

/* Answer with the reason, which is counted, and close; the peer may go on sending for a while.
 * Returns as turn_reply() does. */
cold int turn_fail(struct turn *t, int verdict, bool head_only);

/* turn_reply() with the id of what it answers, if that has one. */
cold int turn_reply_marked(struct turn *t, unsigned reply, enum http_persist persist,
                           bool head_only, size_t request_len);

/* What follows the bytes of a reply. */
hot int
turn_replied(struct turn *t, const struct canned *k, unsigned reply, enum http_persist persist,
             bool head_only)
{
    t->answered++;
    if (unlikely(persist == HTTP_PERSIST_CLOSE))
        t->stop_at = 0;
    if (unlikely(k->apart) && !head_only)
        return turn_body(t, &t->local->http->routes.replies[reply]);
    return 0;
}

/* 0; -ENOBUFS: nothing was written, again when output has drained; another: the connection is
 * lost. */
hot int
turn_reply(struct turn *t, unsigned reply, enum http_persist persist, bool head_only,
           size_t request_len)
{
    const struct canned *k = canned_get(&t->local->canned, reply, persist);
    size_t len;

    if (unlikely(k == NULL))
        return -ENOMEM;
    len = head_only ? k->head_len : k->len;
    if (t->room - t->used < len) {
        int r = turn_reserve(t, len, request_len);

        if (unlikely(r < 0))
            return r;
    }
    assert(t->out != NULL);
    memcpy(t->out + t->used, k->data, len);
    t->used += len;
    return turn_replied(t, k, reply, persist, head_only);
}
