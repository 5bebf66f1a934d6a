/* The errors of a configuration: all that are found, in the order of the file.
 *
 * A line is `goevd.yaml:12:7: listeners[0].address: port 70000 is above 65535`.
 */
#pragma once

#include <stdarg.h>
#include <stdio.h>

#include <goevd/plugin.h>

#include "base/util.h"

#define CONF_ERRORS_MAX 100 /* kept and printed; the rest is only counted */
#define CONF_QUOTE_MAX 64   /* bytes of the user's text that an error repeats */

struct conf_file {
    const char *name; /* as the user would call it */
    unsigned number;  /* in the order in which they were opened */
};

/* A place in a file. line 0: the file as a whole. Lines and columns begin at 1. */
struct conf_mark {
    const struct conf_file *file;
    unsigned line;
    unsigned column;
};

struct conf_error {
    char *line; /* the whole line as printed, without a newline */
    unsigned file_number;
    unsigned at_line;
    unsigned at_column;
    unsigned number; /* in the order found */
};

/* Zeroed is empty and ready. */
struct conf_errors {
    struct conf_error *items;
    size_t kept;
    size_t found; /* those not kept too */
};

void conf_errors_fini(struct conf_errors *errors);

/* Note an error at a mark (NULL: none), about the node at path ("": nothing in particular). Control
 * bytes of path and text are made visible. Returns -EINVAL. */
int conf_errors_add(struct conf_errors *errors, const struct conf_mark *mark, const char *path,
                    const char *format, ...) PRINTF(4, 5);
int conf_errors_vadd(struct conf_errors *errors, const struct conf_mark *mark, const char *path,
                     const char *format, va_list args) PRINTF(4, 0);

/* Bring them into the order of files, lines and columns. */
void conf_errors_sort(struct conf_errors *errors);

/* Sort, then print a line for each, and `and N more` where not all were kept. */
void conf_errors_print(struct conf_errors *errors, FILE *out);

/* The user's text in double quotes, shortened, for an error's sentence. */
struct conf_quoted {
    char text[CONF_QUOTE_MAX + 8];
};
struct conf_quoted conf_quote(struct goevd_str text);
#define CONF_QUOTE(str) (conf_quote(str).text)
