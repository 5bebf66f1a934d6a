/* Building a config: the validated records are checked against each other, and the derived fields
 * are set. Faults are added to the errors. */
#pragma once

#include "conf/config.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* The lists are copied from the records, so that derived fields can be set. */
struct build {
    struct config *config;
    struct conf_errors *errors;
    struct config_reactor *reactors;
    struct config_listener *listeners;
};

/* `listeners[3].mode` */
struct place_text {
    char text[64];
};

struct place_text build_place(const char *list, size_t index, const char *key);

#define REACTOR_AT(i, key) (build_place("reactors", (i), (key)).text)
#define LISTENER_AT(i, key) (build_place("listeners", (i), (key)).text)

#define build_error(build, path, ...)                                                              \
    config_error((build)->config, (build)->errors, (path), __VA_ARGS__)

/* Whether a word is made of these letters alone. */
bool build_word_is(struct goevd_str word, const char *letters);

/* Names that were refused are absent, and equal nothing. */
bool build_is_same(struct goevd_str a, struct goevd_str b);

/* The marks must not cross, and the tail holds every frame; a value that was refused is 0 and has
 * had its error. `place` is where they are, with a dot at its end. */
void build_limits(struct build *build, const struct config_limits *l, const char *place);

/* 0; -ENOMEM. */
int build_reactors(struct build *build);

/* After the reactors, which listeners name. 0; -ENOMEM. */
int build_listeners(struct build *build);
