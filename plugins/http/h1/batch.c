#include "http/log/access.h"

/* Reserved at once for the replies to several pipelined requests. */
#define TURN_RESERVE_MAX 16384

void
turn_commit(struct turn *t)
{
    if (t->out != NULL && goevd_conn_commit(t->c, t->used) != 0)
        t->full = true;
    t->out = NULL;
    t->used = t->room = 0;
}

/* turn_reserve() where there is no room for that much. */
cold static int
turn_reserve_less(struct turn *t, size_t len)
{
    t->room = len;
    t->out = goevd_conn_reserve(t->c, len);
    if (t->out != NULL)
        return 0;
    t->room = 0;
    return goevd_conn_queued(t->c) != 0 ? -ENOBUFS : -ENOMEM;
}

int
turn_reserve(struct turn *t, size_t len, size_t request_len)
{
    size_t ahead = (size_t)(t->end - t->at);
    size_t want = len;

    if (t->out != NULL)
        turn_commit(t);
    if (t->full)
        return -ENOBUFS;
    if (ahead > request_len && request_len != 0)
        want = MAX(len, MIN(len * (ahead / request_len), TURN_RESERVE_MAX));
    t->room = want;
    t->out = goevd_conn_reserve(t->c, want);
    return likely(t->out != NULL) ? 0 : turn_reserve_less(t, len);
}

int
turn_body(struct turn *t, const struct http_reply *reply)
{
    int r;

    turn_commit(t);
    r = goevd_conn_write_shared(t->c, reply->body.data, reply->body.len, NULL, NULL);
    if (r == 1)
        t->full = true;
    /* the head has gone out: there is no way back */
    return r < 0 ? -EPIPE : 0;
}

static char *
turn_put(char *to, const char *data, size_t len)
{
    memcpy(to, data, len);
    return to + len;
}

int
turn_reply_marked(struct turn *t, unsigned reply, enum http_persist persist, bool head_only,
                  size_t request_len)
{
    const struct options_request_id *o = t->local->http->options->request_id;
    const struct canned *k = canned_get(&t->local->canned, reply, persist);
    const struct mark *mark;
    size_t len, head;
    char *to;

    if (o == NULL || k == NULL)
        return turn_reply(t, reply, persist, head_only, request_len);
    mark = mark_of(t);
    head = k->head_len - 2; /* up to the empty line */
    len = (head_only ? k->head_len : k->len) + o->header.len + 2 + mark->id_len + 2;
    if (t->room - t->used < len) {
        int r = turn_reserve(t, len, request_len);

        if (r < 0)
            return r;
    }
    to = turn_put(t->out + t->used, k->data, head);
    to = turn_put(to, o->header.data, o->header.len);
    to = turn_put(to, ": ", 2);
    to = turn_put(to, mark->id, mark->id_len);
    to = turn_put(to, "\r\n", 2);
    turn_put(to, k->data + head, (head_only ? k->head_len : k->len) - head);
    t->used += len;
    return turn_replied(t, k, reply, persist, head_only);
}

int
turn_fail(struct turn *t, int verdict, bool head_only)
{
    unsigned reply = http_verdict_index(verdict);
    int r;

    assert(reply < HTTP_VERDICT_COUNT);
    r = turn_reply_marked(t, reply, HTTP_PERSIST_CLOSE, head_only, 0);
    if (r < 0)
        return r;
    t->local->refused[reply]++;
    if ((t->local->limits.flags & HTTP_MARKED) != 0)
        access_refused(t, reply, head_only);
    t->close_flags = GOEVD_CLOSE_FLUSH;
    return 0;
}
