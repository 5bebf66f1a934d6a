/* Names and passwords that were found right on this poller: what is kept of them is a MAC whose key
 * this process alone has, so that none is in memory. A fixed number; of four that have the same
 * place the one that was not asked for the longest gives way. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "basic_auth/credentials.h"

#define VERIFIED_KEY_SIZE 32
#define VERIFIED_MAC_SIZE 32

struct verified {
    uint8_t (*macs)[VERIFIED_MAC_SIZE];
    size_t sets;
};

/* The MAC of a name and a password, or of a name alone if that is NULL. */
void verified_mac(const uint8_t key[VERIFIED_KEY_SIZE], const char *name, const char *password,
                  uint8_t ret[VERIFIED_MAC_SIZE]);

/* Room for so many, or some more; 0: none is kept. 0 or -ENOMEM. */
int verified_init(struct verified *v, size_t count);
void verified_fini(struct verified *v);

bool verified_has(struct verified *v, const uint8_t mac[VERIFIED_MAC_SIZE]);
void verified_add(struct verified *v, const uint8_t mac[VERIFIED_MAC_SIZE]);
