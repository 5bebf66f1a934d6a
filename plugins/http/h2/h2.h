/* HTTP/2 (RFC 9113), as http.c starts it on a poller and connection.c on a connection. */
#pragma once

#include <stdbool.h>

#include <goevd/plugin.h>

#include "http/exchange/instance.h"

struct http_h2_conn;

/* Bytes of the connection preface of a client, RFC 9113 section 3.4. */
#define HTTP_H2_PREFACE_LEN 24

extern const char http_h2_preface[HTTP_H2_PREFACE_LEN + 1];

/* Whether this build has HTTP/2. */
extern const bool http_h2_is_built;

/* Make local->h2, and later free it: after http_exchange_free_all(). 0; -ENOMEM. */
int http_h2_local_init(struct http_local *local);
void http_h2_local_fini(struct http_local *local);

/* Bytes of an exchange's link to this wire. */
size_t http_h2_link_size(void);

/* Begin HTTP/2 on a connection whose client has sent the preface, or will. NULL without memory. */
struct http_h2_conn *http_h2_open(struct goevd_conn *c);

/* The callbacks of struct goevd_stream, for a connection that http_h2_open() has begun. */
ptrdiff_t http_h2_on_read(struct http_h2_conn *conn, const char *data, size_t len);
int http_h2_on_eof(struct http_h2_conn *conn);
int http_h2_on_drained(struct http_h2_conn *conn);
int http_h2_on_timeout(struct http_h2_conn *conn, uint64_t cookie);
int http_h2_on_stop(struct http_h2_conn *conn);

/* The last callback; it frees conn. */
void http_h2_on_close(struct http_h2_conn *conn);
