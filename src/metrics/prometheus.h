/* A view in the text formats that Prometheus reads. */
#pragma once

#include <stdio.h>

#include "metrics/view.h"

enum prometheus_format {
    PROMETHEUS_TEXT,       /* text/plain; version=0.0.4; charset=utf-8 */
    PROMETHEUS_OPENMETRICS /* application/openmetrics-text; version=1.0.0; charset=utf-8 */
};

/* A value in the unit that the name has; and labels in braces, or nothing. */
void prometheus_print_value(FILE *out, const struct catalog_family *f, uint64_t value);
void prometheus_print_labels(FILE *out, const struct view_series *s);

void prometheus_print(FILE *out, const struct view *v, enum prometheus_format format);
