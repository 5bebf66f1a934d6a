#include "download/bytes/clients.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

void
dl_clients_init(struct dl_clients *clients, uint64_t key)
{
    clients->key = key;
    for (unsigned i = 0; i < DL_CLIENTS_STRIPES; i++)
        pthread_mutex_init(&clients->stripes[i].lock, NULL);
}

static void
dl_clients_fini_list(struct dl_client *client)
{
    while (client) {
        struct dl_client *next = client->next;

        free(client);
        client = next;
    }
}

void
dl_clients_fini(struct dl_clients *clients)
{
    for (unsigned i = 0; i < DL_CLIENTS_STRIPES; i++) {
        for (unsigned n = 0; n < DL_CLIENTS_LISTS; n++)
            dl_clients_fini_list(clients->stripes[i].lists[n]);
        pthread_mutex_destroy(&clients->stripes[i].lock);
    }
}

/* ---- Addresses ------------------------------------------------------------------------------- */

/* The part of an address that identifies the client, and its family. */
static uint64_t
dl_clients_prefix(const struct sockaddr_storage *address, sa_family_t *ret_family)
{
    const struct in6_addr *in6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
    uint64_t prefix = 0;

    *ret_family = address->ss_family;
    if (address->ss_family == AF_INET) {
        memcpy(&prefix, &((const struct sockaddr_in *)address)->sin_addr, 4);
    } else if (address->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(in6)) {
        *ret_family = AF_INET;
        memcpy(&prefix, &in6->s6_addr[12], 4);
    } else if (address->ss_family == AF_INET6) {
        memcpy(&prefix, in6, 8);
    } else {
        *ret_family = AF_UNSPEC;
    }
    return prefix;
}

static struct dl_clients_stripe *
dl_clients_find_stripe(struct dl_clients *clients, uint64_t prefix, struct dl_client ***ret_list)
{
    uint64_t hash = (prefix ^ clients->key) * UINT64_C(0x9e3779b97f4a7c15);
    struct dl_clients_stripe *stripe;

    hash = (hash ^ hash >> 32 ^ clients->key) * UINT64_C(0x9e3779b97f4a7c15);
    stripe = &clients->stripes[hash >> 58];
    *ret_list = &stripe->lists[hash >> 50 & (DL_CLIENTS_LISTS - 1)];
    return stripe;
}

/* ---- Idle clients ---------------------------------------------------------------------------- */

static void
dl_clients_idle_add(struct dl_clients_stripe *stripe, struct dl_client *client)
{
    client->older = stripe->newest;
    client->newer = NULL;
    *(stripe->newest ? &stripe->newest->newer : &stripe->oldest) = client;
    stripe->newest = client;
    stripe->idle++;
}

static void
dl_clients_idle_remove(struct dl_clients_stripe *stripe, struct dl_client *client)
{
    *(client->newer ? &client->newer->older : &stripe->newest) = client->older;
    *(client->older ? &client->older->newer : &stripe->oldest) = client->newer;
    stripe->idle--;
}

/* Whether the client's bucket is full again, so that a new client in its place would get no
 * advantage. */
static bool
dl_clients_is_forgotten(const struct dl_client *client, int64_t now_ns)
{
    int64_t free_ns = atomic_load_explicit(&client->bucket.free_ns, memory_order_relaxed);
    int64_t burst_ns = atomic_load_explicit(&client->burst_ns, memory_order_relaxed);

    return free_ns == 0 || now_ns - free_ns > burst_ns;
}

static void
dl_clients_forget_oldest(struct dl_clients *clients, struct dl_clients_stripe *stripe)
{
    struct dl_client *client = stripe->oldest, **at;

    dl_clients_find_stripe(clients, client->prefix, &at);
    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    dl_clients_idle_remove(stripe, client);
    free(client);
}

/* ---- References ------------------------------------------------------------------------------ */

static struct dl_client *
dl_clients_find(struct dl_clients_stripe *stripe, struct dl_client **list, uint64_t prefix,
                sa_family_t family)
{
    struct dl_client *client = *list;

    while (client && (client->prefix != prefix || client->family != family))
        client = client->next;
    if (client && client->users == 0)
        dl_clients_idle_remove(stripe, client);
    if (client)
        return client;
    client = calloc(1, sizeof(*client));
    if (!client)
        return NULL;
    client->prefix = prefix;
    client->family = family;
    client->next = *list;
    *list = client;
    return client;
}

struct dl_client *
dl_clients_take(struct dl_clients *clients, const struct sockaddr_storage *address)
{
    sa_family_t family;
    uint64_t prefix = dl_clients_prefix(address, &family);
    struct dl_client **list, *client;
    struct dl_clients_stripe *stripe = dl_clients_find_stripe(clients, prefix, &list);

    pthread_mutex_lock(&stripe->lock);
    client = dl_clients_find(stripe, list, prefix, family);
    if (client)
        client->users++;
    pthread_mutex_unlock(&stripe->lock);
    return client;
}

void
dl_clients_leave(struct dl_clients *clients, struct dl_client *client, int64_t now_ns)
{
    struct dl_clients_stripe *stripe;
    struct dl_client **list;

    if (!client)
        return;
    stripe = dl_clients_find_stripe(clients, client->prefix, &list);
    pthread_mutex_lock(&stripe->lock);
    if (--client->users == 0)
        dl_clients_idle_add(stripe, client);
    while (stripe->oldest &&
           (stripe->idle > DL_CLIENTS_IDLE || dl_clients_is_forgotten(stripe->oldest, now_ns)))
        dl_clients_forget_oldest(clients, stripe);
    pthread_mutex_unlock(&stripe->lock);
}
