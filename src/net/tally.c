#include "net/tally.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "base/util.h"

#define TALLY_STRIPES 64
#define TALLY_LISTS 256 /* of each */

/* An address that has connections. */
struct tally_entry {
    struct tally_entry *next;
    uint64_t address;
    sa_family_t family;
    unsigned count;
};

struct tally_stripe {
    _Alignas(64) pthread_mutex_t lock;
    struct tally_entry *lists[TALLY_LISTS];
};

struct tally {
    uint64_t key; /* secret, so that clients cannot choose addresses that share a list */
    struct tally_stripe stripes[TALLY_STRIPES];
};

int
tally_new(struct tally **ret)
{
    struct tally *t = aligned_alloc(64, sizeof(*t));

    static_assert(sizeof(*t) % 64 == 0, "as aligned_alloc(3) wants it");
    if (!t)
        return -ENOMEM;
    memset(t, 0, sizeof(*t));
    if (getrandom(&t->key, sizeof(t->key), 0) < 0) {
        free(t);
        return -errno;
    }
    for (unsigned i = 0; i < TALLY_STRIPES; i++)
        pthread_mutex_init(&t->stripes[i].lock, NULL);
    *ret = t;
    return 0;
}

void
tally_free(struct tally *t)
{
    if (!t)
        return;
    for (unsigned i = 0; i < TALLY_STRIPES; i++) {
        for (unsigned n = 0; n < TALLY_LISTS; n++)
            while (t->stripes[i].lists[n]) {
                struct tally_entry *e = t->stripes[i].lists[n];

                t->stripes[i].lists[n] = e->next;
                free(e);
            }
        pthread_mutex_destroy(&t->stripes[i].lock);
    }
    free(t);
}

/* Whose it is, and the family that it counts as. */
static uint64_t
tally_address(const struct sockaddr *sa, sa_family_t *ret_family)
{
    union {
        const struct sockaddr *sa;
        const struct sockaddr_in *in;
        const struct sockaddr_in6 *in6;
    } of = {.sa = sa};
    uint64_t address = 0;

    *ret_family = sa->sa_family;
    if (sa->sa_family == AF_INET) {
        memcpy(&address, &of.in->sin_addr, 4);
    } else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&of.in6->sin6_addr)) {
        *ret_family = AF_INET;
        memcpy(&address, &of.in6->sin6_addr.s6_addr[12], 4);
    } else if (sa->sa_family == AF_INET6) {
        memcpy(&address, &of.in6->sin6_addr, 8);
    }
    return address;
}

/* Its list, locked. */
static struct tally_stripe *
tally_lock(struct tally *t, uint64_t address, struct tally_entry ***ret_list)
{
    uint64_t hash = (address ^ t->key) * UINT64_C(0x9e3779b97f4a7c15);
    struct tally_stripe *stripe;

    hash = (hash ^ hash >> 32 ^ t->key) * UINT64_C(0x9e3779b97f4a7c15);
    stripe = &t->stripes[hash >> 58];
    pthread_mutex_lock(&stripe->lock);
    *ret_list = &stripe->lists[hash >> 50 & (TALLY_LISTS - 1)];
    return stripe;
}

static struct tally_entry **
tally_find(struct tally_entry **at, uint64_t address, sa_family_t family)
{
    while (*at && ((*at)->address != address || (*at)->family != family))
        at = &(*at)->next;
    return at;
}

static int
tally_add_to(struct tally_entry **at, uint64_t address, sa_family_t family, unsigned max)
{
    if (*at && (*at)->count >= max)
        return -EAGAIN;
    if (!*at) {
        *at = calloc(1, sizeof(**at));
        if (!*at)
            return -ENOMEM;
        (*at)->address = address;
        (*at)->family = family;
    }
    (*at)->count++;
    return 0;
}

int
tally_add(struct tally *t, const struct sockaddr *peer, unsigned max)
{
    sa_family_t family;
    uint64_t address = tally_address(peer, &family);
    struct tally_entry **list;
    struct tally_stripe *stripe = tally_lock(t, address, &list);
    int r = tally_add_to(tally_find(list, address, family), address, family, max);

    pthread_mutex_unlock(&stripe->lock);
    return r;
}

void
tally_drop(struct tally *t, const struct sockaddr *peer)
{
    sa_family_t family;
    uint64_t address = tally_address(peer, &family);
    struct tally_entry **list, **at, *e;
    struct tally_stripe *stripe = tally_lock(t, address, &list);

    at = tally_find(list, address, family);
    e = *at;
    assert(e && e->count > 0);
    if (--e->count == 0) {
        *at = e->next;
        free(e);
    }
    pthread_mutex_unlock(&stripe->lock);
}
