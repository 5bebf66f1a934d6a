/* Between the host_*.c files: how public pointers become the host's own. */
#pragma once

#include <assert.h>

#include "net/conn.h"
#include "plug/plugins.h"

static inline struct conn *
host_conn(struct goevd_conn *public)
{
    struct conn *c = (struct conn *)public;

    assert(c->service->net->poller == poller_current);
    return c;
}

static inline struct poller *
host_poller(struct goevd_poller *public)
{
    struct poller *p = (struct poller *)public;

    assert(p == poller_current);
    return p;
}

static inline struct instance *
host_self(struct goevd_self *self)
{
    return (struct instance *)self;
}
