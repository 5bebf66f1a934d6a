#include "http/h1/answer.h"

#include "http/h1/record.h"

static char *
http_h1_answer_put(char *to, const char *data, size_t len)
{
    memcpy(to, data, len);
    return to + len;
}

int
http_h1_answer(struct http_h1_batch *b, unsigned reply, enum http_persist persist, bool head_only,
               size_t request_len)
{
    const struct http_options_request_id *o = b->local->http->options->request_id;
    const struct http_prerendered *k = http_prerendered_get(&b->h1->prerendered, reply, persist);
    const struct http_request_info *info;
    size_t len, head;
    char *to;

    if (!o || !k)
        return http_h1_batch_reply(b, reply, persist, head_only, request_len);
    info = http_h1_record_info(b);
    head = k->head_len - 2; /* up to the empty line */
    len = (head_only ? k->head_len : k->len) + o->header.len + 2 + info->id_len + 2;
    if (b->room - b->used < len) {
        int r = http_h1_batch_reserve(b, len, request_len);

        if (r < 0)
            return r;
    }
    to = http_h1_answer_put(b->out + b->used, k->data, head);
    to = http_h1_answer_put(to, o->header.data, o->header.len);
    to = http_h1_answer_put(to, ": ", 2);
    to = http_h1_answer_put(to, info->id, info->id_len);
    to = http_h1_answer_put(to, "\r\n", 2);
    http_h1_answer_put(to, k->data + head, (head_only ? k->head_len : k->len) - head);
    b->used += len;
    return http_h1_batch_replied(b, k, reply, persist, head_only);
}

int
http_h1_refuse(struct http_h1_batch *b, int verdict, bool head_only)
{
    unsigned reply = http_verdict_index(verdict);
    int r;

    assert(reply < HTTP_VERDICT_COUNT);
    r = http_h1_answer(b, reply, HTTP_PERSIST_CLOSE, head_only, 0);
    if (r < 0)
        return r;
    b->h1->refused[reply]++;
    if (b->h1->limits.flags & HTTP_INFORMED)
        http_h1_record_refused(b, reply, head_only);
    b->close_flags = GOEVD_CLOSE_FLUSH;
    return 0;
}
