/* An instance of a plugin, and all of them: the shared data of the rooms of plug.
 *
 *   instance.h     the structs
 *   plug_metric.c  metrics that instances register
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "conf/config.h"
#include "ev/poller.h"
#include "ev/reactor.h"
#include "metrics/reader.h"
#include "net/conn/service.h"
#include "net/connect/connector.h"
#include "plug/loader/module.h"
#include "plug/plug_metric.h"

#define INSTANCE_MAGIC 0x1a57a9ce

/* One instance. Plugins see it as struct goevd_self (their own) and struct goevd_plugin (one that
 * an option of theirs names). */
struct instance {
    uint32_t magic;        /* INSTANCE_MAGIC */
    struct instance *next; /* in the order of creation */
    struct module *module;
    const void *options;
    const struct conf_node *node;
    struct place_owner owner; /* its plugin and path, for readers of the running callback */
    void *data;               /* the pointer of create */
    bool created;
    bool failed;     /* create has refused, or a part of it has failed */
    bool destroyed;  /* and released */
    uint32_t number; /* among the instances, from 1; whose values in the poller cache */
    struct plugins *plugins;
    void *locals[POLLERS_MAX]; /* the pointers of poller_start, by index of the poller */

    const void *next_options;         /* that may become its options */
    struct config *options_from;      /* for the daemon: whose its options are; NULL: the first */
    const void *present[POLLERS_MAX]; /* its options, likewise; NULL: those it was created with */
};

struct work_pool;
struct job_lines;
struct outgoing_service;
struct host_pool;
struct goevd_logfile;
struct goevd_tls;

/* The parts of the engine that outgoing connections need. */
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
    struct goevd_logfile *logfiles;                 /* host_logfile.c's, as they were opened */
    struct goevd_tls *tls;                          /* host_tls.c's */
    plugins_open_fn open_file;                      /* the worker's, for those */
    void *open_arg;
    void (*replace)(void *arg, const char *why); /* [any thread] likewise: goevd_worker_replace() */
    void *replace_arg;
    void (*collect)(void *arg); /* the engine's: bring gauges up to date; not from a poller */
    void *collect_arg;

    /* Likewise: present rates, in the records of ctl/overview.h. Not from a poller. */
    int (*overview)(void *arg, char **ret_text, size_t *ret_len);
    void *overview_arg;
    struct reader *reader;          /* likewise: of the counts of all workers */
    atomic_bool replaced;           /* the worker's: it drains while another serves */
    atomic_bool stopping;           /* likewise: goevd stops, or is going to */
    struct registry registry;       /* of metrics: goevd's own and those of the instances */
    const struct module_kept *kept; /* files of modules that are loaded again; the worker's */
    size_t kept_count;
    struct snapshot *snapshot;     /* that their files are read through; NULL: from the disk */
    const struct config *config;   /* as soon as it is loaded */
    struct conf_errors *errors;    /* of the creation that is running */
    struct conf_resolver resolver; /* for config_load() */
    pthread_mutex_t cache_lock;    /* of threads that set values in the poller cache */
    bool checking;                 /* of goevd -t: pollers will never run */
    bool running;                  /* every create has run: pollers may; guarded by cache_lock */
    atomic_uint posting;           /* host_call.c's: threads that post to all pollers */
};

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
