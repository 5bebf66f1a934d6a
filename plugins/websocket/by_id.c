#include "websocket/by_id.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "websocket/api.h"
#include "websocket/message/frame.h"

/* What is to happen there; one of these begins what a message needs. */
struct post {
    void (*run)(struct post *post, struct goevd_websocket_conn *w); /* w NULL: it is gone */
};

/* What is still on its way when the connection's on_open has not run, or on_close has, is late. */
static void
post_arrive(struct goevd_conn *c, void *state, void *arg)
{
    struct goevd_websocket_conn *w = state;
    struct post *post = arg;

    post->run(post, c != NULL && (w->flags & (CONN_OPEN | CONN_DONE)) == CONN_OPEN ? w : NULL);
    free(post);
}

static int
post_begin(struct goevd_websocket_id id, struct post *post)
{
    const struct websocket *ws = (const struct websocket *)id.host;
    int r = goevd_conn_call(ws->self, id.number, post_arrive, post);

    if (r < 0)
        free(post);
    return r;
}

/* ---- A call ---------------------------------------------------------------------------------- */

struct post_call {
    struct post post;
    goevd_websocket_call_fn fn;
    void *arg;
};

static void
post_run_call(struct post *post, struct goevd_websocket_conn *w)
{
    struct post_call *call = (struct post_call *)post;

    call->fn(w, w == NULL ? NULL : w->begin.app_state, call->arg);
}

int
post_call(struct goevd_websocket_id id, goevd_websocket_call_fn fn, void *arg)
{
    struct post_call *call = malloc(sizeof(*call));

    if (call == NULL)
        return -ENOMEM;
    *call = (struct post_call){{post_run_call}, fn, arg};
    return post_begin(id, &call->post);
}

/* ---- A message ------------------------------------------------------------------------------- */

struct post_message {
    struct post post;
    int type;
    goevd_release_fn done;
    void *arg;
    size_t len;
    char data[];
};

static void
post_run_send(struct post *post, struct goevd_websocket_conn *w)
{
    struct post_message *m = (struct post_message *)post;
    int r = -EPIPE;

    if (w != NULL)
        r = m->type == GOEVD_WEBSOCKET_PING ? websocket_table.ping(w, m->data, m->len)
                                            : websocket_table.send(w, m->type, m->data, m->len);
    if (m->done != NULL)
        m->done(m->arg, r);
}

int
post_send(struct goevd_websocket_id id, int type, const void *data, size_t len,
          goevd_release_fn done, void *arg)
{
    struct post_message *m;

    if (type != GOEVD_WEBSOCKET_TEXT && type != GOEVD_WEBSOCKET_BINARY &&
        (type != GOEVD_WEBSOCKET_PING || len > GOEVD_WEBSOCKET_CONTROL_MAX))
        return -EINVAL;
    m = malloc(sizeof(*m) + len);
    if (m == NULL)
        return -ENOMEM;
    *m = (struct post_message){{post_run_send}, type, done, arg, len};
    if (len != 0)
        memcpy(m->data, data, len);
    return post_begin(id, &m->post);
}

/* ---- The end --------------------------------------------------------------------------------- */

struct post_end {
    struct post post;
    unsigned code;
    char reason[GOEVD_WEBSOCKET_CONTROL_MAX];
};

static void
post_run_close(struct post *post, struct goevd_websocket_conn *w)
{
    struct post_end *end = (struct post_end *)post;

    if (w != NULL)
        (void)websocket_table.close(w, end->code, end->reason);
}

int
post_close(struct goevd_websocket_id id, unsigned code, const char *reason)
{
    size_t len = reason == NULL ? 0 : strlen(reason);
    struct post_end *end;

    if (!frame_code_valid(code) || len > GOEVD_WEBSOCKET_REASON_MAX)
        return -EINVAL;
    end = calloc(1, sizeof(*end));
    if (end == NULL)
        return -ENOMEM;
    end->post.run = post_run_close;
    end->code = code;
    if (len != 0)
        memcpy(end->reason, reason, len);
    return post_begin(id, &end->post);
}
