/* Messages to a worker, which the supervisor never waits for. Messages that a worker is not reading
 * yet are queued, up to CHILD_QUEUE_MAX of them, and sent when its channel has room. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "supervisor/child.h"

struct child_message {
    struct child_message *next;
    enum proto_type type;
    size_t size;
    unsigned count;
    int fds[PROTO_FDS_CHUNK]; /* copies: the owner may close its own meanwhile */
    char body[];
};

static void
child_message_free(struct child_message *m)
{
    for (unsigned i = 0; i < m->count; i++)
        fd_close(m->fds[i]);
    free(m);
}

static int
child_queue(struct child *c, enum proto_type type, const void *body, size_t size, const int *fds,
            unsigned count)
{
    struct child_message *m = c->queued < CHILD_QUEUE_MAX ? calloc(1, sizeof(*m) + size) : NULL,
                         **end = &c->queue;

    if (!m)
        return -EAGAIN;
    m->type = type;
    m->size = size;
    if (size > 0)
        memcpy(m->body, body, size);
    for (; m->count < count; m->count++) {
        m->fds[m->count] = fcntl(fds[m->count], F_DUPFD_CLOEXEC, 3);
        if (m->fds[m->count] < 0) {
            child_message_free(m);
            return -EMFILE;
        }
    }
    while (*end)
        end = &(*end)->next;
    *end = m;
    c->queued++;
    return 0;
}

int
child_send(struct child *c, enum proto_type type, const void *body, size_t size, const int *fds,
           unsigned count)
{
    int r = c->queue ? -EAGAIN : proto_try_send(c->fd, type, body, size, fds, count);

    return r == -EAGAIN ? child_queue(c, type, body, size, fds, count) : r;
}

static void
child_queue_drop_first(struct child *c)
{
    struct child_message *m = c->queue;

    c->queue = m->next;
    c->queued--;
    child_message_free(m);
}

void
child_flush(struct child *c)
{
    while (c->queue && c->fd >= 0) {
        struct child_message *m = c->queue;

        if (proto_try_send(c->fd, m->type, m->body, m->size, m->fds, m->count) == -EAGAIN)
            return;
        child_queue_drop_first(c);
    }
}

void
child_queue_fini(struct child *c)
{
    while (c->queue)
        child_queue_drop_first(c);
}
