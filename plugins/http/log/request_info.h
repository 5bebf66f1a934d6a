/* What is known of a request beside what it says itself, where an option asks for it: when it
 * began, for whom it is, and by which name it is told in logs.
 *
 * Where one does every request has HTTP_MARKED, which takes it off the shortest way; where none
 * does, nothing of this is ever called. */
#pragma once

#include "http/log/forwarded.h"
#include "http/options.h"

#define MARK_ID_MAX 128

struct mark {
    uint64_t begun_ns; /* 0: it is none */
    union forwarded_address client;
    uint8_t id_len; /* 0: it has none */
    char id[MARK_ID_MAX];
};

struct goevd_conn;
struct http;
struct http_local;
struct turn;

/* Who may tell us something. */
struct mark_trust {
    struct goevd_network *networks;
    size_t count;
};

/* Parse the networks of the options, and see whether requests are to be marked. 0; -EINVAL after
 * goevd_refuse(); -ENOMEM. mark_fini() in either case. */
int mark_init(struct http *http);
void mark_fini(struct http *http);

/* On this poller. 0; -errno of getrandom(2). */
int mark_local_init(struct http_local *local);

/* Let local->mark be that of the request whose head is good. */
void mark_begin(struct http_local *local, struct goevd_conn *c);

/* What lies there is no request. */
void mark_begin_none(struct http_local *local);

/* That of whatever is being answered in this turn, also where it is no request. */
const struct mark *mark_of(struct turn *t);

void mark_copy(struct mark *to, const struct mark *from);

static inline struct span
mark_id(const struct mark *mark)
{
    return (struct span){mark->id, mark->id_len};
}
