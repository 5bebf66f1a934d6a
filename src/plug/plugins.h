/* The plugins of this process: modules, and an instance for every place in the configuration that
 * names one.
 *
 *   plugins.c          finding and loading them, from creation to destruction
 *   plugins_list.c     --list-plugins and --describe
 *   plugins_options.c  options that change while pollers run
 */
#pragma once

#include <stdio.h>

#include "plug/instance.h"

/* dir_flag is kept, not copied. */
int plugins_init(struct plugins *p, const char *dir_flag, struct err *reterr);

/* After plugins_destroy(). */
void plugins_fini(struct plugins *p);

/* Call create of every instance, in order. On failure those made are destroyed again, and errors
 * has the reason. */
int plugins_create(struct plugins *p, struct conf_errors *errors);

/* Call destroy of every instance, last first, and then release. No poller runs. */
void plugins_destroy(struct plugins *p);

/* [poller] Call poller_start of every instance; on failure those that ran are stopped again. */
int plugins_poller_start(struct plugins *p, struct poller *poller, struct err *reterr);
void plugins_poller_stop(struct plugins *p, struct poller *poller);

/* ---- Other options, while pollers run -------------------------------------------------------- */

/* For config_override(): finds the instances that there are, in their order, and leaves in each, as
 * next_options, the record made for it. */
struct plugins_again {
    struct conf_resolver resolver;
    struct plugins *plugins;
    struct instance *next;
};
void plugins_again(struct plugins_again *again, struct plugins *p);

/* [main] Does the plugin take next_options? 0; negative with the reason in errors. */
int plugins_check_options(struct instance *i, struct conf_errors *errors);

/* [poller] Make next_options the options of the instance, and notify it. */
void plugins_take_options(struct instance *i, struct poller *poller);

/* Load the plugin of that name, once. */
int plugins_module(struct plugins *p, const char *name, struct module **ret, struct err *reterr);

/* `--list-plugins`: name, description and file of every plugin in the directory, and the fault of
 * each faulty one. 0; 1 if any is; a negative errno if the directory cannot be read. */
int plugins_list(struct plugins *p, FILE *out);

/* `--describe NAME`. */
int plugins_describe(struct plugins *p, const char *name, FILE *out, struct err *reterr);
