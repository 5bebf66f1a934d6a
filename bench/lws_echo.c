/* A peer to compare with: an echo server as one writes it with libwebsockets, which sends one
 * message each time that its socket is writable.
 *
 *   lws_echo --port N
 *
 * Debian's libwebsockets has one service thread. Messages must come in one frame that fits into
 * the receive buffer. It listens on 127.0.0.1 and runs until it is killed.
 */
#include <stdlib.h>
#include <string.h>

#include <libwebsockets.h>

#define RECEIVE_BYTES 65536

struct message {
    struct message *next;
    size_t len;
    unsigned char data[]; /* LWS_PRE bytes for the head, then the text */
};

struct session {
    struct message *first, *last;
};

static int
session_add(struct session *s, const void *data, size_t len)
{
    struct message *m = malloc(sizeof(*m) + LWS_PRE + len);

    if (!m)
        return -1;
    *m = (struct message){.len = len};
    memcpy(m->data + LWS_PRE, data, len);
    if (!s->first)
        s->first = m;
    else
        s->last->next = m;
    s->last = m;
    return 0;
}

static int
session_send(struct session *s, struct lws *wsi)
{
    struct message *m = s->first;
    int n;

    if (!m)
        return 0;
    n = lws_write(wsi, m->data + LWS_PRE, m->len, LWS_WRITE_TEXT);
    s->first = m->next;
    free(m);
    if (s->first)
        lws_callback_on_writable(wsi);
    return n < 0 ? -1 : 0;
}

static int
callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct session *s = user;

    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
        if (session_add(s, in, len) < 0)
            return -1;
        lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return session_send(s, wsi);
    case LWS_CALLBACK_CLOSED:
        while (s->first) {
            struct message *m = s->first;

            s->first = m->next;
            free(m);
        }
        return 0;
    default:
        return 0;
    }
}

int
main(int argc, char **argv)
{
    static const struct lws_protocols protocols[] = {
        {.name = "echo",
         .callback = callback,
         .per_session_data_size = sizeof(struct session),
         .rx_buffer_size = RECEIVE_BYTES},
        {0},
    };
    struct lws_context_creation_info info = {.iface = "127.0.0.1", .protocols = protocols};
    struct lws_context *context;

    if (argc != 3 || strcmp(argv[1], "--port") != 0)
        return 2;
    info.port = (int)strtol(argv[2], NULL, 10);
    lws_set_log_level(LLL_ERR, NULL);
    context = lws_create_context(&info);
    if (!context)
        return 1;
    while (lws_service(context, 0) >= 0)
        ;
    lws_context_destroy(context);
    return 1;
}
