/* One instance of the http plugin with a few routes, and one connection to it. */
#pragma once

#include "http/h1/local.h"
#include "unit/http/http_host.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define HEADER_TIMEOUT UINT64_C(10000000000)
#define BODY_TIMEOUT UINT64_C(30000000000)

struct http_fixture {
    struct http_host host;
    struct goevd_conn c;
    struct http_options options;
};

/* What /large answers. */
extern char http_fixture_long_body[20000];

struct http_options http_fixture_options(void);
struct http_fixture *http_fixture_begin(void);
struct http_fixture *http_fixture_begin_with(struct http_options options);
void http_fixture_end(struct http_fixture *f);

void http_fixture_send(struct http_fixture *f, const char *text);

/* How often a text occurs in the output. */
unsigned http_fixture_sent(const struct http_fixture *f, const char *text);

const struct http_h1_local *http_fixture_local(const struct http_fixture *f);

/* How many requests got that verdict. */
uint64_t http_fixture_refused(const struct http_fixture *f, int verdict);
