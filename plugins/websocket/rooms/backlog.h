/* The backlog of a connection: publications that wait while its output queue is full. */
#pragma once

#include "websocket/rooms/publication.h"

struct ws_member;
struct ws_waiting;

/* Room state of a connection that has joined a room, or was too slow. */
struct ws_subscriber {
    struct ws_member *members;
    int64_t count; /* number of waiting publications */
    struct ws_waiting *first, **last;
    int64_t bytes; /* their bytes */
    int64_t max;   /* limit of `bytes` */
    int slow;      /* enum goevd_websocket_slow */
};

#define WS_WAITING_COST 64 /* overhead of a waiting publication, in bytes */

/* The subscriber of a connection, allocated if necessary. NULL: out of memory. */
struct ws_subscriber *ws_backlog_subscriber(struct goevd_websocket_conn *w);

/* Implements goevd_websocket_set_slow(). */
int ws_backlog_set_slow(struct goevd_websocket_conn *w, int slow, size_t max);

/* Send a publication, append it to the backlog, or apply the policy for slow connections. */
void ws_backlog_deliver(struct goevd_websocket_conn *w, struct ws_publication *p);

/* Free the subscriber: the connection has left all rooms. */
void ws_backlog_free(struct goevd_websocket_conn *w);

/* The output queue has drained: send the backlog. Returns whether the backlog is empty, so that the
 * application may write. */
bool ws_backlog_drained(struct goevd_websocket_conn *w);

/* A message in parts has ended: send the backlog. */
void ws_backlog_resume(struct goevd_websocket_conn *w);
