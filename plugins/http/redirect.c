#include "http/redirect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/chars.h"

/* A URI reference: what may stand in a target, "#", and nothing that would end a header line. */
static bool
redirect_target_valid(struct goevd_str to)
{
    for (size_t i = 0; i < to.len; i++)
        if (!chars_is(to.data[i], CHARS_PATH) && to.data[i] != '?' && to.data[i] != '#')
            return false;
    return to.len != 0;
}

int
redirect_build(struct goevd_self *self, const char *path, const struct options_redirect *o,
               struct http_reply *ret_reply)
{
    size_t size = o->to.len + sizeof("Location: \r\n");
    char at[128];
    char *fields;

    if (!redirect_target_valid(o->to)) {
        snprintf(at, sizeof(at), "%s.redirect.to", path);
        return goevd_refuse(self, at,
                            "\"%s\" has a character that may not stand in a URL; write "
                            "it as %%XX (a space is %%20)",
                            o->to.data);
    }
    fields = malloc(size);
    if (fields == NULL)
        return -ENOMEM;
    snprintf(fields, size, "Location: %s\r\n", o->to.data);
    *ret_reply = (struct http_reply){
        .status = options_redirect_statuses[o->status],
        .fields = {fields, strlen(fields)},
        .memory = fields,
    };
    return 0;
}
