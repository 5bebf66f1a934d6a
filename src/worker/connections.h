/* The list of all connections. */
#pragma once

#include "ctl/control.h"
#include "worker/engine.h"

/* The parts of the list: of one listener, listener->config.name; or of all, NULL. Each
 * part has the rows of at most NET_WALK_SLOTS connections of one poller. NULL without memory. */
struct control_source *connections_new(const struct engine *e, const char *listener);
