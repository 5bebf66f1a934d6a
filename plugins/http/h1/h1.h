/* HTTP/1.1, as http.c starts it on a poller. */
#pragma once

#include "http/exchange/instance.h"

/* Make local->h1, and later free it: after http_exchange_free_all(). 0; -ENOMEM. */
int http_h1_local_init(struct http_local *local);
void http_h1_local_fini(struct http_local *local);

/* Bytes of an exchange's link to this wire. */
size_t http_h1_link_size(void);
