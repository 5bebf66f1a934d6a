/* remind - sends a client's words back to it after the time that it names.
 *
 * A thread of the plugin's own keeps the reminders, and reaches each connection by its id. A line,
 * or a WebSocket message, is a number of milliseconds and a text. The text "close" closes the
 * connection then; over WebSocket, "ping" sends a ping. Reminders for connections that are gone are
 * dropped.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <goevd/framing.h>
#include <goevd/threads.h>
#include <goevd/websocket.h>

#define REMINDERS_MAX 10000 /* that wait */
#define DELAY_MAX_MS 3600000
#define TEXT_MAX 1024 /* bytes */
#define PROTOCOL "remind"

GOEVD_WEBSOCKET_TABLE;

struct reminder {
    struct reminder *next;
    uint64_t due_ns;
    uint64_t conn_id; /* 0: of a WebSocket, which websocket_id names */
    struct goevd_websocket_id websocket_id;
    size_t len;
    char text[]; /* with "\n" behind it */
};

struct remind {
    struct goevd_self *self;
    pthread_t thread;
    bool runs;            /* there is that thread */
    pthread_mutex_t lock; /* guards the fields below */
    pthread_cond_t changed;
    struct reminder *first; /* the next one that is due */
    unsigned count;
    bool stopping;
};

/* Of a WebSocket connection. */
struct client {
    unsigned reminded;
};

/* ---- Due reminders --------------------------------------------------------------------------- */

static bool
remind_text_is(const struct reminder *m, const char *word)
{
    return m->len == strlen(word) && memcmp(m->text, word, m->len) == 0;
}

/* On the poller of the connection, whose state has the number of this reminder. */
static void
remind_number(struct goevd_websocket_conn *w, void *state, void *arg)
{
    struct reminder *m = arg;
    struct client *client = state;
    char text[TEXT_MAX + 16];

    if (w) {
        int n = snprintf(text, sizeof(text), "%u %.*s", ++client->reminded, (int)m->len, m->text);

        (void)goevd_websocket_send(w, GOEVD_WEBSOCKET_TEXT, text, (size_t)n);
    }
    free(m);
}

/* An error means that the connection is gone, goevd stops, or too much waits for the poller. */
static void
remind_websocket(struct reminder *m)
{
    if (remind_text_is(m, "close"))
        (void)goevd_websocket_post_close(m->websocket_id, 1000, "as you asked");
    else if (remind_text_is(m, "ping"))
        (void)goevd_websocket_post(m->websocket_id, GOEVD_WEBSOCKET_PING, NULL, 0, NULL, NULL);
    else if (goevd_websocket_call(m->websocket_id, remind_number, m) == 0)
        return; /* that frees it */
    free(m);
}

static void
remind_stream(const struct remind *x, struct reminder *m)
{
    if (remind_text_is(m, "close"))
        (void)goevd_close(m->conn_id, GOEVD_CLOSE_FLUSH);
    else
        (void)goevd_send(x->self, m->conn_id, m->text, m->len + 1, 0);
    free(m);
}

/* ---- The thread ------------------------------------------------------------------------------ */

static void
remind_wait(struct remind *x)
{
    if (!x->first) {
        pthread_cond_wait(&x->changed, &x->lock);
        return;
    }
    pthread_cond_timedwait(&x->changed, &x->lock,
                           &(struct timespec){(time_t)(x->first->due_ns / GOEVD_SECOND),
                                              (long)(x->first->due_ns % GOEVD_SECOND)});
}

static void *
remind_run(void *arg)
{
    struct remind *x = arg;

    pthread_mutex_lock(&x->lock);
    while (!x->stopping) {
        struct reminder *m = x->first;

        if (!m || m->due_ns > goevd_now()) {
            remind_wait(x);
            continue;
        }
        x->first = m->next;
        x->count--;
        pthread_mutex_unlock(&x->lock);
        if (m->conn_id)
            remind_stream(x, m);
        else
            remind_websocket(m);
        pthread_mutex_lock(&x->lock);
    }
    pthread_mutex_unlock(&x->lock);
    return NULL;
}

/* Takes the reminder over. */
static int
remind_add(struct remind *x, struct reminder *m)
{
    struct reminder **at = &x->first;
    bool full;

    pthread_mutex_lock(&x->lock);
    full = x->count == REMINDERS_MAX;
    if (!full) {
        while (*at && (*at)->due_ns <= m->due_ns)
            at = &(*at)->next;
        m->next = *at;
        *at = m;
        x->count++;
        pthread_cond_signal(&x->changed);
    }
    pthread_mutex_unlock(&x->lock);
    if (full)
        free(m);
    return full ? -EAGAIN : 0;
}

/* "MILLISECONDS TEXT". Returns the reminder, to be freed, or NULL: it is malformed, or there is no
 * memory. */
