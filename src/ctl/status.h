/* What `goevd ctl status` says. */
#pragma once

#include <sys/types.h>
#include <time.h>

#include "base/util.h"

#define STATUS_TEXT_MAX 1024
#define STATUS_WORKERS_MAX 16

struct status {
    const char *state;
    pid_t supervisor; /* 0: --single */
    pid_t worker;     /* 0: none */
    time_t since;     /* when the worker began */
    unsigned draining;
    pid_t drains[STATUS_WORKERS_MAX]; /* the first `draining` of them */
    unsigned restarts;
    unsigned reloads;
    uint64_t cut; /* connections that were ended at a deadline */
};

/* Returns the length of the text in buf. */
size_t status_text(const struct status *s, char buf[STATUS_TEXT_MAX]);
