/* A host for the http plugin that records: bytes in, bytes out, no sockets and no loop. */
#pragma once

#include <goevd/plugin.h>

#include "http/options.h"

/* One instance of the plugin on one poller. */
struct http_host {
    const struct goevd_stream *stream;
    void *instance;
    void *local;
};

#define HTTP_HOST_METRICS 4096

struct goevd_self {
    char path[128]; /* of the option that was refused; "": none was */
    char text[512];
    int metrics; /* how many there are, numbered from 1 */
    int64_t counted[HTTP_HOST_METRICS];
};

/* A handler. */
struct goevd_plugin {
    const void *calls; /* its vtable, whatever it is asked for */
    void *instance;
};

struct goevd_timer {
    goevd_timer_fn fn;
    void *arg;
    bool armed;
};

struct goevd_conn {
    struct http_host *host;
    uint64_t state[4];
    char *in; /* bytes that the handler has not consumed; exactly in_len bytes of memory */
    size_t in_len;
    char *out; /* its output since http_conn_clear() */
    size_t out_len;
    size_t out_room;
    size_t reserved;
    size_t high; /* queue length at which writes return 1; 0: never */
    size_t cap;  /* length it cannot pass; 0: none */
    size_t queued;
    size_t in_max; /* bytes that can be kept; 0: no limit */
    uint64_t deadline;
    unsigned deadline_calls;
    unsigned reads;
    unsigned close_flags;
    bool closed;
    bool above; /* a write has returned 1 */
    bool again; /* resumed: on_read is due without new bytes */
};

extern struct goevd_self http_host_self;
extern struct goevd_timer *http_host_timer; /* the last that was made */
extern unsigned http_host_lines;            /* of the access log, that were written */

/* What a config without `routes` would give, and then routes of the test's. */
struct http_options http_host_options(const struct http_options_route *routes, size_t count);

/* Returns 0 or the result of create. */
int http_host_init(struct http_host *host, const struct http_options *options);
void http_host_fini(struct http_host *host);

void http_conn_init(struct goevd_conn *c, struct http_host *host);
void http_conn_fini(struct goevd_conn *c);
void http_conn_clear(struct goevd_conn *c);

/* Bytes come, and the handler is called as long as it makes progress. */
void http_conn_feed(struct goevd_conn *c, const char *data, size_t len);

/* All at once, or cut after every byte, or into pieces of `piece` bytes. */
void http_conn_feed_cut(struct goevd_conn *c, const char *data, size_t len, size_t piece);

void http_conn_eof(struct goevd_conn *c);
void http_conn_drain(struct goevd_conn *c);
