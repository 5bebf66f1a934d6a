/* Included first by every unit test. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/util.h"

/* xorshift64*: the same numbers in every run, so that a failure can be had again. */
struct dice {
    uint64_t x;
};

#define DICE ((struct dice){UINT64_C(0x2545f4914f6cdd1d)})

static inline uint64_t
dice_roll(struct dice *d)
{
    d->x ^= d->x >> 12;
    d->x ^= d->x << 25;
    d->x ^= d->x >> 27;
    return d->x * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

/* 0 to below - 1. */
static inline unsigned
dice_below(struct dice *d, unsigned below)
{
    return (unsigned)(dice_roll(d) % below);
}
