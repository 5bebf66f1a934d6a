/* The end after a plugin's wrong pointer, because going on would overwrite memory of another owner;
 * and the report of a wrong result, after which the caller goes on as after an error. */
#include "plug/host/host_parts.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* Functions of goevd have host_ before their name; those of plugins that host others have goevd_.
 */
static const char *
host_wrong_name(const char *function)
{
    static const char *const prefixes[] = {"host_", "goevd_"};

    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (strncmp(function, prefixes[i], strlen(prefixes[i])) == 0)
            return function + strlen(prefixes[i]);
    return function;
}

void
host_wrong(const char *function, const char *what, const void *caller)
{
    const struct place_owner *owner = place_owner(place_here);
    struct log_about about = {.plugin = owner ? owner->plugin : NULL, .named = true};
    char line[LOG_TEXT_MAX];
    Dl_info code;
    int n =
        snprintf(line, sizeof(line),
                 "plugin '%s': goevd_%s() was given a pointer to no %s, or to one that has been "
                 "freed; the call is in %s (goevd-plugin(7), POINTERS)",
                 about.plugin ? about.plugin : "?", host_wrong_name(function), what,
                 dladdr(caller, &code) ? module_path(code.dli_fname) : "?");

    log_write(&(struct log_event){LOG_ERR, &about, line, MIN((size_t)MAX(n, 0), sizeof(line) - 1)});
    log_flush();
    if (log_is_elsewhere())
        dprintf(STDERR_FILENO, "goevd: %s\n", line);
    abort();
}

void
host_wrong_result(int64_t result, const char *may)
{
    const struct place_owner *owner = place_owner(place_here);
    struct log_about about = {.plugin = owner ? owner->plugin : NULL, .named = true};
    char text[LOG_TEXT_MAX / 2];
    struct text t = {.data = text, .size = sizeof(text)};

    place_text(place_here, &t);
    log_about(&about, LOG_WARNING,
              "%.*s, has returned %" PRId64 "; it returns %s (goevd-plugin(7), RESULTS)",
              (int)t.len, text, result, may);
}
