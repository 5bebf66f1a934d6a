/* "did you mean": the nearest of some names to one that is not among them. */
#pragma once

#include <goevd/plugin.h>

#include "base/util.h"

#define SUGGEST_NAME_MAX 64 /* longer names are not compared */

struct suggest {
    struct goevd_str name;
    struct goevd_str best; /* data NULL: none is near */
    size_t best_distance;
};

void suggest_init(struct suggest *suggest, struct goevd_str name);
void suggest_offer(struct suggest *suggest, struct goevd_str candidate);

/* Insertions, deletions, replacements and swaps of neighbours between two names, letters of
 * either case alike. */
size_t suggest_distance(struct goevd_str a, struct goevd_str b);
