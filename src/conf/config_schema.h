/* The shared part of the files of goevd's own keys. */
#pragma once

#include "conf/config.h"

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define SECOND INT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

extern const struct goevd_schema schema_reactor;
extern const struct goevd_schema schema_listener;
extern const struct goevd_schema schema_connectors;
extern const struct goevd_schema schema_tls;
