/* An exchange over a wire that records its calls: no HTTP/1.1 is linked here. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <goevd/hosting.h>
#include <goevd/metrics.h>
#include <goevd/poller.h>

#include "http/exchange/api.h"
#include "http/exchange/exchange.h"

#define SPAN(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

GOEVD_HTTP_TABLE;

/* ---- The host -------------------------------------------------------------------------------- */

struct goevd_self {
    int errors;
};

struct goevd_timer {
    unsigned armed;
};

GOEVD_PRINTF(3, 0)
static void
host_log(struct goevd_self *self, enum goevd_log_level level, const char *format, va_list args)
{
    (void)self, (void)level, (void)format, (void)args;
}

static uint64_t
host_poller_now(struct goevd_poller *poller)
{
    (void)poller;
    return 1;
}

static int
host_timer_arm(struct goevd_timer *timer, uint64_t delay_ns, uint64_t period_ns)
{
    assert_true(delay_ns == 0 && period_ns == 0);
    timer->armed++;
    return 0;
}

#define METRIC_OPEN 1

static void
host_metric_add(struct goevd_self *self, struct goevd_poller *poller, int number, int64_t delta)
{
    (void)poller;
    if (number != METRIC_OPEN)
        self->errors += (int)delta;
}

static void
host_conn_log(struct goevd_conn *c, enum goevd_log_level level, const char *format, va_list args)
{
    (void)c, (void)level, (void)format, (void)args;
}

static int
host_metric_new(struct goevd_self *self, const struct goevd_metric *metric,
                const char *const *values)
{
    (void)self, (void)metric, (void)values;
    return METRIC_OPEN + 1;
}

static const struct goevd_host_metrics host_metrics = {.metric_new = host_metric_new,
                                                       .metric_add = host_metric_add};
static const struct goevd_host host = {
    .log = host_log,
    .conn_log = host_conn_log,
    .poller_now = host_poller_now,
    .timer_arm = host_timer_arm,
    .metrics = &host_metrics,
};
const struct goevd_host *goevd_host = &host;

/* ---- The wire -------------------------------------------------------------------------------- */

struct link {
    struct http_segment segment; /* that waits */
};

static struct {
    char text[4096]; /* each call, one behind the other */
    int result;      /* of content */
    bool full;
    bool whole;
} wire;

GOEVD_PRINTF(1, 2)
static void
said(const char *format, ...)
{
    size_t len = strlen(wire.text);
    va_list args;

    va_start(args, format);
    vsnprintf(wire.text + len, sizeof(wire.text) - len, format, args);
    va_end(args);
}

static enum goevd_http_version
wire_version(const struct http_exchange *x)
{
    (void)x;
    return GOEVD_HTTP_2;
}

static const char *
wire_scheme(const struct http_exchange *x)
{
    (void)x;
    return "https";
}

static int
wire_want(struct http_exchange *x)
{
    (void)x;
    said("want;");
    return 0;
}

static int
wire_interim(struct http_exchange *x, int status, const struct http_buffer *fields)
{
    (void)x;
    said("interim %d %.*s;", status, (int)fields->len, fields->data);
    return 0;
}

static int
wire_head(struct http_exchange *x, const struct http_wire_head *head)
{
    (void)x;
    said("head %d %.*s %.*s%lld;", head->status, (int)head->type.len, head->type.data,
         (int)head->fields->len, head->fields->data, (long long)head->length);
    return 0;
}

static int
wire_content(struct http_exchange *x, const char *data, size_t len)
{
    (void)x;
    said("content %.*s;", (int)len, data);
    return wire.result;
}

static int
wire_segment(struct http_exchange *x, struct http_segment *s)
{
    struct link *link = (struct link *)(void *)x->link;

    if (wire.full)
        return -ENOBUFS;
    said("segment %zu;", s->len);
    link->segment = *s;
    return 1;
}

static int
wire_end(struct http_exchange *x, const struct http_buffer *trailers)
{
    (void)x;
    said("end %.*s;", (int)trailers->len, trailers->data);
    return 0;
}

static bool
wire_room(const struct http_exchange *x)
{
    const struct link *link = (const struct link *)(const void *)x->link;

    return !wire.full && link->segment.len == 0;
}

static bool
wire_takes_trailers(const struct http_exchange *x)
{
    (void)x;
    return true;
}

static int
wire_abort(struct http_exchange *x, int verdict)
{
    (void)x;
    if (wire.full)
        return -ENOBUFS;
    said("abort %s;", verdict == 0 ? "" : http_verdict_name(verdict));
    return 0;
}

static void
wire_done(struct http_exchange *x, bool whole)
{
    (void)x;
    said("done %s;", whole ? "whole" : "broken");
}

