/* goevd/cache.h - values that every poller has at hand, without a lock.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_CACHE_H
#define GOEVD_CACHE_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The functions below, in the table that goevd_host->cache points to. */
struct goevd_host_cache {
    struct goevd_version version;

    int (*cache_set)(struct goevd_self *self, uint32_t key, const void *data, size_t len);
    const void *(*cache_get)(struct goevd_self *self, struct goevd_poller *poller, uint32_t key,
                             size_t *ret_len);
};

/* Set the value of a key on every poller. Each poller sees the change in its own thread, between
 * two callbacks; all see the changes of a key in the same order. Values that create sets are
 * available in poller_start.
 *
 * key      of this instance; another instance may use the same number.
 * data     len bytes; copied, once for all pollers. NULL: remove the key.
 * Thread   [any]
 * Returns  0; -ECANCELED once the pollers have ended, -ENOMEM: nothing has changed. A poller
 *          without memory for a new key lacks it.
 */
static inline int
goevd_cache_set(struct goevd_self *self, uint32_t key, const void *data, size_t len)
{
    return goevd_host->cache->cache_set(self, key, data, len);
}

/* The value of a key on a poller, from the poller's own hash table.
 *
 * ret_len  bytes of the value; may be NULL.
 * Thread   [poller]
 * Returns  the value, aligned to 16, owned by goevd, valid until the callback returns; NULL: none.
 */
static inline const void *
goevd_cache_get(struct goevd_self *self, struct goevd_poller *poller, uint32_t key, size_t *ret_len)
{
    return goevd_host->cache->cache_get(self, poller, key, ret_len);
}

#ifdef __cplusplus
}
#endif

#endif
