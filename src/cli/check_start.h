/* goevd -t: faults that a start would find beyond the configuration's keys and values, as far as
 * they can be found without serving. It leaves out: the sandbox of the service, ports in use, and
 * limits of the process. */
#pragma once

#include "worker/setup.h"

/* setup has been loaded. Create every plugin and destroy it again. 0; negative after every reason
 * was printed to stderr. */
int check_start(struct setup *setup, int log_level);
