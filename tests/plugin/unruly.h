/* Between the files of the plugin unruly. */
#pragma once

#include <goevd/logfile.h>
#include <goevd/poller.h>

#include "plain.h"

struct unruly_options {
    struct goevd_plugin *inner;
    struct goevd_str lines;
    bool late; /* destroy uses an object that was destroyed before */
};

struct unruly {
    const struct unruly_options *options;
    struct goevd_self *self;
    struct goevd_conn *closed; /* the last that has */
    struct goevd_logfile *lines;
    int counter, gauge, histogram;
};

struct command;
typedef void (*breach_fn)(struct command *k);

/* On its way to where it breaks a rule. */
struct command {
    struct unruly *unruly;
    struct goevd_conn *conn;
    struct goevd_poller *poller; /* of conn */
    struct goevd_timer *timer;   /* of that poller, as is the watch */
    struct goevd_watch *watch;
    uint64_t conn_id;
    breach_fn breach;
    int fds[2];                         /* a pipe */
    struct goevd_http_request *request; /* in the place of all that */
    int result;
};

/* The breach of that name, or NULL. */
breach_fn breach_find(const char *name);
