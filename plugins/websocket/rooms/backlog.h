/* What is published to a connection while its queue is full. */
#pragma once

#include "websocket/rooms/publication.h"

struct ws_member;
struct ws_waiting;

/* What a connection has once it is in a room, or could not keep up. */
struct ws_subscriber {
    struct ws_member *members;
    int64_t count; /* of them */
    struct ws_waiting *first, **last;
    int64_t bytes; /* of what waits */
    int64_t max;   /* of that */
    int slow;      /* enum goevd_websocket_slow */
};

#define WS_WAITING_COST 64 /* bytes that a message counts beside its own */

/* That of a connection, made if it has none; NULL without memory. */
struct ws_subscriber *ws_backlog_subscriber(struct goevd_websocket_conn *w);

/* As goevd_websocket_set_slow(). */
int ws_backlog_set_slow(struct goevd_websocket_conn *w, int slow, size_t max);

/* Queue what was published, keep it, or do with the connection as is said of who is slow. */
void ws_backlog_deliver(struct goevd_websocket_conn *w, struct ws_publication *p);

/* The connection is in no room any more. */
void ws_backlog_free(struct goevd_websocket_conn *w);

/* The socket has taken most: send what has waited. Returns whether nothing of that stands between
 * the application and the peer. */
bool ws_backlog_drained(struct goevd_websocket_conn *w);

/* A message that went out part by part has ended: send what has waited for that. */
void ws_backlog_resume(struct goevd_websocket_conn *w);
