/* A handler whose path is a command, so that a test can call each function of
 * goevd/http.h. Its callbacks are logged. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <goevd/http.h>
#include <goevd/poller.h>

struct probe_options {
    struct goevd_str file;
    struct goevd_str name;       /* of this one in a row of handlers */
    struct goevd_plugin *stream; /* for upgrades */
};

struct probe {
    struct goevd_self *self;
    const struct probe_options *options;
    int fd;
};

/* Of a request. */
struct state {
    char *text; /* text collected for the reply */
    size_t len;
    size_t taken;   /* of the body */
    size_t to_send; /* of a long reply */
    size_t releases;
    bool again;
};

GOEVD_HTTP_TABLE;

static const struct goevd_option probe_rows[] = {
    {.name = "file",
     .type = GOEVD_OPTION_STRING,
     .offset = offsetof(struct probe_options, file),
     .help = "a file to send"},
    {.name = "name",
     .type = GOEVD_OPTION_STRING,
     .offset = offsetof(struct probe_options, name),
     .def = "probe",
     .help = "its name in replies"},
    {.name = "stream",
     .type = GOEVD_OPTION_PLUGIN,
     .offset = offsetof(struct probe_options, stream),
     .interface_id = GOEVD_STREAM,
     .help = "plugin that gets upgraded connections"},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema probe_schema = GOEVD_SCHEMA(struct probe_options, probe_rows);

static bool
is(struct goevd_str s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

static void
add(struct state *s, const char *what, struct goevd_str value)
{
    size_t more = strlen(what) + value.len + 3;
    char *text = realloc(s->text, s->len + more);

    if (text == NULL)
        abort();
    s->text = text;
    s->len += (size_t)snprintf(text + s->len, more, "%s=%.*s\n", what, (int)value.len,
                               value.data == NULL ? "" : value.data);
}

static void
add_number(struct state *s, const char *what, int64_t number)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%lld", (long long)number);

    add(s, what, (struct goevd_str){text, (size_t)n});
}

/* ---- TLS ------------------------------------------------------------------------------------- */

/* Facts by their names. The certificate as a whole is shown by its length. */
static int
show_tls(struct goevd_http_request *r, struct state *s)
{
    static const char *const names[] = {
        [GOEVD_TLS_VERSION] = "version",
        [GOEVD_TLS_CIPHER] = "cipher",
        [GOEVD_TLS_NAME] = "name",
        [GOEVD_TLS_ALPN] = "alpn",
        [GOEVD_TLS_RESUMED] = "resumed",
        [GOEVD_TLS_CLIENT_SUBJECT] = "subject",
        [GOEVD_TLS_CLIENT_ISSUER] = "issuer",
        [GOEVD_TLS_CLIENT_NAMES] = "names",
        [GOEVD_TLS_CLIENT_SERIAL] = "serial",
        [GOEVD_TLS_CLIENT_FINGERPRINT] = "fingerprint",
    };

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct goevd_str fact = goevd_http_tls(r, (enum goevd_tls_fact)i);

        if (names[i] && fact.data)
            add(s, names[i], fact);
    }
    add_number(s, "bytes", (int64_t)goevd_http_tls(r, GOEVD_TLS_CLIENT_CERTIFICATE).len);
    return goevd_http_reply(r, 200, "text/plain", s->text, s->len);
}

/* ---- The request ----------------------------------------------------------------------------- */

static int
show(struct goevd_http_request *r, struct state *s)
{
    struct sockaddr_storage peer, local;
    struct goevd_str name, value;

    add_number(s, "method", goevd_http_method(r));
    add_number(s, "version", (unsigned)goevd_http_version(r));
    add(s, "scheme", goevd_http_scheme(r));
    add(s, "target", goevd_http_target(r));
    add(s, "path", goevd_http_path(r));
    add(s, "raw_path", goevd_http_raw_path(r));
    add(s, goevd_http_query(r).data == NULL ? "no query" : "query", goevd_http_query(r));
    add(s, "param", goevd_http_param(r, "id"));
    add(s, "rest", goevd_http_param(r, "*"));
    add_number(s, "no param", goevd_http_param(r, "other").data == NULL);
    add(s, "x-one", goevd_http_header(r, "X-ONE"));
    add_number(s, "no header", goevd_http_header(r, "x-two").data == NULL);
    for (size_t i = 0; goevd_http_header_at(r, i, &name, &value); i++) {
        add(s, "name", name);
        add(s, "value", value);
    }
    add_number(s, "length", (int64_t)goevd_http_length(r));
    goevd_http_peer_address(r, &peer);
    goevd_http_local_address(r, &local);
    add_number(s, "families", peer.ss_family == AF_INET && local.ss_family == AF_INET);
    add_number(s, "local", *(int *)goevd_http_local(r));
    add_number(s, "poller", goevd_poller_index(goevd_http_poller(r)));
    return goevd_http_reply(r, 200, "text/plain", s->text, s->len);
}

