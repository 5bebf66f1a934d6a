/* Names and passwords that were verified on this poller: only their MAC is kept, whose key this
 * process alone has, so that none is in memory. A fixed number; of four that have the same place
 * the one that was not asked for the longest gives way. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "basic_auth/credentials.h"

#define AUTH_VERIFIED_KEY_SIZE 32
#define AUTH_VERIFIED_MAC_SIZE 32

struct auth_verified {
    uint8_t (*macs)[AUTH_VERIFIED_MAC_SIZE];
    size_t sets;
};

/* The MAC of a name and a password, or of a name alone if that is NULL. */
void auth_verified_mac(const uint8_t key[AUTH_VERIFIED_KEY_SIZE], const char *name,
                       const char *password, uint8_t ret[AUTH_VERIFIED_MAC_SIZE]);

/* Room for so many, or some more; 0: none is kept. 0 or -ENOMEM. */
int auth_verified_init(struct auth_verified *v, size_t count);
void auth_verified_fini(struct auth_verified *v);

bool auth_verified_has(struct auth_verified *v, const uint8_t mac[AUTH_VERIFIED_MAC_SIZE]);
void auth_verified_add(struct auth_verified *v, const uint8_t mac[AUTH_VERIFIED_MAC_SIZE]);
