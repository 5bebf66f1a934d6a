#include "basic_auth/verified.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/hmac.h>
#include <nettle/memops.h>

#define WAYS 4

void
auth_verified_mac(const uint8_t key[AUTH_VERIFIED_KEY_SIZE], const char *name, const char *password,
                  uint8_t ret[AUTH_VERIFIED_MAC_SIZE])
{
    struct hmac_sha256_ctx ctx;

    hmac_sha256_set_key(&ctx, AUTH_VERIFIED_KEY_SIZE, key);
    hmac_sha256_update(&ctx, strlen(name) + 1, (const uint8_t *)name);
    if (password)
        hmac_sha256_update(&ctx, strlen(password), (const uint8_t *)password);
    hmac_sha256_digest(&ctx, AUTH_VERIFIED_MAC_SIZE, ret);
    explicit_bzero(&ctx, sizeof(ctx));
}

int
auth_verified_init(struct auth_verified *v, size_t count)
{
    *v = (struct auth_verified){.sets = (count + WAYS - 1) / WAYS};
    if (v->sets == 0)
        return 0;
    v->macs = calloc(v->sets * WAYS, sizeof(*v->macs));
    return v->macs ? 0 : -ENOMEM;
}

void
auth_verified_fini(struct auth_verified *v)
{
    if (v->macs)
        explicit_bzero(v->macs, v->sets * WAYS * sizeof(*v->macs));
    free(v->macs);
    *v = (struct auth_verified){0};
}

static uint8_t (*verified_set(struct auth_verified *v, const uint8_t *mac))[AUTH_VERIFIED_MAC_SIZE]
{
    uint64_t place;

    memcpy(&place, mac, sizeof(place));
    return v->macs + place % v->sets * WAYS;
}

/* Move entry i to the front of its set. */
static void
auth_verified_move(uint8_t (*set)[AUTH_VERIFIED_MAC_SIZE], size_t i, const uint8_t *mac)
{
    uint8_t copy[AUTH_VERIFIED_MAC_SIZE]; /* a copy, because the MAC may lie in the set */

    memcpy(copy, mac, sizeof(copy));
    memmove(set + 1, set, i * sizeof(*set));
    memcpy(set, copy, sizeof(copy));
}

bool
auth_verified_has(struct auth_verified *v, const uint8_t mac[AUTH_VERIFIED_MAC_SIZE])
{
    uint8_t(*set)[AUTH_VERIFIED_MAC_SIZE] = v->sets == 0 ? NULL : verified_set(v, mac);

    for (size_t i = 0; set && i < WAYS; i++)
        if (memeql_sec(set[i], mac, AUTH_VERIFIED_MAC_SIZE)) {
            auth_verified_move(set, i, mac);
            return true;
        }
    return false;
}

void
auth_verified_add(struct auth_verified *v, const uint8_t mac[AUTH_VERIFIED_MAC_SIZE])
{
    if (v->sets != 0 && !auth_verified_has(v, mac))
        auth_verified_move(verified_set(v, mac), WAYS - 1, mac);
}
