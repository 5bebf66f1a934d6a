/* The keys of TLS tickets, for all listeners of a worker: the supervisor's, or its own. */
#pragma once

#include "net/tls/ticket_keys.h"
#include "worker/parent.h"
#include "worker/setup.h"

struct tickets {
    const struct ticket_page *page; /* of the supervisor; NULL: there are none */
    struct ticket_keys own;
};

/* Get the keys, if any listener has TLS. 0; a negative errno. */
int tickets_init(struct tickets *t, struct parent *parent, struct setup *setup, struct err *reterr);

/* Make the next of its own keys, if it is due. */
void tickets_time(struct tickets *t, uint64_t now_ns);

/* No poller serves any more. */
void tickets_fini(struct tickets *t);
