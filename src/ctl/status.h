/* The facts about a running goevd, for `goevd ctl status`. */
#pragma once

#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#include "ctl/control.h"

#define STATUS_WORKERS_MAX 16
#define STATUS_EVENT_MAX 512

struct status_event {
    time_t time; /* 0: it has not happened */
    bool ok;
    char text[STATUS_EVENT_MAX]; /* its outcome or cause */
};

struct status_worker {
    pid_t pid;
    const char *state;
    const char *release;
    time_t since;
    uint64_t connections;
};

struct status {
    const char *state;  /* one of those in ctl/client/print_status.c */
    time_t since;       /* when goevd was started */
    pid_t supervisor;   /* 0: --single */
    const char *config; /* path of the configuration that serves; NULL: not known */
    time_t config_since;
    struct status_event reload;
    struct status_event crash;
    unsigned restarts;
    unsigned reloads;
    uint64_t cut; /* connections that were ended at a deadline */
    struct status_worker workers[STATUS_WORKERS_MAX];
    unsigned worker_count;
};

/* The same text, to be freed; NULL without memory. */
char *status_text(const struct status *s, size_t *ret_len);

/* As records: text, number or time, KEY VALUE; event KEY TIME OK TEXT; and, last, worker PID STATE
 * SINCE CONNECTIONS RELEASE. */
void status_reply(const struct status *s, struct control_client *client);