/* ---- Bodies ---------------------------------------------------------------------------------- */

static ptrdiff_t
probe_body(struct goevd_http_request *r, void *state, const char *data, size_t len, unsigned flags)
{
    struct goevd_str id = goevd_http_param(r, "id");
    struct state *s = state;
    char text[64];

    if (is(id, "echo-stream")) {
        int result = len == 0 ? 0 : goevd_http_write(r, data, len);

        if (result < 0)
            return result == -ENOBUFS ? 0 : result;
        if ((flags & GOEVD_HTTP_LAST) != 0)
            goevd_http_end(r);
        return (ptrdiff_t)len;
    }
    if (is(id, "sip") && !s->again && len > 1) { /* half of it; the rest after a while */
        s->again = true;
        s->taken += len / 2;
        goevd_http_timer(r, 1000000);
        return (ptrdiff_t)(len / 2);
    }
    s->again = false;
    s->taken += len;
    if (is(id, "bad-body"))
        return -EBADMSG;
    if (is(id, "early") && s->taken >= 4)
        return goevd_http_reply(r, 200, "text/plain", "early", 5) < 0 ? -EIO : (ptrdiff_t)len;
    if ((flags & GOEVD_HTTP_LAST) == 0)
        return (ptrdiff_t)len;
    if (is(id, "gather"))
        return goevd_http_reply(r, 200, "text/plain", data, len) < 0 ? -EIO : (ptrdiff_t)len;
    if (is(id, "trailers")) {
        struct goevd_str name, value;

        for (size_t i = 0; goevd_http_trailer_at(r, i, &name, &value); i++) {
            add(s, "name", name);
            add(s, "value", value);
        }
        return goevd_http_reply(r, 200, "text/plain", s->text, s->len) < 0 ? -EIO : (ptrdiff_t)len;
    }
    snprintf(text, sizeof(text), "%zu", s->taken);
    return goevd_http_reply(r, 200, "text/plain", text, strlen(text)) < 0 ? -EIO : (ptrdiff_t)len;
}

/* ---- Long replies ---------------------------------------------------------------------------- */

static int
go_on(struct goevd_http_request *r, struct state *s)
{
    static const char block[10000] = {'x'};

    while (s->to_send > 0) {
        size_t n = s->to_send < sizeof(block) ? s->to_send : sizeof(block);
        int result = goevd_http_write(r, block, n);

        if (result == -ENOBUFS)
            return 0;
        if (result < 0)
            return result;
        s->to_send -= n;
        if (result == 1 && s->to_send > 0)
            return 0;
    }
    return goevd_http_end(r);
}

static void
released(void *arg, int result)
{
    struct probe *p = arg;

    goevd_log(p->self, GOEVD_LOG_INFO, "released %d", result);
}

/* ---- Later ----------------------------------------------------------------------------------- */

static void
called(struct goevd_http_request *r, void *state, void *arg)
{
    struct probe *p = arg;

    (void)state;
    if (r != NULL)
        goevd_http_reply(r, 200, "text/plain", "called", 6);
    else
        goevd_log(p->self, GOEVD_LOG_INFO, "called without a request");
}

static void
sent(void *arg, int result)
{
    struct probe *p = arg;

    goevd_log(p->self, GOEVD_LOG_INFO, "sent %d", result);
}

struct job {
    struct probe *probe;
    struct goevd_http_id id;
    char what[32];
};

/* On a thread of the work pool. */
static int
work(void *arg)
{
    struct job *j = arg;

    if (strcmp(j->what, "slow") == 0)
        usleep(300000);
    if (strcmp(j->what, "call") == 0)
        return goevd_http_call(j->probe->self, j->id, called, j->probe);
    if (strcmp(j->what, "send") == 0 || strcmp(j->what, "slow") == 0)
        return goevd_http_send(j->probe->self, j->id, 201, "text/plain", "sent", 4, sent, j->probe);
    return 7;
}

