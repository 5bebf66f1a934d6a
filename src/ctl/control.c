#include "ctl/control.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "net/accept/listen.h"

#define CONTROL_PAUSE_NS NS_PER_S /* after accept4(2) has failed for want of something */

/* ---- Listening ------------------------------------------------------------------------------- */

void
control_init(struct control *c, control_request_fn on_request, void *arg)
{
    memset(c, 0, sizeof(*c));
    c->socket.fd = -1;
    c->on_request = on_request;
    c->arg = arg;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        c->clients[i].fd = -1;
}

bool
control_is_at(const struct control_socket *socket, const char *path)
{
    struct listen_file file;

    return socket->fd >= 0 && strcmp(socket->address.un.sun_path, path) == 0 &&
           listen_file_find(&socket->address, &file) != -ENOENT;
}

int
control_listen(const char *path, struct control_socket *ret, struct err *reterr)
{
    struct listen_options options = {.backlog = CONTROL_CLIENTS_MAX,
                                     .unix_mode = 0600,
                                     .unix_uid = UINT32_MAX,
                                     .unix_gid = UINT32_MAX};
    struct address address = {.un.sun_family = AF_UNIX}, bound;
    size_t len = strlen(path);
    int fd, r;

    assert(len <= CONTROL_PATH_MAX);
    memcpy(address.un.sun_path, path, len + 1);
    address.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    r = listen_open(&address, &options, 1, &fd, &bound, reterr);
    if (r < 0)
        return r;
    *ret = (struct control_socket){.fd = fd, .address = bound};
    (void)listen_file_find(&bound, &ret->file);
    return 0;
}

int
control_open(struct control *c, const char *path, struct err *reterr)
{
    if (control_is_at(&c->socket, path))
        return 0;
    control_close(c);
    return *path ? control_listen(path, &c->socket, reterr) : 0;
}

void
control_close(struct control *c)
{
    if (c->socket.fd < 0)
        return;
    c->socket.fd = fd_close(c->socket.fd);
    listen_unlink(&c->socket.address, &c->socket.file);
}

/* ---- Clients --------------------------------------------------------------------------------- */

static void
control_client_fini(struct control_client *client)
{
    client->fd = fd_close(client->fd);
    free(client->reply);
    client->reply = NULL;
    if (client->source)
        client->source->free(client->source);
    client->source = NULL;
}

void
control_fini(struct control *c)
{
    control_close(c);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        control_client_fini(&c->clients[i]);
}

static struct control_client *
control_free_client(struct control *c)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (c->clients[i].fd < 0)
            return &c->clients[i];
    return NULL;
}

static void
control_client_begin(struct control_client *client, int fd)
{
    client->fd = fd;
    client->deadline_ns = clock_now_ns() + CONTROL_CLIENT_NS;
    client->held = 0;
    client->request_len = client->reply_len = client->reply_sent = 0;
}

int
control_take(struct control_client *client)
{
    int fd = client->fd;

    client->fd = -1;
    return fd;
}

/* ---- Replies --------------------------------------------------------------------------------- */

static void
control_client_keep(struct control_client *client, char *reply, size_t len)
{
    free(client->reply);
    client->reply = reply;
    client->reply_len = len;
    client->reply_sent = 0;
    client->deadline_ns = clock_now_ns() + CONTROL_CLIENT_NS;
}

/* Let the reply go on with the next part. False: it cannot. */
static bool
control_client_next(struct control_client *client)
{
    struct control_source *source = client->source;
    char *text = NULL, *part = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    int n = 0, more = out ? source->next(source, out) : -ENOMEM;

    if (out && fclose(out) != 0)
        more = -ENOMEM;
    if (more == 0 || (more > 0 && len > 0))
        n = asprintf(&part, "%zu\n%s%s", len, text, len > 0 && more == 0 ? "0\n" : "");
    free(text);
    if (more < 0 || n < 0)
        return false;
    control_client_keep(client, part, (size_t)n);
    if (more == 0) {
        client->source = NULL;
        source->free(source);
    }
    return true;
}

