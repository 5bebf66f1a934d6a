/* Reaching a connection of any poller by its id. */
#include <errno.h>
#include <string.h>

#include "net/bytes/frame.h"
#include "net/conn/conn_parts.h"

struct send_message {
    struct message message;
    uint64_t id;
    uint64_t cookie;
    net_sent_fn sent;
    void *arg;
    struct poller *poller;
    size_t len;
    char *data;
    bool framed;   /* there is room around the data for the head and tail of a frame */
    char memory[]; /* where data is */
};

struct close_message {
    struct message message;
    uint64_t id;
    unsigned flags;
};

static size_t
send_bytes(size_t len, bool framed)
{
    size_t extra = framed ? FRAME_HEAD_MAX + GOEVD_DELIMITER_MAX : 0;

    return sizeof(struct send_message) + extra + len;
}

static void
send_free(struct send_message *s)
{
    message_free(s, send_bytes(s->len, s->framed));
}

static void
send_complete(void *arg, int result)
{
    struct send_message *s = arg;
    struct net *net = net_of(s->poller);

    if (net)
        metric_add(result == 0 ? &net->metrics->sends_done : &net->metrics->sends_dropped, 1);
    if (s->sent)
        s->sent(s->arg, s->id, s->cookie, result);
    send_free(s);
}

static void
send_handle(struct message *m, void *consumer)
{
    struct send_message *s = container_of(m, struct send_message, message);
    struct conn *c;
    int r;

    s->poller = consumer;
    c = conn_find(consumer, s->id);
    if (!c)
        r = -EPIPE;
    else if (s->framed)
        r = conn_write_frame_shared(c, s->data, s->len, send_complete, s);
    else
        r = conn_write_shared(c, s->data, s->len, send_complete, s);
    if (r < 0)
        send_complete(s, r);
}

static int
send_post(uint64_t id, struct message *m)
{
    struct poller *p = poller_at(slots_id_poller(id));

    return p && id ? mailbox_try_post(&p->mailbox, m) : -EINVAL;
}

static struct send_message *
send_new(uint64_t id, const void *data, size_t len, bool framed)
{
    struct send_message *s = message_new(send_bytes(len, framed));

    if (!s)
        return NULL;
    *s = (struct send_message){.message.fn = send_handle,
                               .id = id,
                               .len = len,
                               .data = s->memory + (framed ? FRAME_HEAD_MAX : 0),
                               .framed = framed};
    if (len > 0)
        memcpy(s->data, data, len);
    return s;
}

static int
send_begin(struct send_message *s, uint64_t cookie, net_sent_fn sent, void *arg)
{
    int r;

    if (!s)
        return -ENOMEM;
    s->cookie = cookie;
    s->sent = sent;
    s->arg = arg;
    r = send_post(s->id, &s->message);
    if (r < 0)
        send_free(s);
    return r;
}

int
net_send(uint64_t id, const void *data, size_t len, uint64_t cookie, net_sent_fn sent, void *arg)
{
    return send_begin(send_new(id, data, len, false), cookie, sent, arg);
}

int
net_send_frame(uint64_t id, const void *data, size_t len, uint64_t cookie, net_sent_fn sent,
               void *arg)
{
    return send_begin(send_new(id, data, len, true), cookie, sent, arg);
}

static void
close_handle(struct message *m, void *consumer)
{
    struct close_message *close = container_of(m, struct close_message, message);
    struct conn *c = conn_find(consumer, close->id);

    if (c)
        conn_close(c, close->flags, GOEVD_REASON_HANDLER);
    message_free(close, sizeof(*close));
}

int
net_close(uint64_t id, unsigned flags)
{
    struct close_message *close = message_new(sizeof(*close));
    int r;

    if (!close)
        return -ENOMEM;
    *close = (struct close_message){.message.fn = close_handle, .id = id, .flags = flags};
    r = send_post(id, &close->message);
    if (r < 0)
        message_free(close, sizeof(*close));
    return r;
}
