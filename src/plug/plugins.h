/* The plugins of this process: modules, and an instance for every place in the configuration that
 * names one. */
#pragma once

#include <pthread.h>
#include <stdio.h>

#include "conf/config.h"
#include "ev/poller.h"
#include "ev/reactor.h"
#include "net/conn/service.h"
#include "net/connect/connector.h"
#include "plug/loader/module.h"
#include "plug/plug_metric.h"
#include "plug/tables.h"

/* One instance. Plugins see it as struct goevd_self (their own) and struct goevd_plugin (one that
 * an option of theirs names). */
#define INSTANCE_MAGIC 0x1a57a9ce

struct instance {
    uint32_t magic; /* INSTANCE_MAGIC */
    struct instance *next; /* in the order of creation */
    struct module *module;
    const void *options;
    const struct conf_node *node;
    struct place_owner owner; /* its plugin and path, for whoever looks at what runs */
    void *data;               /* what create made */
    bool created;
    bool destroyed;
    uint32_t number; /* among the instances, from 1; whose values in the poller cache */
    struct plugins *plugins;
    void *locals[POLLERS_MAX]; /* what poller_start made, by index of the poller */

    const void *next_options;         /* that may become its options */
    struct config *options_from;      /* for the daemon: whose its options are; NULL: the first */
    const void *present[POLLERS_MAX]; /* its options, likewise; NULL: those it was created with */
};

struct work_pool;
struct job_lines;
struct outgoing_service;
struct host_pool;
struct goevd_logfile;

/* What outgoing connections need to know of the engine. */
struct outgoing_config {
    struct reactor **reactors; /* in the order of the configuration */
    struct connector_config connector;
};

/* Open a file that is added to. The caller owns the fd; a negative errno. */
typedef int (*plugins_open_fn)(void *arg, const char *option, const char *path, struct err *reterr);

struct plugins {
    const char *dir_flag; /* --plugin-dir, or NULL; comes before everything else */
    char *dir;
    char *own_dir; /* of goevd's own: where a plugin is looked for that is not in `dir` */
    bool strict;   /* they are held to the rules: plug/strict/strict.h */
    struct module *modules;
    struct instance *instances, **instances_end;
    uint32_t instance_count;
    unsigned started[POLLERS_MAX];                  /* instances whose poller_start has run there */
    struct work_pool *work;                         /* the engine's */
    struct job_lines *lines[POLLERS_MAX];           /* host_work.c's, by index of the poller */
    struct outgoing_config outgoing;                /* the engine fills it */
    struct outgoing_service *services[POLLERS_MAX]; /* outgoing.c's, likewise */
    struct host_pool *pools;                        /* host_pool.c's */
    struct goevd_logfile *lines_files;                /* host_lines.c's, as they were opened */
    plugins_open_fn open_file;                      /* the worker's, for those */
    void *open_arg;
    void (*replace)(void *arg, const char *why); /* [any thread] likewise: goevd_worker_replace() */
    void *replace_arg;
    struct plug_figures figures;
    const struct config *config;   /* as soon as it is loaded */
    struct conf_errors *errors;    /* of the creation that is running */
    struct conf_resolver resolver; /* for config_load() */
    pthread_mutex_t cache_lock;    /* of those who set values in the poller cache */
    bool running;                  /* every create has run: pollers may; guarded by cache_lock */
};

/* dir_flag is kept, not copied. */
int plugins_init(struct plugins *p, const char *dir_flag, struct err *reterr);

/* After plugins_destroy(). */
void plugins_fini(struct plugins *p);

/* Call create of every instance, in order. On failure those made are destroyed again, and errors
 * says why. */
int plugins_create(struct plugins *p, struct conf_errors *errors);

/* Call destroy of every instance, last first. */
void plugins_destroy(struct plugins *p);

/* Give every connect pool the poller that it lives on: when all are made and none runs. */
void plugins_place_pools(struct plugins *p);

/* [poller] Start and stop those that live here. */
void plugins_start_pools(struct plugins *p, struct poller *poller);
void plugins_stop_pools(struct plugins *p, struct poller *poller);
void plugins_free_pools(struct plugins *p);

/* Go over to this file, in the place of the one that was opened as the nth (0: the first): 0, the
 * fd stays the caller's; a negative errno. */
int plugins_replace_file(struct plugins *p, size_t nth, int fd);

/* Open all of them anew, as they were opened first. 0; a negative errno: of one it cannot be done.
 * *ret_count, also then: how many there are. */
int plugins_reopen_files(struct plugins *p, size_t *ret_count, struct err *reterr);

/* [poller] Write what still waits: its plugins have stopped, and the work pool too. */
void plugins_stop_lines(struct plugins *p, struct poller *poller);
void plugins_free_lines(struct plugins *p);

/* [poller] Call poller_start of every instance; on failure those that ran are stopped again. */
int plugins_poller_start(struct plugins *p, struct poller *poller, struct err *reterr);
void plugins_poller_stop(struct plugins *p, struct poller *poller);

static inline struct instance *
instance_of(struct goevd_plugin *plugin)
{
    return (struct instance *)plugin;
}

static inline struct goevd_self *
instance_self(struct instance *i)
{
    return (struct goevd_self *)i;
}

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

/* [poller] Make next_options the options of the instance, and tell it. */
void plugins_take_options(struct instance *i, struct poller *poller);

/* Load the plugin of that name, once. */
int plugins_module(struct plugins *p, const char *name, struct module **ret, struct err *reterr);

/* `--list-plugins`: name, description and file of every plugin in the directory, and what is wrong
 * with those that are wrong. 0; 1 if any is; a negative errno if the directory cannot be read. */
int plugins_list(struct plugins *p, FILE *out);

/* `--describe NAME`. */
int plugins_describe(struct plugins *p, const char *name, FILE *out, struct err *reterr);
