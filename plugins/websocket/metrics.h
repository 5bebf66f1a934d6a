/* The metrics of an instance. */
#pragma once

#include <goevd/metrics.h>

#include "websocket/conn.h"

/* Register the metrics. Returns 0 or negative. */
int ws_metrics_new(struct ws_instance *ws);

/* The connection has ended. */
void ws_metrics_count_closed(const struct goevd_websocket_conn *w);

/* Add to one of ws->metrics on the poller of a connection. */
static inline void
ws_metrics_add(const struct goevd_websocket_conn *w, int metric, int64_t delta)
{
    goevd_metric_add(ws_conn_instance(w)->self, goevd_conn_poller(w->c), metric, delta);
}
