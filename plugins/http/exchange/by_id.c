#include "http/exchange/by_id.h"

#include "http/exchange/exchange.h"

/* The calls that carry these are those of the handler's instance, which lives longer than that of
 * this plugin: so each of them runs, whatever ends first. */

/* The request, in a state that handlers may use; NULL if it is over. `host` is this plugin's self,
 * which has no storage on a poller any more once it has stopped there. */
static struct exchange *
later_find(struct goevd_self *host, struct goevd_poller *poller, uint64_t number)
{
    struct http_local *local = goevd_poller_local(host, poller);

    return local == NULL ? NULL : exchange_find(local, number);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

struct later_message {
    struct goevd_http_id id;
    goevd_http_call_fn fn;
    void *arg;
};

static void
later_run(struct goevd_poller *poller, void *local, void *arg)
{
    struct later_message *m = arg;
    struct exchange *x = later_find(m->id.host, poller, m->id.number);

    (void)local;
    if (x != NULL)
        m->fn(exchange_public(x), exchange_state(x), m->arg);
    else
        m->fn(NULL, NULL, m->arg);
    free(m);
}

int
later_call(struct goevd_self *self, struct goevd_http_id id, goevd_http_call_fn fn, void *arg)
{
    struct later_message *m = malloc(sizeof(*m));
    int r;

    if (m == NULL)
        return -ENOMEM;
    *m = (struct later_message){id, fn, arg};
    r = goevd_call(self, (unsigned)(id.number >> 56), later_run, m);
    if (r < 0)
        free(m);
    return r;
}

/* ---- Replies --------------------------------------------------------------------------------- */

struct later_reply {
    int status;
    size_t type_len;
    size_t len;
    goevd_release_fn done;
    void *arg;
    char bytes[]; /* type with its NUL, then body */
};

static void
later_reply_run(struct goevd_http_request *r, void *state, void *arg)
{
    struct later_reply *reply = arg;
    int result = -EPIPE;

    (void)state;
    if (r != NULL)
        result = exchange_reply(exchange_of(r), reply->status, reply->bytes, reply->type_len,
                                reply->bytes + reply->type_len + 1, reply->len);
    if (reply->done != NULL)
        reply->done(reply->arg, result);
    free(reply);
}

int
later_send(struct goevd_self *self, struct goevd_http_id id, int status, const char *type,
           const void *body, size_t len, goevd_release_fn done, void *arg)
{
    size_t type_len = type == NULL ? 0 : strlen(type);
    struct later_reply *reply = malloc(sizeof(*reply) + type_len + 1 + len);
    int r;

    if (reply == NULL)
        return -ENOMEM;
    *reply = (struct later_reply){
        .status = status, .type_len = type_len, .len = len, .done = done, .arg = arg};
    memcpy(reply->bytes, type == NULL ? "" : type, type_len + 1);
    if (len != 0)
        memcpy(reply->bytes + type_len + 1, body, len);
    r = later_call(self, id, later_reply_run, reply);
    if (r < 0)
        free(reply);
    return r;
}

/* ---- Jobs ------------------------------------------------------------------------------------ */

struct later_job {
    struct goevd_self *host;
    struct goevd_poller *poller;
    uint64_t number;
    goevd_job_fn job;
    goevd_http_done_fn done;
    void *arg;
};

static int
later_job_run(void *arg)
{
    struct later_job *j = arg;

    return j->job(j->arg);
}

static void
later_job_done(struct goevd_conn *c, void *arg, int result)
{
    struct later_job *j = arg;
    struct exchange *x = later_find(j->host, j->poller, j->number);

    (void)c;
    if (x != NULL)
        j->done(exchange_public(x), exchange_state(x), j->arg, result);
    else
        j->done(NULL, NULL, j->arg, result);
    free(j);
}

int
later_submit(struct goevd_self *self, struct goevd_http_request *r, goevd_job_fn job,
             goevd_http_done_fn done, void *arg)
{
    struct exchange *x = exchange_of(r);
    struct later_job *j = malloc(sizeof(*j));
    int result;

    if (j == NULL)
        return -ENOMEM;
    *j = (struct later_job){
        x->local->http->self, x->local->poller, exchange_number(x), job, done, arg};
    result = goevd_submit(self, j->poller, 0, 0, later_job_run, later_job_done, j);
    if (result < 0)
        free(j);
    return result;
}