static void
wire_drop(struct http_exchange *x)
{
    struct link *link = (struct link *)(void *)x->link;

    if (link->segment.len != 0)
        http_segment_done(&link->segment, -EPIPE);
}

static void
wire_reset(struct http_exchange *x, size_t keep)
{
    (void)keep;
    memset(x->link, 0, sizeof(struct link));
}

static void
wire_run(struct http_exchange *x)
{
    said("run;");
    http_exchange_enter(x);
    (void)http_exchange_advance(x, 0);
}

static int
wire_offer(struct http_exchange *x, const char *protocol, struct http_buffer *fields)
{
    (void)x, (void)protocol, (void)fields;
    return -ENOTSUP;
}

static const struct http_wire recording = {
    .version = wire_version,
    .scheme = wire_scheme,
    .want = wire_want,
    .interim = wire_interim,
    .head = wire_head,
    .content = wire_content,
    .segment = wire_segment,
    .end = wire_end,
    .room = wire_room,
    .takes_trailers = wire_takes_trailers,
    .abort = wire_abort,
    .done = wire_done,
    .drop = wire_drop,
    .reset = wire_reset,
    .run = wire_run,
    .offer = wire_offer,
};

/* ---- A poller with one handler --------------------------------------------------------------- */

static int (*handle)(struct goevd_http_request *r);
static struct {
    size_t take; /* most bytes that it takes of a body at once */
    char body[64];
    unsigned drained;
    int reason; /* of on_close; -1: not yet */
    int released;
} handler;

static int
handler_request(struct goevd_http_request *r, void *state)
{
    (void)state;
    return handle(r);
}

static ptrdiff_t
handler_body(struct goevd_http_request *r, void *state, const char *data, size_t len,
             unsigned flags)
{
    size_t n = MIN(len, handler.take);

    (void)state;
    strncat(handler.body, data, n);
    if (flags & GOEVD_HTTP_LAST && n == len) {
        struct goevd_str name, value;

        if (goevd_http_trailer_at(r, 0, &name, &value))
            strncat(handler.body, value.data, value.len);
        return goevd_http_reply(r, 204, NULL, NULL, 0) < 0 ? -EIO : (ptrdiff_t)n;
    }
    return (ptrdiff_t)n;
}

static int
handler_drained(struct goevd_http_request *r, void *state)
{
    (void)r, (void)state;
    handler.drained++;
    return 0;
}

static void
handler_close(struct goevd_http_request *r, void *state, enum goevd_http_reason reason)
{
    (void)r, (void)state;
    handler.reason = (int)reason;
}

struct fixture {
    struct goevd_self self;
    struct goevd_timer kick;
    struct http_options options;
    struct http http;
    struct http_local local;
    struct goevd_place place;
    uint64_t counts[2 * HTTP_COUNTS_CLASSES];
    struct http_request *req;
    struct http_handler_chain *chain;
    struct http_exchange *x;
};

static struct fixture *
begin(int (*on_request)(struct goevd_http_request *r))
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    memset(&wire, 0, sizeof(wire));
    memset(&handler, 0, sizeof(handler));
    handler.take = SIZE_MAX;
    handler.reason = -1;
    handle = on_request;
    goevd_http = &http_api;
    f->options =
        (struct http_options){.body_max = 1000, .body_timeout_ns = 1000, .error_page_max = 1};
    f->http = (struct http){.self = &f->self, .options = &f->options, .metrics.open = METRIC_OPEN};
    f->http.log = (struct http_log){.self = &f->self, .options = &f->options};
    assert_int_equal(http_routes_init(&f->http.routes, &f->self, &f->options, &http_api), 0);
    f->local = (struct http_local){.http = &f->http,
                                   .place = &f->place,
                                   .counts = f->counts,
                                   .kick = &f->kick,
                                   .log.log = &f->http.log,
                                   .link_size = sizeof(struct link)};
    f->chain = calloc(1, sizeof(*f->chain) + sizeof(f->chain->all[0]));
    assert_non_null(f->chain);
    f->chain->count = 1;
    f->chain->path = (struct http_span)SPAN("/");
    f->chain->all[0] = (struct http_handler){
        .calls = {.on_request = handler_request,
                  .on_body = handler_body,
                  .on_drained = handler_drained,
                  .on_close = handler_close},
        .chain = f->chain,
    };
    f->req = calloc(1, sizeof(*f->req));
    assert_non_null(f->req);
    f->req->path = f->req->target = (struct http_span)SPAN("/");
    f->x = http_exchange_take(&f->local, &recording);
    assert_non_null(f->x);
    f->x->req = f->req;
    f->x->handler = f->chain->all;
    f->x->flags = HTTP_X_WIRE;
    return f;
}

static int
start(struct fixture *f)
{
    return http_exchange_advance(f->x, http_exchange_begin(f->x));
}

