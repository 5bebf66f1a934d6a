/* goevd/options.h - how a plugin declares the options that its configuration takes.
 *
 * SPDX-License-Identifier: MIT
 *
 * A schema describes a record, a struct of the plugin. goevd reads the configuration, checks each
 * value, reports every error with its line, and hands the filled record to create().
 *
 *     struct options {
 *         struct goevd_str name;
 *         int64_t wait_ns;
 *     };
 *     static const struct goevd_option rows[] = {
 *         {GOEVD_OPTION(struct options, name, "name", STRING), .flags = GOEVD_OPTION_REQUIRED},
 *         {GOEVD_OPTION(struct options, wait_ns, "wait", DURATION), .def = "1s", .min = 0,
 *          .max = 60 * GOEVD_SECOND, .help = "Time to wait; 0: none."},
 *         {.type = GOEVD_OPTION_END},
 *     };
 *     static const struct goevd_schema schema = GOEVD_SCHEMA(struct options, rows);
 */
#ifndef GOEVD_OPTIONS_H
#define GOEVD_OPTIONS_H

#include <goevd/version.h>

struct goevd_plugin; /* the instance of another plugin that an option names */
struct goevd_schema;

/* Kinds of values, with the C type that is stored in the record. */
enum goevd_option_type {
    GOEVD_OPTION_END = 0,  /* ends an array of options */
    GOEVD_OPTION_BOOL,     /* true, false, yes, no, on, off            -> bool */
    GOEVD_OPTION_INT,      /* 42, -1                                   -> int64_t */
    GOEVD_OPTION_SIZE,     /* 512, 64KiB, 1MB: bytes                   -> int64_t */
    GOEVD_OPTION_DURATION, /* 75s, 1500ms, 2h: nanoseconds             -> int64_t */
    GOEVD_OPTION_RATE,     /* 100KiB/s: bytes per second               -> int64_t */
    GOEVD_OPTION_STRING,   /* any scalar                               -> struct goevd_str */
    GOEVD_OPTION_ENUM,     /* one of `choices`: its index              -> int */
    GOEVD_OPTION_RECORD,   /* a map with the keys of `item`: const T *, NULL if absent */
    GOEVD_OPTION_LIST,     /* a sequence of `item`, or one alone       -> struct goevd_list of T */
    GOEVD_OPTION_MAP,      /* free keys to strings: struct goevd_list of struct goevd_pair */
    GOEVD_OPTION_PLUGIN    /* `name`, `name: {…}`: struct goevd_plugin *, NULL if absent */
};

enum goevd_option_flags {
    GOEVD_OPTION_REQUIRED = 1 << 0, /* must be present; in a one-of group: one of the group must */
    GOEVD_OPTION_RUNTIME = 1 << 1,  /* the value may change while goevd runs, see on_options */
    GOEVD_OPTION_PATH = 1 << 2,     /* STRING: a path, relative to the file that contains it. goevd
                                       makes it absolute. */
    GOEVD_OPTION_SECRET = 1 << 3    /* STRING: a password or a key; goevd -T prints *** for it */
};

/* One option. Members that are not set are zero: no range, no flags, no default. */
struct goevd_option {
    const char *name; /* the key; NULL in a schema of one option: the item itself is this scalar */
    enum goevd_option_type type;
    uint16_t flags;  /* enum goevd_option_flags */
    uint16_t one_of; /* not 0: at most one of the options with this number may be present */
    size_t offset;   /* of the value in the record */
    const char *def; /* default, as in YAML; for RECORD and LIST "{}" or "[]": the defaults of what
                        is below; NULL: zero, NULL or empty */
    int64_t min; /* of a number, size, duration (ns) or rate; bytes of a string; items of a list */
    int64_t max; /* the same; both 0: no range */
    const char *const *choices;      /* ENUM: names, NULL at the end */
    const struct goevd_schema *item; /* RECORD, LIST: the schema of the items */
    const char *interface_id;        /* PLUGIN: the interface that the plugin must offer */
    const char *help;                /* one line, for goevd --describe */
};

/* A record: its size and its options. Schemas are static and immutable. */
struct goevd_schema {
    size_t size;                        /* bytes of the record */
    size_t option_size;                 /* sizeof(struct goevd_option) */
    const struct goevd_option *options; /* GOEVD_OPTION_END is the last */
};

#define GOEVD_SCHEMA(type, options)                                                                \
    {                                                                                              \
        sizeof(type), sizeof(struct goevd_option), options                                         \
    }

/* The first members of an option: key, type without GOEVD_OPTION_, and place in the record. */
#define GOEVD_OPTION(record, member, key, type_)                                                   \
    .name = (key), .type = GOEVD_OPTION_##type_, .offset = offsetof(record, member)

/* The value of a LIST or MAP. */
struct goevd_list {
    const void *items;
    size_t count;
};

/* An entry of a MAP. */
struct goevd_pair {
    struct goevd_str key;
    struct goevd_str value;
};

/* The layout on 64-bit machines. */
#if UINTPTR_MAX == UINT64_MAX
GOEVD_STATIC_ASSERT(sizeof(struct goevd_version) == 8, "goevd_version has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_option) == 80, "goevd_option has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_schema) == 24, "goevd_schema has moved");
#endif

#endif
