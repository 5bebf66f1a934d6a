#include "websocket/by_id.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/threads.h>

#include "websocket/message/frame.h"
#include "websocket/send.h"

/* A call on its way to the connection's thread. A struct for a message begins with it. */
struct ws_by_id {
    /* w is NULL if the connection has ended */
    void (*run)(struct ws_by_id *post, struct goevd_websocket_conn *w);
    const struct goevd_hosted *hosted; /* the application's callback; NULL: none */
};

/* A post is late if on_open of the connection has not run yet, or on_close has run. */
static void
ws_by_id_arrive(struct goevd_conn *c, void *state, void *arg)
{
    struct goevd_websocket_conn *w = state;
    struct ws_by_id *post = arg;
    struct goevd_place *place = goevd_poller_place(NULL);
    const struct goevd_hosted *outer = goevd_hosted_begin(place, post->hosted);

    post->run(post, c && (w->flags & (WS_CONN_OPEN | WS_CONN_DONE)) == WS_CONN_OPEN ? w : NULL);
    goevd_hosted_end(place, outer);
    free(post);
}

static int
ws_by_id_begin(struct goevd_websocket_id id, struct ws_by_id *post)
{
    const struct ws_instance *ws = (const struct ws_instance *)id.host;
    int r = goevd_conn_call(ws->self, id.number, ws_by_id_arrive, post);

    if (r < 0)
        free(post);
    return r;
}

/* ---- A call ---------------------------------------------------------------------------------- */

struct ws_by_id_call {
    struct ws_by_id post;
    goevd_websocket_call_fn fn;
    void *arg;
};

static void
ws_by_id_run_call(struct ws_by_id *post, struct goevd_websocket_conn *w)
{
    struct ws_by_id_call *call = (struct ws_by_id_call *)post;

    call->fn(w, w ? w->begin.app_state : NULL, call->arg);
}

int
ws_by_id_call(struct goevd_websocket_id id, goevd_websocket_call_fn fn, void *arg)
{
    const struct ws_instance *ws = (const struct ws_instance *)id.host;
    struct ws_by_id_call *call = malloc(sizeof(*call));

    if (!call)
        return -ENOMEM;
    *call = (struct ws_by_id_call){{ws_by_id_run_call, &ws->hosted[WS_ON_CALL]}, fn, arg};
    return ws_by_id_begin(id, &call->post);
}

/* ---- A message ------------------------------------------------------------------------------- */

struct ws_by_id_message {
    struct ws_by_id post;
    int type;
    goevd_release_fn done;
    void *arg;
    size_t len;
    char data[];
};

static void
ws_by_id_run_send(struct ws_by_id *post, struct goevd_websocket_conn *w)
{
    struct ws_by_id_message *m = (struct ws_by_id_message *)post;
    int r = -EPIPE;

    if (w)
        r = m->type == GOEVD_WEBSOCKET_PING ? ws_send_ping(w, m->data, m->len)
                                            : ws_send_message(w, m->type, m->data, m->len);
    if (m->done)
        m->done(m->arg, r);
}

int
ws_by_id_send(struct goevd_websocket_id id, int type, const void *data, size_t len,
              goevd_release_fn done, void *arg)
{
    const struct ws_instance *ws = (const struct ws_instance *)id.host;
    struct ws_by_id_message *m;

    if (type != GOEVD_WEBSOCKET_TEXT && type != GOEVD_WEBSOCKET_BINARY &&
        (type != GOEVD_WEBSOCKET_PING || len > GOEVD_WEBSOCKET_CONTROL_MAX))
        return -EINVAL;
    m = malloc(sizeof(*m) + len);
    if (!m)
        return -ENOMEM;
    *m = (struct ws_by_id_message){
        {ws_by_id_run_send, done ? &ws->hosted[WS_ON_DONE] : NULL}, type, done, arg, len};
    if (len != 0)
        memcpy(m->data, data, len);
    return ws_by_id_begin(id, &m->post);
}

/* ---- A close --------------------------------------------------------------------------------- */

struct ws_by_id_end {
    struct ws_by_id post;
    unsigned code;
    char reason[GOEVD_WEBSOCKET_CONTROL_MAX];
};

static void
ws_by_id_run_close(struct ws_by_id *post, struct goevd_websocket_conn *w)
{
    struct ws_by_id_end *end = (struct ws_by_id_end *)post;

    if (w)
        (void)ws_send_close(w, end->code, end->reason);
}

int
ws_by_id_close(struct goevd_websocket_id id, unsigned code, const char *reason)
{
    size_t len = reason ? strlen(reason) : 0;
    struct ws_by_id_end *end;

    if (!ws_frame_code_valid(code) || len > GOEVD_WEBSOCKET_REASON_MAX)
        return -EINVAL;
    end = calloc(1, sizeof(*end));
    if (!end)
        return -ENOMEM;
    end->post.run = ws_by_id_run_close;
    end->code = code;
    if (len != 0)
        memcpy(end->reason, reason, len);
    return ws_by_id_begin(id, &end->post);
}
