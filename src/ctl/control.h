/* The control socket: a client sends one line and gets one reply. No call here waits: a client that
 * does not send, or does not read, delays no other client and is closed in time.
 *
 * A reply is `ok LENGTH` and so many bytes, or `error SENTENCE`, perhaps with more lines behind it.
 * A reply of unknown length is `parts`, and for each part `LENGTH` and so many bytes, until a
 * length is 0. The next part is made when the client's socket has taken the one before it.
 *
 * The supervisor listens and passes to the worker, with the request, the client that only the
 * worker can answer; so both have one of these, and the worker's does not listen unless it is
 * alone.
 */
#pragma once

#include <poll.h>
#include <stdio.h>

#include "net/accept/listen.h"

#define CONTROL_CLIENTS_MAX 16
#define CONTROL_HELD_MAX 12      /* clients that may be held: the others' places are for `status` */
#define CONTROL_REQUEST_MAX 1024 /* bytes, without the newline */
#define CONTROL_CLIENT_NS (2 * NS_PER_S) /* to ask, and again to read each part of the reply */
#define CONTROL_PATH_MAX 107             /* unix(7) */
#define CONTROL_FDS (1 + CONTROL_CLIENTS_MAX)

/* Where the parts of a reply come from; embedded in its owner. */
struct control_source {
    /* Write the next part, which may be empty. 1: more follow; 0: that was the last; negative: it
     * cannot go on, and the client is closed. */
    int (*next)(struct control_source *s, FILE *out);
    void (*free)(struct control_source *s);
};

struct control_client {
    int fd;               /* -1: free */
    uint64_t deadline_ns; /* 0: none */
    unsigned held;        /* the event that it waits for; 0: none */
    char request[CONTROL_REQUEST_MAX + 1];
    size_t request_len;
    char *reply; /* NULL until there is one */
    size_t reply_len;
    size_t reply_sent;
    struct control_source *source; /* of the parts that follow; NULL: none */
};

/* It answers by control_reply(), control_stream() or control_refuse(), takes the fd with
 * control_take(), or lets the client wait with control_hold(). */
typedef void (*control_request_fn)(struct control_client *client, const char *request, void *arg);

struct control_socket {
    int fd; /* listens; -1: does not */
    struct address address;
    struct listen_file file; /* at that address */
};

struct control {
    struct control_socket socket;
    uint64_t paused_ns; /* 0, or until when no client is accepted */
    control_request_fn on_request;
    void *arg;
    struct control_client clients[CONTROL_CLIENTS_MAX];
};

void control_init(struct control *c, control_request_fn on_request, void *arg);

/* Listen at this path and no longer at another; "": nowhere. Its file is for its owner alone. */
int control_open(struct control *c, const char *path, struct err *reterr);

/* The same in parts, for a caller that may not wait for the path. [any thread] Whether it listens
 * there and its file has not gone; and listen. */
bool control_is_at(const struct control_socket *socket, const char *path);
int control_listen(const char *path, struct control_socket *ret, struct err *reterr);

/* Listen no more, and remove the file. Clients get their replies. */
void control_close(struct control *c);

void control_fini(struct control *c);

/* Reply to a client that another process has accepted. It owns fd now. */
void control_adopt(struct control *c, int fd, const char *request);

/* Fill in CONTROL_FDS entries for poll(2), and handle its result. */
void control_poll(struct control *c, struct pollfd *ret_fds);
void control_handle(struct control *c, const struct pollfd *fds);

/* When control_handle() is due without any event; 0: never. */
uint64_t control_due_ns(const struct control *c);

/* Within on_request. The text is copied; the source is the client's from now on. */
void control_reply(struct control_client *client, const char *text, size_t len);
void control_stream(struct control_client *client, struct control_source *source);
void control_refuse(struct control_client *client, const char *format, ...) PRINTF(2, 3);
int control_take(struct control_client *client);

/* Within on_request: it is answered later, with all others that wait for the same, a number of the
 * caller's above 0. A client that goes away meanwhile is forgotten. After timeout_ns it is refused;
 * 0: never. False: CONTROL_HELD_MAX are held, and it has been refused; with timeout_ns 0 that never
 * happens. */
bool control_hold(struct control *c, struct control_client *client, unsigned what,
                  uint64_t timeout_ns);
void control_reply_held(struct control *c, unsigned what, const char *text, size_t len);
void control_refuse_held(struct control *c, unsigned what, const char *format, ...) PRINTF(3, 4);
