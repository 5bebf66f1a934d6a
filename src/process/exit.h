/* Exit statuses, documented in goevd(8). */
#pragma once

enum exit_status {
    EXIT_OK = 0,          /* stopped as asked; a check found no fault; it serves */
    EXIT_REFUSED = 1,     /* a flag, a socket or the system is at fault */
    EXIT_CRASHING = 3,    /* workers died too often */
    EXIT_NOT_SERVING = 4, /* of ctl status: it starts, restarts or stops */
    EXIT_STUCK = 5,       /* of ctl status: the worker that serves does not answer */
    EXIT_CONFIG = 78,     /* the configuration is at fault; EX_CONFIG of sysexits.h */
};
