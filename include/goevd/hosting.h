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
 * Returns  what its create stored in *ret_instance, valid until this instance's destroy has
 *          returned.
 */
static inline void *
goevd_plugin_instance(struct goevd_plugin *plugin)
{
    return goevd_host->hosting->plugin_instance(plugin);
}

/* The storage of that instance on a poller.
 *
 * Thread   [poller]
 * Returns  what its poller_start stored in *ret_local; NULL before it and after poller_stop.
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
    __builtin_trap(); /* tells the compiler that callers need nothing for afterwards */
}

#ifdef __cplusplus
}
#endif

#endif
