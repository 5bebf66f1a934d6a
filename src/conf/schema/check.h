/* Validation in two halves that call each other: check.c for values, check_record.c for records. */
#pragma once

#include <string.h>

#include "conf/schema/schema.h"
#include "conf/yaml/path.h"

struct check {
    struct conf_context *context;
    struct conf_path path;
    size_t depth; /* of records */
};

/* Fill a record, zeroed, from node. `mark` is where missing keys are reported. 0; negative with
 * errors noted. */
int check_record(struct check *check, const struct conf_node *node, const struct conf_mark *mark,
                 const struct goevd_schema *schema, char *record);

/* Fill the zeroed slot of one option. A null node is an error. */
int check_value(struct check *check, const struct goevd_option *option,
                const struct conf_node *node, char *slot);

int check_no_memory(struct check *check);

#define check_error(check, mark, ...)                                                              \
    conf_errors_add((check)->context->errors, (mark), (check)->path.text, __VA_ARGS__)

static inline struct goevd_str
check_str(const char *text)
{
    return (struct goevd_str){text, strlen(text)};
}