/* At most one part for each client and turn of the loop, so that they share it. */
static void
control_client_send(struct control_client *client)
{
    ssize_t n;

    if (client->reply_sent == client->reply_len && !control_client_next(client)) {
        control_client_fini(client);
        return;
    }
    if (client->reply_len == 0) /* an empty part */
        return;
    n = send(client->fd, client->reply + client->reply_sent, client->reply_len - client->reply_sent,
             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    client->reply_sent += n > 0 ? (size_t)n : 0;
    if (n < 0 || (client->reply_sent == client->reply_len && !client->source))
        control_client_fini(client);
}

/* The reply is the client's now; NULL: there was no memory for one. */
static void
control_client_answer(struct control_client *client, char *reply, size_t len)
{
    if (!reply) {
        control_client_fini(client);
        return;
    }
    client->held = 0;
    control_client_keep(client, reply, len);
    control_client_send(client);
}

void
control_reply(struct control_client *client, const char *text, size_t len)
{
    char head[32];
    size_t head_len = (size_t)snprintf(head, sizeof(head), "ok %zu\n", len);
    char *reply = malloc(head_len + len);

    if (reply) {
        memcpy(reply, head, head_len);
        memcpy(reply + head_len, text, len);
    }
    control_client_answer(client, reply, head_len + len);
}

PRINTF(2, 0)
static void
control_vrefuse(struct control_client *client, const char *format, va_list args)
{
    char *reply = NULL, *text = NULL;
    int len = -1;

    if (vasprintf(&text, format, args) >= 0)
        len = asprintf(&reply, "error %s\n", text);
    free(text);
    control_client_answer(client, len < 0 ? NULL : reply, (size_t)len);
}

void
control_stream(struct control_client *client, struct control_source *source)
{
    static const char head[] = "parts\n";

    client->source = source;
    control_client_answer(client, strdup(head), strlen(head));
}

void
control_refuse(struct control_client *client, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    control_vrefuse(client, format, args);
    va_end(args);
}

/* ---- Clients that wait ----------------------------------------------------------------------- */

bool
control_hold(struct control *c, struct control_client *client, unsigned what, uint64_t timeout_ns)
{
    unsigned held = 0;

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        held += c->clients[i].fd >= 0 && c->clients[i].held;
    if (timeout_ns && held >= CONTROL_HELD_MAX) {
        control_refuse(client, "%u clients wait for goevd already; try again later", held);
        return false;
    }
    client->held = what;
    client->deadline_ns = timeout_ns ? clock_now_ns() + timeout_ns : 0;
    return true;
}

static bool
control_waits_for(const struct control_client *client, unsigned what)
{
    return client->fd >= 0 && client->held == what;
}

void
control_reply_held(struct control *c, unsigned what, const char *text, size_t len)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (control_waits_for(&c->clients[i], what))
            control_reply(&c->clients[i], text, len);
}

void
control_refuse_held(struct control *c, unsigned what, const char *format, ...)
{
    va_list args;

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (!control_waits_for(&c->clients[i], what))
            continue;
        va_start(args, format);
        control_vrefuse(&c->clients[i], format, args);
        va_end(args);
    }
}

/* ---- Requests -------------------------------------------------------------------------------- */

/* One that prints anywhere: it may end in an error's sentence, and in a log. */
static bool
control_is_clean(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return true;
}

static void
control_client_read(struct control *c, struct control_client *client)
{
    char *end, *to = client->request + client->request_len;
    ssize_t n = recv(client->fd, to, sizeof(client->request) - client->request_len, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        control_client_fini(client);
        return;
    }
    client->request_len += (size_t)n;
    end = memchr(to, '\n', (size_t)n);
    if (!end) {
        if (client->request_len == sizeof(client->request))
            control_refuse(client, "a request has at most %d bytes", CONTROL_REQUEST_MAX);
        return;
    }
    *end = '\0';
    if (!control_is_clean(client->request, (size_t)(end - client->request)))
        control_refuse(client, "a request is one line of printable ASCII");
    else
        c->on_request(client, client->request, c->arg);
}

void
control_adopt(struct control *c, int fd, const char *request)
{
    struct control_client *client = control_free_client(c), last = {.fd = -1};

    if (client) {
        control_client_begin(client, fd);
        c->on_request(client, request, c->arg);
        return;
    }
    control_client_begin(&last, fd);
    control_refuse(&last, "%d clients have not read their replies yet", CONTROL_CLIENTS_MAX);
    control_client_fini(&last);
}

/* ---- Events ---------------------------------------------------------------------------------- */

static bool
control_answers(const struct control_client *client)
{
    return client->reply || client->source;
}

void
control_poll(struct control *c, struct pollfd *ret)
{
    bool accept = !c->paused_ns && control_free_client(c);

    ret[0] = (struct pollfd){.fd = accept ? c->socket.fd : -1, .events = POLLIN};
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        ret[1 + i] = (struct pollfd){.fd = c->clients[i].fd,
                                     .events = control_answers(&c->clients[i]) ? POLLOUT
                                               : c->clients[i].held            ? 0
                                                                               : POLLIN};
}

static void
control_accept(struct control *c)
{
    struct control_client *client;

    while ((client = control_free_client(c))) {
        int fd = accept4(c->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            control_client_begin(client, fd);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            if (errno != EAGAIN)
                c->paused_ns = clock_now_ns() + CONTROL_PAUSE_NS;
            return;
        }
    }
}

/* A held client has only one event: its end. */
static void
control_client_event(struct control *c, struct control_client *client)
{
    if (control_answers(client))
        control_client_send(client);
    else if (client->held)
        control_client_fini(client);
    else
        control_client_read(c, client);
}

static void
control_client_late(struct control_client *client)
{
    if (client->held)
        control_refuse(client, "the action takes longer than goevd ctl waits; goevd continues it");
    else
        control_client_fini(client);
}

void
control_handle(struct control *c, const struct pollfd *fds)
{
    uint64_t now = clock_now_ns();

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct control_client *client = &c->clients[i];

        if (client->fd >= 0 && client->fd == fds[1 + i].fd && fds[1 + i].revents)
            control_client_event(c, client);
        if (client->fd >= 0 && client->deadline_ns && now >= client->deadline_ns)
            control_client_late(client);
    }
    if (c->paused_ns && now >= c->paused_ns)
        c->paused_ns = 0;
    if (c->socket.fd >= 0 && fds[0].revents)
        control_accept(c);
}

uint64_t
control_due_ns(const struct control *c)
{
    uint64_t due = c->paused_ns;

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct control_client *client = &c->clients[i];

        if (client->fd >= 0 && client->deadline_ns && (!due || client->deadline_ns < due))
            due = client->deadline_ns;
    }
    return due;
}
