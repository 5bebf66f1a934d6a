/* Heartbeats: at regular intervals, a worker that serves sends its load to the supervisor, and the
 * time for which it may be silent. A worker that is stopped or stuck as a whole sends none.
 *
 * The watchdog's thread sends them, because the main thread waits for pollers; where there is no
 * watchdog the main thread does. */
#pragma once

#include "proto/proto.h"
#include "worker/engine.h"

struct heartbeat {
    int fd;                      /* to the supervisor, a copy of its own; -1: there is none */
    const struct engine *engine; /* whose load it is */
    uint64_t timeout_ns;         /* hang.timeout */
    bool abort;                  /* hang.action */
    uint64_t due_ns;             /* when the next is sent */
};

/* 0; a negative errno. `fd` -1: nothing will be sent. */
int heartbeat_init(struct heartbeat *h, int fd, const struct engine *engine, struct err *reterr);

/* Use the values of `hang` from now on. Call it while no other thread sends heartbeats. */
void heartbeat_set(struct heartbeat *h, const struct config_hang *hang);

/* Send one if it is due. */
void heartbeat_time(struct heartbeat *h);

/* Send the last one: no other follows, and that means nothing. */
void heartbeat_fini(struct heartbeat *h);

/* Connections, as the pollers count them; no poller is waited for. */
struct proto_load heartbeat_load(const struct engine *engine);
