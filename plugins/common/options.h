/* Short forms for tables of options: of a `struct options`. */
#pragma once

#include <stddef.h>

#include <goevd/plugin.h>

#define MILLISECOND INT64_C(1000000)
#define SECOND (1000 * MILLISECOND)
#define DAY (86400 * SECOND)

#define FIELDS(name_, type_, field_, def_, min_, max_, help_)                                      \
    .name = (name_), .type = GOEVD_OPTION_##type_, .offset = offsetof(struct options, field_),     \
    .def = (def_), .min = (min_), .max = (max_), .help = (help_)

#define OPTION(...)                                                                                \
    {                                                                                              \
        FIELDS(__VA_ARGS__)                                                                        \
    }

/* It may change while goevd runs. */
#define RUNTIME(...)                                                                               \
    {                                                                                              \
        FIELDS(__VA_ARGS__), .flags = GOEVD_OPTION_RUNTIME                                         \
    }