static void
worked(struct goevd_http_request *r, void *state, void *arg, int result)
{
    struct job *j = arg;
    char text[32];
    int n = snprintf(text, sizeof(text), "job %d", result);

    (void)state;
    if (strcmp(j->what, "job") == 0 && r != NULL)
        goevd_http_reply(r, 200, "text/plain", text, (size_t)n);
    free(j);
}

static int
by_id(struct goevd_http_request *r, struct probe *p, struct goevd_str what)
{
    struct job *j = calloc(1, sizeof(*j));
    int result;

    if (j == NULL)
        return -ENOMEM;
    j->probe = p;
    j->id = goevd_http_request_id(r);
    snprintf(j->what, sizeof(j->what), "%.*s", (int)what.len, what.data);
    result = goevd_http_submit(p->self, r, 0, work, worked, j);
    if (result < 0)
        free(j);
    return result;
}

static int
probe_timeout(struct goevd_http_request *r, void *state)
{
    (void)state;
    if (is(goevd_http_param(r, "id"), "sip"))
        goevd_http_resume(r);
    else
        return goevd_http_reply(r, 200, "text/plain", "in time", 7);
    return 0;
}

static int
probe_drained(struct goevd_http_request *r, void *state)
{
    struct state *s = state;

    if (is(goevd_http_param(r, "id"), "echo-stream"))
        goevd_http_resume(r);
    return s->to_send == 0 ? 0 : go_on(r, s);
}

static void
free_shared(void *arg, int result)
{
    (void)result;
    free(arg);
}

/* More by reference than a connection may queue at once: a, b, c, ... */
static int
reply_shared(struct goevd_http_request *r)
{
    char *memory = malloc(300000);
    int result;

    if (memory == NULL)
        return -ENOMEM;
    for (int i = 0; i < 300000; i++)
        memory[i] = (char)('a' + i % 26);
    result = goevd_http_start(r, 200, "text/plain", 300000);
    if (result >= 0)
        result = goevd_http_write_shared(r, memory, 300000, free_shared, memory);
    if (result < 0)
        free(memory);
    return result < 0 ? result : goevd_http_end(r);
}

/* Its client, and its id. */
static int
reply_mark(struct goevd_http_request *r)
{
    struct goevd_str id = goevd_http_log_id(r);
    struct sockaddr_storage client;
    socklen_t len = goevd_http_client_address(r, &client);
    char host[64] = "?", text[256];
    int n;

    if (client.ss_family == AF_UNIX)
        strcpy(host, "unix");
    else
        getnameinfo((const struct sockaddr *)&client, len, host, sizeof(host), NULL, 0,
                    NI_NUMERICHOST);
    n = snprintf(text, sizeof(text), "%s %.*s", host, (int)id.len, id.len == 0 ? "" : id.data);
    return goevd_http_reply(r, 200, NULL, text, (size_t)n);
}

static int
reply_trace(struct goevd_http_request *r)
{
    bool continued;
    struct goevd_str trace = goevd_http_traceparent(r, &continued);
    char text[128];
    int n = snprintf(text, sizeof(text), "%.*s %s", (int)trace.len, trace.len ? trace.data : "",
                     continued ? "continued" : "new");

    return goevd_http_reply(r, 200, NULL, text, (size_t)n);
}

/* ---- Requests -------------------------------------------------------------------------------- */

