#include "basic_auth/verified.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/hmac.h>
#include <nettle/memops.h>

#define WAYS 4

void
verified_mac(const uint8_t key[VERIFIED_KEY_SIZE], const char *name, const char *password,
             uint8_t ret[VERIFIED_MAC_SIZE])
{
    struct hmac_sha256_ctx ctx;

    hmac_sha256_set_key(&ctx, VERIFIED_KEY_SIZE, key);
    hmac_sha256_update(&ctx, strlen(name) + 1, (const uint8_t *)name);
    if (password != NULL)
        hmac_sha256_update(&ctx, strlen(password), (const uint8_t *)password);
    hmac_sha256_digest(&ctx, VERIFIED_MAC_SIZE, ret);
    explicit_bzero(&ctx, sizeof(ctx));
}

int
verified_init(struct verified *v, size_t count)
{
    *v = (struct verified){.sets = (count + WAYS - 1) / WAYS};
    if (v->sets == 0)
        return 0;
    v->macs = calloc(v->sets * WAYS, sizeof(*v->macs));
    return v->macs == NULL ? -ENOMEM : 0;
}

void
verified_fini(struct verified *v)
{
    if (v->macs != NULL)
        explicit_bzero(v->macs, v->sets * WAYS * sizeof(*v->macs));
    free(v->macs);
    *v = (struct verified){0};
}

static uint8_t (*verified_set(struct verified *v, const uint8_t *mac))[VERIFIED_MAC_SIZE]
{
    uint64_t place;

    memcpy(&place, mac, sizeof(place));
    return v->macs + place % v->sets * WAYS;
}

/* Put it first, in the place of number i. */
static void
verified_move(uint8_t (*set)[VERIFIED_MAC_SIZE], size_t i, const uint8_t *mac)
{
    uint8_t copy[VERIFIED_MAC_SIZE]; /* it may be in the set */

    memcpy(copy, mac, sizeof(copy));
    memmove(set + 1, set, i * sizeof(*set));
    memcpy(set, copy, sizeof(copy));
}

bool
verified_has(struct verified *v, const uint8_t mac[VERIFIED_MAC_SIZE])
{
    uint8_t(*set)[VERIFIED_MAC_SIZE] = v->sets == 0 ? NULL : verified_set(v, mac);

    for (size_t i = 0; set != NULL && i < WAYS; i++)
        if (memeql_sec(set[i], mac, VERIFIED_MAC_SIZE)) {
            verified_move(set, i, mac);
            return true;
        }
    return false;
}

void
verified_add(struct verified *v, const uint8_t mac[VERIFIED_MAC_SIZE])
{
    if (v->sets != 0 && !verified_has(v, mac))
        verified_move(verified_set(v, mac), WAYS - 1, mac);
}
