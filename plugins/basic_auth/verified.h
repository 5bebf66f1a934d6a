/* A poller's cache of verified names and passwords. It stores MACs under a key of this process, so
 * that no password stays in memory. Its size is fixed: a new entry replaces the least recently used
 * of four. */
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

/* The MAC of a name and a password, or of a name alone if the password is NULL. */
void auth_verified_mac(const uint8_t key[AUTH_VERIFIED_KEY_SIZE], const char *name,
                       const char *password, uint8_t ret[AUTH_VERIFIED_MAC_SIZE]);

/* Make room for `count` entries or a few more; 0: no cache. 0 or -ENOMEM. */
int auth_verified_init(struct auth_verified *v, size_t count);
void auth_verified_fini(struct auth_verified *v);

bool auth_verified_has(struct auth_verified *v, const uint8_t mac[AUTH_VERIFIED_MAC_SIZE]);
void auth_verified_add(struct auth_verified *v, const uint8_t mac[AUTH_VERIFIED_MAC_SIZE]);
