/* A WebSocket application that takes text messages as commands, and echoes others. Its ends are
 * in the log. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/poller.h>
#include <goevd/websocket.h>

#ifndef PROBE_MAJOR
#define PROBE_MAJOR GOEVD_WEBSOCKET_ABI_MAJOR
#endif
#ifndef PROBE_NEEDS
#define PROBE_NEEDS GOEVD_WEBSOCKET_ABI_MINOR
#endif
#ifndef PROBE_SIZE
#define PROBE_SIZE sizeof(struct probe_state)
#endif
#ifndef PROBE_MESSAGE
#define PROBE_MESSAGE probe_message
#endif

GOEVD_WEBSOCKET_TABLE;

struct probe {
    struct goevd_self *self;
};

struct probe_state {
    char asked[64];
    uint64_t messages;
    uint64_t refused;
};

static struct probe *
probe_of(struct goevd_websocket_conn *w)
{
    return goevd_websocket_instance(w);
}

static bool
probe_is(const char *data, size_t len, const char *word)
{
    return len >= strlen(word) && memcmp(data, word, strlen(word)) == 0;
}

/* "close CODE REASON" */
static int
probe_close(struct goevd_websocket_conn *w, const char *data, size_t len)
{
    char text[256] = "";
    char *reason;
    unsigned code;

    memcpy(text, data, len < sizeof(text) ? len : sizeof(text) - 1);
    code = (unsigned)strtoul(text + strlen("close "), &reason, 10);
    return goevd_websocket_close(w, code, *reason == ' ' ? reason + 1 : NULL);
}

#define LARGE ((size_t)8 << 20)

/* "large close CODE": a long message, and a close frame behind it. */
static int
probe_large(struct goevd_websocket_conn *w, const char *data, size_t len)
{
    char *message = calloc(1, LARGE);
    int r =
        message == NULL ? -ENOMEM : goevd_websocket_send(w, GOEVD_WEBSOCKET_BINARY, message, LARGE);

    free(message);
    return r < 0 ? r : probe_close(w, data + strlen("large "), len - strlen("large "));
}

static int
probe_answer(struct goevd_websocket_conn *w, int r)
{
    goevd_log(probe_of(w)->self, GOEVD_LOG_NOTICE, "answer %d", r);
    return 0;
}

static int
probe_message(struct goevd_websocket_conn *w, void *state, int type, const char *data, size_t len)
{
    struct probe_state *s = state;
    int r;

    if (type == GOEVD_WEBSOCKET_TEXT && probe_is(data, len, "close "))
        return probe_answer(w, probe_close(w, data, len));
    if (type == GOEVD_WEBSOCKET_TEXT && probe_is(data, len, "large close "))
        return probe_answer(w, probe_large(w, data, len));
    if (type == GOEVD_WEBSOCKET_TEXT && probe_is(data, len, "ping "))
        return probe_answer(w, goevd_websocket_ping(w, data + 5, len - 5));
    if (type == GOEVD_WEBSOCKET_TEXT && probe_is(data, len, "type"))
        return probe_answer(w, goevd_websocket_send(w, 3, data, len));
    if (type == GOEVD_WEBSOCKET_TEXT && probe_is(data, len, "fail"))
        return -5;
    r = goevd_websocket_send(w, type, data, len);
    if (r == -ENOBUFS)
        s->refused++;
    else
        s->messages++;
    return r;
}

