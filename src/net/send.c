/* Reaching a connection of any poller by its id. */
#include <errno.h>
#include <string.h>

#include "net/conn.h"

struct send_message {
    struct message message;
    uint64_t id;
    uint64_t cookie;
    net_sent_fn sent;
    void *arg;
    struct poller *poller;
    size_t len;
    char data[];
};

struct close_message {
    struct message message;
    uint64_t id;
    unsigned flags;
};

static void
send_complete(void *arg, int result)
{
    struct send_message *s = arg;
    struct net *net = net_of(s->poller);

    if (net)
        figure_add(result == 0 ? &net->figures.sends_done : &net->figures.sends_dropped, 1);
    if (s->sent)
        s->sent(s->arg, s->id, s->cookie, result);
    message_free(s, sizeof(*s) + s->len);
}

static void
send_handle(struct message *m, void *consumer)
{
    struct send_message *s = container_of(m, struct send_message, message);
    struct conn *c;
    int r;

    s->poller = consumer;
    c = conn_find(consumer, s->id);
    r = c ? conn_write_shared(c, s->data, s->len, send_complete, s) : -EPIPE;
    if (r < 0)
        send_complete(s, r);
}

static int
send_post(uint64_t id, struct message *m)
{
    struct poller *p = poller_at(slots_id_poller(id));

    return p && id ? mailbox_try_post(&p->mailbox, m) : -EINVAL;
}

int
net_send(uint64_t id, const void *data, size_t len, uint64_t cookie, net_sent_fn sent, void *arg)
{
    struct send_message *s = message_new(sizeof(*s) + len);
    int r;

    if (!s)
        return -ENOMEM;
    *s = (struct send_message){.message.fn = send_handle,
                               .id = id,
                               .cookie = cookie,
                               .sent = sent,
                               .arg = arg,
                               .len = len};
    if (len > 0)
        memcpy(s->data, data, len);
    r = send_post(id, &s->message);
    if (r < 0)
        message_free(s, sizeof(*s) + len);
    return r;
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
