#include "http/h1/output/answer.h"

#include <errno.h>
#include <stdlib.h>

#include "http/h1/output/record.h"

static char *
http_h1_answer_put(char *to, const char *data, size_t len)
{
    memcpy(to, data, len);
    return to + len;
}

/* Writes the first len bytes of a prerendered reply, with the request id inserted into its head. */
static void
http_h1_answer_write(char *to, const struct http_prerendered *k, size_t len,
                     const struct http_options_request_id *o, const struct http_request_info *info)
{
    size_t head = k->head_len - 2; /* without the empty line */

    to = http_h1_answer_put(to, k->data, head);
    to = http_h1_answer_put(to, o->header.data, o->header.len);
    to = http_h1_answer_put(to, ": ", 2);
    to = http_h1_answer_put(to, info->id, info->id_len);
    to = http_h1_answer_put(to, "\r\n", 2);
    http_h1_answer_put(to, k->data + head, len - head);
}

/* Sends the same reply in pieces, after http_h1_batch_reserve() has returned -EMSGSIZE. */
static int
http_h1_answer_pieces(struct http_h1_batch *b, const struct http_prerendered *k, size_t len,
                      size_t room, const struct http_request_info *info)
{
    char *bytes = malloc(room);
    int r;

    if (!bytes)
        return -ENOMEM;
    http_h1_answer_write(bytes, k, len, b->local->http->options->request_id, info);
    r = http_h1_batch_pieces(b, bytes, room, (struct http_span){0});
    free(bytes);
    return r;
}

int
http_h1_answer(struct http_h1_batch *b, unsigned reply, enum http_persist persist, bool head_only,
               size_t request_len)
{
    const struct http_options_request_id *o = b->local->http->options->request_id;
    const struct http_prerendered *k = http_prerendered_get(&b->h1->prerendered, reply, persist);
    const struct http_request_info *info;
    size_t len, room;
    int r = 0;

    if (!o || !k)
        return http_h1_batch_reply(b, reply, persist, head_only, request_len);
    info = http_h1_record_info(b);
    len = head_only ? k->head_len : k->len;
    room = len + o->header.len + 2 + info->id_len + 2;
    if (b->room - b->used < room)
        r = http_h1_batch_reserve(b, room, request_len);
    if (r == -EMSGSIZE)
        r = http_h1_answer_pieces(b, k, len, room, info);
    else if (r == 0)
        http_h1_answer_write(b->out + b->used, k, len, o, info);
    if (r < 0)
        return r;
    b->used += b->out ? room : 0;
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
