/* goevd/hosting.h - for plugins that host other plugins, as http and websocket do.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_HOSTING_H
#define GOEVD_HOSTING_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

struct goevd_owner; /* a plugin and its path in the configuration, for crash reports */

/* A callback of a hosted plugin: the crash and hang reports name it while it runs. It lives until
 * destroy. owner NULL: it is the host's own code. */
struct goevd_hosted {
    const struct goevd_owner *owner;
    const char *callback; /* static, such as "on_request" */
};

/* What a poller is in; see goevd_hosted_begin(). */
struct goevd_place {
    const struct goevd_hosted *hosted;
};

/* The functions below, in the table that goevd_host->hosting points to. */
struct goevd_host_hosting {
    struct goevd_version version;

    const void *(*plugin_interface)(struct goevd_plugin *plugin, const char *id);
    void *(*plugin_instance)(struct goevd_plugin *plugin);
    void *(*plugin_local)(struct goevd_plugin *plugin, struct goevd_poller *poller);
    int (*conn_upgrade)(struct goevd_conn *c, struct goevd_plugin *to, const void *state,
                        size_t len);
    bool (*is_strict)(void);
    void (*check_conn)(struct goevd_conn *c, const char *function, const void *caller);
    void (*wrong_object)(const char *function, const char *what, const void *caller);
    const struct goevd_owner *(*plugin_owner)(struct goevd_plugin *plugin);
    struct goevd_place *(*poller_place)(struct goevd_poller *poller);
    void (*wrong_result)(int64_t result, const char *may);
};

/* The callbacks of the plugin that an option names.
 *
 * plugin   the value of a GOEVD_OPTION_PLUGIN.
 * Thread   [any]
 * Returns  the interface, static; NULL if the plugin does not offer that id.
 */
static inline const void *
goevd_plugin_interface(struct goevd_plugin *plugin, const char *id)
{
    return goevd_host->hosting->plugin_interface(plugin, id);
}

/* The instance that was made for that option.
 *
 * Thread   [any]
 * Returns  the pointer that its create stored in *ret_instance, valid until this instance's
 *          destroy has returned.
 */
static inline void *
goevd_plugin_instance(struct goevd_plugin *plugin)
{
    return goevd_host->hosting->plugin_instance(plugin);
}

/* The storage of that instance on a poller.
 *
 * Thread   [poller]
 * Returns  the pointer that its poller_start stored in *ret_local; NULL before it and after
 *          poller_stop.
 */
static inline void *
goevd_plugin_local(struct goevd_plugin *plugin, struct goevd_poller *poller)
{
    return goevd_host->hosting->plugin_local(plugin, poller);
}

/* Give a connection to another handler when the present callback has returned: on_close(UPGRADED)
 * of the old one, on_open of the new one, then the bytes that the old one has not consumed. Queued
 * output stays queued. Timers and deadline of the old handler are cancelled.
 *
 * to       a plugin with a GOEVD_STREAM interface, named by an option of this instance.
 * state    len bytes, the first ones of the connection's new state; valid until the old handler's
 *          on_close runs, whose reason is GOEVD_REASON_UPGRADED if the state was used.
 * len      at most conn_size of that handler; the rest is zeroed.
 * Thread   [poller] in a callback of c.
 * Returns  0; -ENOTSUP without that interface; -EINVAL for too much state; -ENOMEM; -EPIPE once c
 *          is closing.
 * Calls    no handler before it returns.
 */
static inline int
goevd_conn_upgrade(struct goevd_conn *c, struct goevd_plugin *to, const void *state, size_t len)
{
    return goevd_host->hosting->conn_upgrade(c, to, state, len);
}

/* Whether goevd holds plugins to the rules of its headers (goevd --strict). A host may then give
 * its plugins functions that call goevd_check_conn().
 *
 * Thread   [any]
 * Returns  true if it does.
 */
static inline bool
goevd_is_strict(void)
{
    return goevd_host->hosting->is_strict();
}

/* Check a call of a hosted plugin. If goevd is strict and this is not the connection's poller, or
 * the connection has closed, goevd logs the broken rule and aborts.
 *
 * function  the name of the host's function, such as "goevd_http_reply"; static.
 * caller    __builtin_return_address(0).
 * Thread    [any]
 */
static inline void
goevd_check_conn(struct goevd_conn *c, const char *function, const void *caller)
{
    goevd_host->hosting->check_conn(c, function, caller);
}

/* End because a hosted plugin gave a pointer to an object that is none, or has been freed: goevd
 * logs the function and the plugin and aborts. It does not return.
 *
 * function  the name of the host's function, such as "goevd_http_reply"; static.
 * what      the kind of object, such as "request"; static.
 * caller    __builtin_return_address(0).
 * Thread    [any]
 */
static inline void
goevd_wrong_object(const char *function, const char *what, const void *caller)
{
    goevd_host->hosting->wrong_object(function, what, caller);
    __builtin_trap(); /* lets the compiler assume that callers need nothing afterwards */
}

/* The plugin that an option names, for the `owner` of struct goevd_hosted.
 *
 * Thread   [any]
 * Returns  the owner, valid until the release of every instance has returned.
 */
static inline const struct goevd_owner *
goevd_plugin_owner(struct goevd_plugin *plugin)
{
    return goevd_host->hosting->plugin_owner(plugin);
}

/* What a poller is in, for goevd_hosted_begin().
 *
 * poller   NULL: whatever thread this is.
 * Thread   [poller]
 * Returns  the place, valid until poller_stop has returned.
 */
static inline struct goevd_place *
goevd_poller_place(struct goevd_poller *poller)
{
    return goevd_host->hosting->poller_place(poller);
}

/* A callback of a hosted plugin begins: a crash or a hang is reported as its own from here on,
 * until goevd_hosted_end(). Other threads read the place at any time.
 *
 * Thread   [poller]
 * Returns  what it was in before, for goevd_hosted_end(); NULL: a callback of the host.
 */
static inline const struct goevd_hosted *
goevd_hosted_begin(struct goevd_place *place, const struct goevd_hosted *hosted)
{
    const struct goevd_hosted *outer = place->hosted;

    __atomic_store_n(&place->hosted, hosted, __ATOMIC_RELAXED);
    return outer;
}

/* The callback has returned.
 *
 * outer    what goevd_hosted_begin() returned.
 * Thread   [poller]
 */
static inline void
goevd_hosted_end(struct goevd_place *place, const struct goevd_hosted *outer)
{
    __atomic_store_n(&place->hosted, outer, __ATOMIC_RELAXED);
}

/* The callback that runs, between goevd_hosted_begin() and goevd_hosted_end(), has returned what it
 * may not: goevd logs it, and aborts if it is strict. The host goes on as after a negative value.
 *
 * may      what the callback may return, such as "0 or a negative errno"; static.
 * Thread   [any]
 */
static inline void
goevd_wrong_result(int64_t result, const char *may)
{
    goevd_host->hosting->wrong_result(result, may);
}

#ifdef __cplusplus
}
#endif

#endif
