/* HTTP/1.1: its state on each poller, which http.c creates. */
#pragma once

#include "http/exchange/instance.h"

/* Allocate local->h1. Free it after http_exchange_free_all(). 0; -ENOMEM. */
int http_h1_local_init(struct http_local *local);
void http_h1_local_fini(struct http_local *local);

/* Size of an exchange's link to HTTP/1.1, in bytes. */
size_t http_h1_link_size(void);
