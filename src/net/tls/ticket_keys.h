/* The keys that session tickets are sealed with (RFC 5077, section 4): one process makes them, and
 * all workers read them in shared memory. So sessions are resumed across reloads, crashes and
 * pollers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/util.h"

#define TICKET_KEYS_KEPT 16                 /* the present one, and those before it */
#define TICKET_KEY_AGE_NS (3600 * NS_PER_S) /* between two new keys */

struct ticket_key {
    unsigned char name[16]; /* in clear, in each ticket */
    unsigned char hmac[32];
    unsigned char cipher[32];
};

/* The memory: others only read it. */
struct ticket_page;

/* The maker's. A zeroed one has made none. */
struct ticket_keys {
    int fd; /* a memfd that is sealed against writing, for others */
    struct ticket_page *page;
    uint64_t next_ns; /* when the next key is due */
};

/* Make the memory and the first key. */
int ticket_keys_new(struct ticket_keys *k, uint64_t now_ns, struct err *reterr);

/* Make the next key if it is due. 0; a negative errno: the present key stays. */
int ticket_keys_rotate(struct ticket_keys *k, uint64_t now_ns);

void ticket_keys_fini(struct ticket_keys *k);

/* The memory that another process has made. The fd stays the caller's, and may be closed. */
int ticket_page_map(int fd, const struct ticket_page **ret, struct err *reterr);
void ticket_page_unmap(const struct ticket_page *page);

/* [any thread] Copy the present key. */
void ticket_page_present(const struct ticket_page *page, struct ticket_key *ret);

/* [any thread] Copy the key of that name. False: it is gone, or never was. */
bool ticket_page_find(const struct ticket_page *page, const unsigned char *name,
                      struct ticket_key *ret, bool *ret_present);
