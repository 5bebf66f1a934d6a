#include "http/exchange/by_id.h"

#include <goevd/threads.h>
#include <goevd/work.h>

#include "http/exchange/exchange.h"

/* The calls carry these structs. They belong to the handler's instance, which outlives the instance
 * of this plugin, so each call runs whichever instance ends first. */

/* The request, if handlers may use it in its present state; NULL if it is over. `host` is this
 * plugin's self, which has no local state on a poller where it has stopped. */
static struct http_exchange *
http_by_id_find(struct goevd_self *host, struct goevd_poller *poller, uint64_t number)
{
    struct http_local *local = goevd_poller_local(host, poller);

    return !local ? NULL : http_exchange_find(local, number);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

struct http_by_id_message {
    struct goevd_http_id id;
    goevd_http_call_fn fn;
    void *arg;
};

static void
http_by_id_run(struct goevd_poller *poller, void *local, void *arg)
{
    struct http_by_id_message *m = arg;
    struct http_exchange *x = http_by_id_find(m->id.host, poller, m->id.number);

    (void)local;
    if (x)
        m->fn(http_exchange_public(x), http_exchange_state(x), m->arg);
    else
        m->fn(NULL, NULL, m->arg);
    free(m);
}

int
http_by_id_call(struct goevd_self *self, struct goevd_http_id id, goevd_http_call_fn fn, void *arg)
{
    struct http_by_id_message *m = malloc(sizeof(*m));
    int r;

    if (!m)
        return -ENOMEM;
    *m = (struct http_by_id_message){id, fn, arg};
    r = goevd_call(self, (unsigned)(id.number >> 56), http_by_id_run, m);
    if (r < 0)
        free(m);
    return r;
}

/* ---- Replies --------------------------------------------------------------------------------- */

struct http_by_id_reply {
    int status;
    size_t type_len;
    size_t len;
    goevd_release_fn done;
    void *arg;
    char bytes[]; /* type with its NUL, then body */
};

static void
http_by_id_reply_run(struct goevd_http_request *r, void *state, void *arg)
{
    struct http_by_id_reply *reply = arg;
    int result = -EPIPE;

    (void)state;
    if (r)
        result =
            http_exchange_reply(http_exchange_of(r), reply->status, reply->bytes, reply->type_len,
                                reply->bytes + reply->type_len + 1, reply->len);
    if (reply->done)
        reply->done(reply->arg, result);
    free(reply);
}

int
http_by_id_send(struct goevd_self *self, struct goevd_http_id id, int status, const char *type,
                const void *body, size_t len, goevd_release_fn done, void *arg)
{
    size_t type_len = !type ? 0 : strlen(type);
    struct http_by_id_reply *reply = malloc(sizeof(*reply) + type_len + 1 + len);
    int r;

    if (!reply)
        return -ENOMEM;
    *reply = (struct http_by_id_reply){
        .status = status, .type_len = type_len, .len = len, .done = done, .arg = arg};
    memcpy(reply->bytes, !type ? "" : type, type_len + 1);
    if (len != 0)
        memcpy(reply->bytes + type_len + 1, body, len);
    r = http_by_id_call(self, id, http_by_id_reply_run, reply);
    if (r < 0)
        free(reply);
    return r;
}

/* ---- Jobs ------------------------------------------------------------------------------------ */

struct http_by_id_job {
    struct goevd_self *host;
    struct goevd_poller *poller;
    uint64_t number;
    goevd_job_fn job;
    goevd_http_done_fn done;
    void *arg;
};

static int
http_by_id_job_run(void *arg)
{
    struct http_by_id_job *j = arg;

    return j->job(j->arg);
}

static void
http_by_id_job_done(struct goevd_conn *c, void *arg, int result)
{
    struct http_by_id_job *j = arg;
    struct http_exchange *x = http_by_id_find(j->host, j->poller, j->number);

    (void)c;
    if (x)
        j->done(http_exchange_public(x), http_exchange_state(x), j->arg, result);
    else
        j->done(NULL, NULL, j->arg, result);
    free(j);
}

int
http_by_id_submit(struct goevd_self *self, struct goevd_http_request *r, unsigned flags,
                  goevd_job_fn job, goevd_http_done_fn done, void *arg)
{
    struct http_exchange *x = HTTP_EXCHANGE_GIVEN(r, "submit");
    struct http_by_id_job *j = malloc(sizeof(*j));
    int result;

    if (!j)
        return -ENOMEM;
    *j = (struct http_by_id_job){
        x->local->http->self, x->local->poller, http_exchange_number(x), job, done, arg};
    result = goevd_submit(self, j->poller, 0, flags & ~(unsigned)GOEVD_SUBMIT_ORDERED,
                          http_by_id_job_run, http_by_id_job_done, j);
    if (result < 0)
        free(j);
    return result;
}
