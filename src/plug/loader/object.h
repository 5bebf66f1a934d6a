/* The symbols and headers of a loaded shared object. */
#pragma once

#include "base/util.h"

struct object {
    void *handle; /* of dlopen(3) */
};

/* Find an object that is loaded, or load it without asking whether all that it calls is there. 0;
 * -ENOENT if it cannot be loaded. */
int object_open(struct object *o, const char *path);

/* Call fn for each function or variable that it exports under a name of its author's: not names
 * that begin with an underscore, which compilers make, unless they are of C++; and not weak ones,
 * which are the same in every object. */
void object_each_export(const struct object *o, void (*fn)(const char *name, void *arg), void *arg);

/* Call fn for each name that it needs and no object provides. */
void object_each_missing(const struct object *o, void (*fn)(const char *name, void *arg),
                         void *arg);

/* Does it want a stack whose contents can be executed? */
bool object_wants_executable_stack(const struct object *o);