static int
reply_with(struct goevd_http_request *r, struct goevd_str what)
{
    if (is(what, "user"))
        return goevd_http_reply(r, 200, NULL, goevd_http_user(r).data, goevd_http_user(r).len);
    if (is(what, "mark"))
        return reply_mark(r);
    if (is(what, "trace"))
        return reply_trace(r);
    if (is(what, "shared-long"))
        return reply_shared(r);
    if (is(what, "none"))
        return goevd_http_reply(r, 204, NULL, "ignored", 7);
    if (is(what, "same"))
        return goevd_http_reply(r, 304, NULL, "", 0);
    if (is(what, "reset"))
        return goevd_http_reply(r, 205, NULL, "ignored", 7);
    if (is(what, "headers")) {
        if (goevd_http_add_header(r, "X-Answer", "42") < 0 ||
            goevd_http_add_header_bytes(r, "X-Empty", "", 0) < 0)
            return -EIO;
        return goevd_http_reply(r, 404, "text/plain", "gone", 4);
    }
    if (is(what, "refused-headers")) {
        static const char *const bad[][2] = {{"X y", "1"},
                                             {"", "1"},
                                             {"X", "a\r\nb"},
                                             {"X", " a"},
                                             {"Content-Length", "1"},
                                             {"transfer-encoding", "chunked"},
                                             {"Connection", "close"},
                                             {"Date", "now"}};

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
            if (goevd_http_add_header(r, bad[i][0], bad[i][1]) != -EINVAL)
                return -EIO;
        if (goevd_http_add_header_bytes(r, "X", "a\0b", 3) != -EINVAL ||
            goevd_http_reply(r, 99, NULL, "", 0) != -EINVAL ||
            goevd_http_reply(r, 600, NULL, "", 0) != -EINVAL ||
            goevd_http_reply(r, 200, "a\nb", "", 0) != -EINVAL ||
            goevd_http_interim(r, 100) != -EINVAL || goevd_http_interim(r, 101) != -EINVAL)
            return -EIO;
        goevd_http_reply(r, 200, NULL, "fine", 4);
        if (goevd_http_reply(r, 200, NULL, "", 0) != -EPIPE ||
            goevd_http_add_header(r, "X", "y") != -EPIPE || goevd_http_next(r) != -EPIPE)
            abort();
        return 0;
    }
    if (is(what, "hints")) {
        goevd_http_add_header(r, "Link", "</a.css>; rel=preload");
        goevd_http_interim(r, 103);
        return goevd_http_reply(r, 200, "text/plain", "hinted", 6);
    }
    return 1;
}

static int
write_all(struct goevd_http_request *r, struct state *s, struct probe *p, struct goevd_str what)
{
    if (is(what, "chunks")) {
        goevd_http_start(r, 200, "text/plain", GOEVD_HTTP_LENGTH_UNKNOWN);
        goevd_http_write(r, "one ", 4);
        goevd_http_write(r, "", 0);
        goevd_http_write(r, "two", 3);
        if (goevd_http_version(r) != GOEVD_HTTP_1_0 &&
            (goevd_http_trailer(r, "X-Sum", "7") < 0 ||
             goevd_http_trailer(r, "Content-Length", "7") != -EINVAL))
            return -EIO;
        return goevd_http_end(r);
    }
    if (is(what, "sized")) {
        goevd_http_start(r, 200, "text/plain", 7);
        goevd_http_write(r, "one ", 4);
        if (goevd_http_trailer(r, "X-Sum", "7") != -ENOTSUP)
            return -EIO;
        goevd_http_write(r, "two", 3);
        return goevd_http_end(r);
    }
    if (is(what, "short")) {
        goevd_http_start(r, 200, "text/plain", 8);
        goevd_http_write(r, "one", 3);
        return goevd_http_end(r);
    }
    if (is(what, "over")) {
        goevd_http_start(r, 200, "text/plain", 3);
        goevd_http_write(r, "one", 3);
        return goevd_http_write(r, "x", 1) == -EMSGSIZE ? 0 : -EIO;
    }
    if (is(what, "long") || is(what, "long-chunks")) {
        s->to_send = 4000000;
        goevd_http_start(r, 200, "text/plain",
                         is(what, "long") ? s->to_send : GOEVD_HTTP_LENGTH_UNKNOWN);
        return go_on(r, s);
    }
    if (is(what, "large")) { /* more than may be queued, in one piece */
        size_t len = 4000000;
        char *body = malloc(len);
        int result;

        if (body == NULL)
            return -ENOMEM;
        memset(body, 'y', len);
        result = goevd_http_reply(r, 200, "text/plain", body, len);
        free(body);
        return result;
    }
    if (is(what, "file") || is(what, "file-chunks")) {
        goevd_http_start(r, 200, "text/plain", is(what, "file") ? 14 : GOEVD_HTTP_LENGTH_UNKNOWN);
        goevd_http_write(r, "<", 1);
        goevd_http_write_file(r, p->fd, 2, 5, released, p);
        goevd_http_write_shared(r, "|shared", 7, released, p);
        goevd_http_write(r, ">", 1);
        return goevd_http_end(r);
    }
    return 1;
}