static struct reminder *
remind_parse(const char *data, size_t len)
{
    uint64_t delay_ms = 0;
    struct reminder *m;
    size_t i = 0;

    for (; i < len && data[i] >= '0' && data[i] <= '9' && delay_ms <= DELAY_MAX_MS; i++)
        delay_ms = delay_ms * 10 + (unsigned)(data[i] - '0');
    if (i == 0 || i == len || data[i] != ' ' || delay_ms > DELAY_MAX_MS)
        return NULL;
    len -= ++i;
    if (len > TEXT_MAX || memchr(data + i, '\0', len))
        return NULL;
    m = calloc(1, sizeof(*m) + len + 1);
    if (!m)
        return NULL;
    m->due_ns = goevd_now() + delay_ms * GOEVD_MILLISECOND;
    m->len = len;
    memcpy(m->text, data + i, len);
    m->text[len] = '\n';
    return m;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static int
remind_line(struct goevd_conn *c, void *state, const char *data, size_t len, unsigned flags)
{
    static const char usage[] = "MILLISECONDS TEXT, please\n";
    struct reminder *m = remind_parse(data, len);

    (void)state, (void)flags;
    if (!m)
        return goevd_conn_write(c, usage, sizeof(usage) - 1);
    m->conn_id = goevd_conn_id(c);
    return remind_add(goevd_conn_instance(c), m);
}

static const struct goevd_framing remind_lines = {
    .version = GOEVD_VERSION_OF(struct goevd_framing),
    .type = GOEVD_FRAMING_LINES,
};

static const struct goevd_stream remind_stream_handler = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .framing = &remind_lines,
    .on_frame = remind_line,
};

/* ---- WebSocket ------------------------------------------------------------------------------- */

/* A client that offers subprotocols must offer the one that is spoken here. */
static int
remind_request(struct goevd_websocket_request *q, void *state)
{
    const struct remind *x = goevd_websocket_request_instance(q);
    struct goevd_str path = goevd_websocket_request_path(q), name, value;

    (void)state;
    for (size_t i = 0; goevd_websocket_request_header_at(q, i, &name, &value); i++)
        goevd_log(x->self, GOEVD_LOG_DEBUG, "%.*s: %.*s: %.*s", (int)path.len, path.data,
                  (int)name.len, name.data, (int)value.len, value.data);
    if (goevd_websocket_request_protocol(q).data) /* of the option `protocols` of websocket */
        return 0;
    if (goevd_websocket_request_choose(q, PROTOCOL) < 0 &&
        goevd_websocket_request_header(q, "Sec-WebSocket-Protocol").data)
        return 400;
    return 0;
}

static int
remind_message(struct goevd_websocket_conn *w, void *state, int type, const char *data, size_t len)
{
    struct reminder *m = remind_parse(data, len);

    (void)state;
    if (!m || type != GOEVD_WEBSOCKET_TEXT) {
        free(m);
        return goevd_websocket_close(w, 1008, "MILLISECONDS TEXT, please");
    }
    m->websocket_id = goevd_websocket_conn_id(w);
    return remind_add(goevd_websocket_instance(w), m);
}

static const struct goevd_websocket_app remind_app = {
    .version = GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket_app),
    .conn_size = sizeof(struct client),
    .websocket = &goevd_websocket,
    .on_request = remind_request,
    .on_message = remind_message,
};

/* ---- Life ------------------------------------------------------------------------------------ */

static void
remind_init(struct remind *x)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&x->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* as goevd_now() */
    pthread_cond_init(&x->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void
remind_fini(struct remind *x)
{
    while (x->first) {
        struct reminder *m = x->first;

        x->first = m->next;
        free(m);
    }
    pthread_cond_destroy(&x->changed);
    pthread_mutex_destroy(&x->lock);
    free(x);
}

static int
remind_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct remind *x = calloc(1, sizeof(*x));
    int r;

    (void)options;
    if (!x)
        return -ENOMEM;
    x->self = self;
    remind_init(x);
    if (!goevd_checking(self)) {
        r = pthread_create(&x->thread, NULL, remind_run, x);
        if (r != 0) {
            remind_fini(x);
            return -r;
        }
        x->runs = true;
    }
    *ret_instance = x;
    return 0;
}

static void
remind_destroy(void *instance)
{
    struct remind *x = instance;

    pthread_mutex_lock(&x->lock);
    x->stopping = true;
    pthread_cond_signal(&x->changed);
    pthread_mutex_unlock(&x->lock);
    if (x->runs)
        pthread_join(x->thread, NULL);
    remind_fini(x);
}

static const void *
remind_interface(const char *id)
{
    if (strcmp(id, GOEVD_STREAM) == 0)
        return &remind_stream_handler;
    return strcmp(id, GOEVD_WEBSOCKET) == 0 ? &remind_app : NULL;
}

GOEVD_PLUGIN(.name = "remind", .description = "sends a client's words back after a time",
             .create = remind_create, .destroy = remind_destroy, .interface = remind_interface);