/* "?status=404" refuses, "?choose=x" wants that protocol; the request is reported in on_open. */
static int
probe_request(struct goevd_websocket_request *q, void *state)
{
    const struct probe *p = goevd_websocket_request_instance(q);
    struct goevd_str path = goevd_websocket_request_path(q);
    struct goevd_str query = goevd_websocket_request_query(q);
    struct goevd_str host = goevd_websocket_request_header(q, "host"), name, value, protocol;
    struct probe_state *s = state;
    char text[32] = "";
    size_t count = 0;
    int r = 0;

    if (query.len < sizeof(text) && query.len != 0)
        memcpy(text, query.data, query.len);
    if (probe_is(query.data, query.len, "status="))
        return (int)strtol(text + strlen("status="), NULL, 10);
    if (probe_is(query.data, query.len, "login")) {
        (void)goevd_websocket_request_add_header(q, "WWW-Authenticate", "Basic realm=\"probe\"");
        return goevd_websocket_request_refuse(q, 401, "text/plain", "who?", 4);
    }
    if (probe_is(query.data, query.len, "cookie"))
        (void)goevd_websocket_request_add_header(q, "Set-Cookie", "a=b");
    if (probe_is(query.data, query.len, "choose="))
        r = goevd_websocket_request_choose(q, text + strlen("choose="));
    if (probe_is(query.data, query.len, "none"))
        r = goevd_websocket_request_choose(q, NULL);
    while (goevd_websocket_request_header_at(q, count, &name, &value))
        count++;
    protocol = goevd_websocket_request_protocol(q);
    snprintf(s->asked, sizeof(s->asked), "%d %.*s %.*s %.*s %zu %.*s", r, (int)path.len, path.data,
             (int)host.len, host.data, (int)protocol.len, protocol.data, count,
             (int)goevd_websocket_request_param(q, "*").len,
             goevd_websocket_request_param(q, "*").data);
    goevd_log(p->self, GOEVD_LOG_NOTICE, "asked");
    return 0;
}

static int
probe_open(struct goevd_websocket_conn *w, void *state)
{
    const struct probe_state *s = state;

    if (s->asked[0] != '\0')
        goevd_log(probe_of(w)->self, GOEVD_LOG_NOTICE, "request %s", s->asked);
    goevd_log(probe_of(w)->self, GOEVD_LOG_NOTICE, "open %s on poller %u",
              s->messages == 0 && goevd_websocket_local(w) == NULL ? "new" : "used",
              goevd_poller_index(goevd_conn_poller(goevd_websocket_stream(w))));
    return 0;
}

static void
probe_drained(struct goevd_websocket_conn *w, void *state)
{
    (void)state;
    goevd_log(probe_of(w)->self, GOEVD_LOG_NOTICE, "drained");
}

static void
probe_closed(struct goevd_websocket_conn *w, void *state, unsigned code, struct goevd_str reason,
             int who)
{
    const struct probe_state *s = state;

    goevd_log(probe_of(w)->self, GOEVD_LOG_NOTICE, "close %u by %d after %llu, %s%s%.*s", code, who,
              (unsigned long long)s->messages, s->refused != 0 ? "some late" : "none late",
              reason.len != 0 ? ": " : "", (int)reason.len, reason.len != 0 ? reason.data : "");
    if (goevd_websocket_send(w, GOEVD_WEBSOCKET_TEXT, "x", 1) != -EPIPE)
        abort();
}

static const struct goevd_websocket_app probe_app = {
    .version = {PROBE_MAJOR, 0, sizeof(struct goevd_websocket_app)},
    .websocket_minor = PROBE_NEEDS,
    .conn_size = PROBE_SIZE,
    .websocket = &goevd_websocket,
    .on_request = probe_request,
    .on_open = probe_open,
    .on_message = PROBE_MESSAGE,
    .on_drained = probe_drained,
    .on_close = probe_closed,
};

static int
probe_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct probe *p = calloc(1, sizeof(*p));

    (void)options;
    if (p == NULL)
        return -ENOMEM;
    p->self = self;
    *ret_instance = p;
    return 0;
}

static const void *
probe_interface(const char *id)
{
    return strcmp(id, GOEVD_WEBSOCKET) == 0 ? &probe_app : NULL;
}

GOEVD_PLUGIN(.name = "ws_probe", .description = "takes messages as commands",
             .create = probe_create, .destroy = free, .interface = probe_interface);
