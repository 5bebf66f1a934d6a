/* Exit statuses, documented in goevd(8). */
#pragma once

enum exit_status {
    EXIT_OK = 0,       /* stopped as asked; a check found no fault */
    EXIT_REFUSED = 1,  /* a flag, the configuration, a plugin or a socket is at fault */
    EXIT_CRASHING = 3, /* workers died too often */
};
