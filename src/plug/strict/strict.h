/* Plugins held to the rules of goevd/plugin.h: a table of functions that look first, and then do as
 * the plain ones. A broken rule is logged with its plugin, and the process ends.
 *
 *   strict.c         the table, and the functions for create alone and for any thread
 *   strict_conn.c    functions of a connection
 *   strict_poller.c  other functions of a poller
 *   strict_made.c    timers and watches, from new to free
 *   strict_rule.c    the checks of a caller, and the report of a broken rule
 */
#pragma once

#include "plug/host/host.h"

/* The table for plugins that are held to the rules. From the main thread, which is remembered. */
const struct goevd_host *strict_host(const struct plugins *p);

/* [poller] Every poller_stop has returned: is all freed that has to be? */
void strict_poller_stopped(struct poller *p);

/* ---- Between the strict files ---------------------------------------------------------------- */

/* From the main thread, before the rules are asked for. */
void rule_begin(const struct plugins *p);

/* Put the functions of the file into the table. */
void strict_conn_fill(struct host_tables *table);
void strict_poller_fill(struct host_tables *table);
void strict_made_fill(struct host_tables *table);

/* The caller and the called function. */
struct caller {
    const char *function;        /* without goevd_ before it */
    const void *address;         /* where it returns to: in the plugin's code, as a rule */
    const struct instance *self; /* that the caller has given; NULL */
};

/* In a function that is called strict_ and the name. */
#define CALLER                                                                                     \
    (&(struct caller){.function = __func__ + sizeof("strict"),                                     \
                      .address = __builtin_return_address(0)})

/* Sections of goevd-plugin(7) where the rules are. */
#define RULE_THREADS "WHICH THREAD MAY CALL WHAT"
#define RULE_CONNECTIONS "CONNECTIONS"
#define RULE_FUNCTIONS "FUNCTIONS"

/* Log the broken rule, in the words that follow the function's name in a sentence, and end. */
_Noreturn void rule_broken(const struct caller *k, const char *section, const char *format, ...)
    PRINTF(3, 4);

/* [any]: the instance is one, and lives. */
const struct instance *rule_self(struct caller *k, struct goevd_self *self);
void rule_plugin(struct caller *k, struct goevd_plugin *plugin);

/* [main]: in create; in create or check_options. */
void rule_create(struct caller *k, struct goevd_self *self);
void rule_refuse(struct caller *k, struct goevd_self *self);

/* [poller] */
void rule_poller(struct caller *k, struct goevd_poller *poller);

/* [poller] The poller of that index, whose `what` it is. */
void rule_poller_index(struct caller *k, unsigned index, const char *what);

/* [poller] The connection is one, and lives. */
struct conn *rule_conn(struct caller *k, struct goevd_conn *c);

/* A function, or something else that is not optional. */
void rule_given(struct caller *k, bool given, const char *what);

void rule_close_flags(struct caller *k, unsigned flags);

/* A callback has returned an invalid value: log it, and abort. */
void rule_result(int64_t result, const char *may);

/* Of a struct that the plugin has filled. */
void rule_version(struct caller *k, const struct goevd_version *version);