static int
begin_body(struct goevd_http_request *r, struct goevd_str what)
{
    struct goevd_str none;

    if (is(what, "gather"))
        return goevd_http_read(r, 0, GOEVD_HTTP_GATHER);
    if (is(what, "trailers") && !goevd_http_trailer_at(r, 0, &none, &none))
        return goevd_http_read(r, 0, 0);
    if (is(what, "count") || is(what, "sip") || is(what, "early") || is(what, "bad-body"))
        return goevd_http_read(r, 0, 0);
    if (is(what, "ten"))
        return goevd_http_read(r, 10, GOEVD_HTTP_GATHER);
    if (is(what, "twice")) {
        int first = goevd_http_read(r, 0, 0);

        return first < 0 ? first : goevd_http_read(r, 0, 0) == -EINVAL ? 0 : -EIO;
    }
    if (is(what, "echo-stream")) {
        goevd_http_start(r, 200, "text/plain", GOEVD_HTTP_LENGTH_UNKNOWN);
        return goevd_http_read(r, 0, 0);
    }
    return 1;
}

static int
probe_request(struct goevd_http_request *r, void *state)
{
    struct probe *p = goevd_http_instance(r);
    struct goevd_str what = goevd_http_param(r, "id");
    int result;

    if (is(what, "wait"))
        return 0;
    if (is(what, "wordless"))
        return goevd_http_reply(r, 403, NULL, NULL, 0);
    if (is(what, "fail"))
        return -EIO;
    if (is(what, "abort")) {
        goevd_http_abort(r);
        return 0;
    }
    if (is(what, "next")) {
        goevd_http_add_header(r, "X-Passed", p->options->name.data);
        return goevd_http_next(r);
    }
    if (is(what, "timer"))
        return goevd_http_timer(r, 10000000);
    if (is(what, "job") || is(what, "call") || is(what, "send") || is(what, "slow"))
        return by_id(r, p, what);
    if (is(what, "upgrade")) {
        if (!goevd_http_wants_upgrade(r, "probe"))
            return goevd_http_upgrade_required(r, "probe");
        goevd_http_add_header(r, "X-Answer", "42");
        if (goevd_http_upgrade(r, "probe", p->options->stream, what.data, 1) != -EINVAL)
            return -EIO; /* the state of echo has no byte */
        return goevd_http_upgrade(r, "probe", p->options->stream, NULL, 0);
    }
    if (is(what, "upgrade-here"))
        return goevd_http_upgrade(r, "probe", NULL, NULL, 0) == -ENOTSUP
                   ? goevd_http_reply(r, 200, NULL, "no", 2)
                   : -EIO;
    if (is(what, "tls"))
        return show_tls(r, state);
    result = reply_with(r, what);
    if (result == 1)
        result = write_all(r, state, p, what);
    if (result == 1)
        result = begin_body(r, what);
    return result == 1 ? show(r, state) : result;
}

static void
probe_close(struct goevd_http_request *r, void *state, enum goevd_http_reason reason)
{
    struct probe *p = goevd_http_instance(r);
    struct goevd_str path = goevd_http_path(r);
    struct state *s = state;

    goevd_log(p->self, GOEVD_LOG_INFO, "%s: %.*s is over: %d", p->options->name.data, (int)path.len,
              path.data, (int)reason);
    free(s->text);
}

/* ---- The plugin ------------------------------------------------------------------------------ */

static int
probe_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct probe *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return -ENOMEM;
    *p = (struct probe){.self = self, .options = options, .fd = -1};
    if (p->options->file.data != NULL)
        p->fd = open(p->options->file.data, O_RDONLY | O_CLOEXEC);
    *ret_instance = p;
    return 0;
}

static void
probe_destroy(void *instance)
{
    struct probe *p = instance;

    if (p != NULL && p->fd >= 0)
        close(p->fd);
    free(p);
}

static int
probe_poller_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    static int local = 4711;

    (void)instance, (void)poller;
    *ret_local = &local;
    return 0;
}

static const void *
probe_interface(const char *id)
{
    static const struct goevd_http_handler handler = {
        .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
        .request_size = sizeof(struct state),
        .http = &goevd_http,
        .on_request = probe_request,
        .on_body = probe_body,
        .on_drained = probe_drained,
        .on_timeout = probe_timeout,
        .on_close = probe_close,
    };

    return strcmp(id, GOEVD_HTTP) == 0 ? &handler : NULL;
}

GOEVD_PLUGIN(.name = "http_probe", .description = "runs commands of a test",
             .options = &probe_schema, .create = probe_create, .destroy = probe_destroy,
             .poller_start = probe_poller_start, .interface = probe_interface);