static void
end(struct fixture *f)
{
    http_exchange_free_all(&f->local);
    http_routes_fini(&f->http.routes);
    free(f->chain);
    free(f->req);
    free(f);
}

/* ---- Replies --------------------------------------------------------------------------------- */

static int
reply_whole(struct goevd_http_request *r)
{
    struct goevd_str scheme = goevd_http_scheme(r);

    assert_int_equal(goevd_http_version(r), GOEVD_HTTP_2);
    assert_int_equal(scheme.len, strlen("https"));
    assert_memory_equal(scheme.data, "https", scheme.len);
    assert_int_equal(goevd_http_interim(r, 103), 0);
    assert_int_equal(goevd_http_add_header(r, "X-One", "1"), 0);
    return goevd_http_reply(r, 200, "text/plain", "hello", 5);
}

static void
test_wire_reply(void **state)
{
    struct fixture *f = begin(reply_whole);

    (void)state;
    assert_int_equal(start(f), 0);
    assert_string_equal(wire.text, "interim 103 ;head 200 text/plain X-One: 1\r\n5;content hello;"
                                   "done whole;");
    assert_int_equal(handler.reason, GOEVD_HTTP_REASON_DONE);
    end(f);
}

static void
test_wire_content_of_head_is_left_out(void **state)
{
    struct fixture *f = begin(reply_whole);

    (void)state;
    f->x->flags |= HTTP_X_HEAD;
    assert_int_equal(start(f), 0);
    assert_string_equal(wire.text, "interim 103 ;head 200 text/plain X-One: 1\r\n5;done whole;");
    end(f);
}

static int
reply_stream(struct goevd_http_request *r)
{
    assert_int_equal(goevd_http_start(r, 200, NULL, GOEVD_HTTP_LENGTH_UNKNOWN), 0);
    assert_int_equal(goevd_http_write(r, "one", 3), 0);
    assert_int_equal(goevd_http_write(r, "", 0), 0);
    assert_int_equal(goevd_http_write(r, "two", 3), 0);
    assert_int_equal(goevd_http_trailer(r, "X-Sum", "7"), 0);
    return goevd_http_end(r);
}

static void
test_wire_stream_ends_with_trailers(void **state)
{
    struct fixture *f = begin(reply_stream);

    (void)state;
    assert_int_equal(start(f), 0);
    assert_string_equal(wire.text,
                        "head 200  -1;content one;content two;end X-Sum: 7\r\n;done whole;");
    end(f);
}

static int
reply_short(struct goevd_http_request *r)
{
    assert_int_equal(goevd_http_start(r, 200, NULL, 9), 0);
    assert_int_equal(goevd_http_write(r, "one", 3), 0);
    return goevd_http_end(r);
}

static void
test_wire_short_content_is_aborted(void **state)
{
    struct fixture *f = begin(reply_short);

    (void)state;
    assert_int_equal(start(f), 0);
    assert_string_equal(wire.text, "head 200  9;content one;abort ;done broken;");
    assert_int_equal(handler.reason, GOEVD_HTTP_REASON_FAILED);
    assert_int_equal(f->self.errors, 1);
    end(f);
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static int
fail_at_once(struct goevd_http_request *r)
{
    (void)r;
    return -EIO;
}

static void
test_wire_failure_waits_for_room(void **state)
{
    struct fixture *f = begin(fail_at_once);

    (void)state;
    wire.full = true;
    assert_int_equal(start(f), -EBUSY);
    assert_int_equal(handler.reason, -1);
    wire.full = false;
    assert_int_equal(http_exchange_drained(f->x), 0);
    assert_string_equal(wire.text, "abort HANDLER_FAILED;done broken;");
    assert_int_equal(handler.reason, GOEVD_HTTP_REASON_FAILED);
    end(f);
}

static int
wait_for_it(struct goevd_http_request *r)
{
    (void)r;
    return 0;
}

static void
test_wire_runs_what_changed_outside(void **state)
{
    struct fixture *f = begin(wait_for_it);

    (void)state;
    assert_int_equal(start(f), -EBUSY);
    assert_int_equal(f->kick.armed, 0);
    http_exchange_idle(f->x);
    assert_int_equal(goevd_http_reply(http_exchange_public(f->x), 200, NULL, "late", 4), 0);
    assert_int_equal(f->kick.armed, 1);
    http_exchange_kick(&f->kick, &f->local);
    assert_string_equal(wire.text, "head 200  4;content late;run;done whole;");
    end(f);
}

static void
released(void *arg, int result)
{
    (void)arg;
    handler.released = result;
}

static int
reply_shared(struct goevd_http_request *r)
{
    assert_int_equal(goevd_http_start(r, 200, NULL, 10), 0);
    assert_int_equal(goevd_http_write_shared(r, "12345", 5, released, NULL), 1);
    assert_int_equal(goevd_http_write_shared(r, "67890", 5, released, NULL), -ENOBUFS);
    return 0;
}

static void
test_wire_releases_what_is_lost(void **state)
{
    struct fixture *f = begin(reply_shared);

    (void)state;
    assert_int_equal(start(f), -EBUSY);
    http_exchange_gone(f->x, GOEVD_HTTP_REASON_GONE);
    assert_string_equal(wire.text, "head 200  10;segment 5;");
    assert_int_equal(handler.released, -EPIPE);
    assert_int_equal(handler.reason, GOEVD_HTTP_REASON_GONE);
    end(f);
}

static int
reply_until_full(struct goevd_http_request *r)
{
    assert_int_equal(goevd_http_start(r, 200, NULL, GOEVD_HTTP_LENGTH_UNKNOWN), 0);
    wire.result = 1;
    assert_int_equal(goevd_http_write(r, "one", 3), 1);
    wire.full = true;
    assert_int_equal(goevd_http_write(r, "two", 3), -ENOBUFS);
    return 0;
}

static void
test_wire_without_room_is_given_no_more(void **state)
{
    struct fixture *f = begin(reply_until_full);

    (void)state;
    assert_int_equal(start(f), -EBUSY);
    assert_int_equal(handler.drained, 0);
    wire.full = false;
    wire.result = 0;
    assert_int_equal(http_exchange_drained(f->x), -EBUSY);
    assert_int_equal(handler.drained, 1);
    assert_int_equal(goevd_http_end(http_exchange_public(f->x)), 0);
    assert_int_equal(http_exchange_advance(f->x, 0), 0);
    assert_string_equal(wire.text, "head 200  -1;content one;end ;done whole;");
    end(f);
}

/* ---- Bodies ---------------------------------------------------------------------------------- */

static int
read_body(struct goevd_http_request *r)
{
    return goevd_http_read(r, 0, 0);
}

static void
test_wire_gives_a_body_as_it_is_taken(void **state)
{
    struct fixture *f = begin(read_body);

    (void)state;
    f->x->flags |= HTTP_X_BODY;
    assert_int_equal(start(f), 0);
    assert_string_equal(wire.text, "want;");
    handler.take = 2;
    assert_int_equal(http_exchange_body(f->x, "abcd", 4, false), 2);
    assert_false(http_exchange_wants_body(f->x));
    assert_int_equal(http_exchange_advance(f->x, 0), -EBUSY);
    handler.take = SIZE_MAX;
    goevd_http_resume(http_exchange_public(f->x));
    assert_string_equal(wire.text, "want;want;");
    assert_true(http_exchange_wants_body(f->x));
    assert_int_equal(http_exchange_body(f->x, "cd", 2, false), 2);
    assert_int_equal(http_exchange_body_trailers(f->x, "X-Sum: 7\r\n\r\n", 12), 0);
    http_exchange_body_complete(f->x);
    assert_int_equal(http_exchange_advance(f->x, 0), 0);
    assert_string_equal(handler.body, "abcd7");
    assert_string_equal(wire.text, "want;want;head 204  0;done whole;");
    end(f);
}

static void
test_wire_refuses_a_long_body(void **state)
{
    struct fixture *f = begin(read_body);

    (void)state;
    f->req->flags = HTTP_LENGTH;
    f->req->content_length = 1001;
    f->x->flags |= HTTP_X_BODY;
    assert_int_equal(start(f), 0);
    assert_string_equal(wire.text, "abort LARGE_BODY;done broken;");
    assert_int_equal(handler.reason, GOEVD_HTTP_REASON_REFUSED);
    end(f);
}

/* ---- Upgrades -------------------------------------------------------------------------------- */

static int
require_upgrade(struct goevd_http_request *r)
{
    assert_int_equal(goevd_http_upgrade_required(r, "websocket"), -ENOTSUP);
    return goevd_http_reply(r, 501, "text/plain", "no", 2);
}

static void
test_wire_may_know_no_upgrade(void **state)
{
    struct fixture *f = begin(require_upgrade);

    (void)state;
    assert_int_equal(start(f), 0);
    assert_string_equal(wire.text, "head 501 text/plain 2;content no;done whole;");
    end(f);
}

#define TEST(name) cmocka_unit_test(test_wire_##name)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reply),
        TEST(content_of_head_is_left_out),
        TEST(stream_ends_with_trailers),
        TEST(short_content_is_aborted),
        TEST(failure_waits_for_room),
        TEST(runs_what_changed_outside),
        TEST(releases_what_is_lost),
        TEST(without_room_is_given_no_more),
        TEST(gives_a_body_as_it_is_taken),
        TEST(refuses_a_long_body),
        TEST(may_know_no_upgrade),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
