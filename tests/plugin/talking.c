/* Logs a line for each command:
 *
 *   say TEXT    with a format that has no text of its own
 *   conn TEXT   about the connection
 *   info TEXT   the same, less urgent
 *   count N     so many lines of one kind
 *
 * and answers each with "done". Its log is all bytes but a newline. */
#include <stdio.h>
#include <stdlib.h>

#include "plain.h"

#define LINE_MAX_BYTES 8192

static void
talking_obey(struct goevd_conn *c, const char *line)
{
    struct goevd_self *self = goevd_conn_instance(c);

    if (strncmp(line, "say ", 4) == 0)
        goevd_log(self, GOEVD_LOG_NOTICE, "%s", line + 4);
    else if (strncmp(line, "conn ", 5) == 0)
        goevd_conn_log(c, GOEVD_LOG_WARNING, "it says %s", line + 5);
    else if (strncmp(line, "info ", 5) == 0)
        goevd_conn_log(c, GOEVD_LOG_INFO, "it says %s", line + 5);
    else if (strncmp(line, "count ", 6) == 0)
        for (int i = 0, n = atoi(line + 6); i < n; i++)
            goevd_log(self, GOEVD_LOG_NOTICE, "line %d of %d", i, n);
}

static int
talking_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    (void)options;
    *ret_instance = self;
    return 0;
}

static ptrdiff_t
talking_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
             unsigned flags)
{
    const char *end = memchr(data, '\n', len);
    char line[LINE_MAX_BYTES];
    size_t n;

    (void)state, (void)fresh, (void)flags;
    if (!end)
        return 0;
    n = (size_t)(end - data);
    n = n < sizeof(line) - 1 ? n : sizeof(line) - 1;
    memcpy(line, data, n);
    line[n] = '\0';
    talking_obey(c, line);
    return goevd_conn_write(c, "done\n", 5) < 0 ? -1 : end - data + 1;
}

static const struct goevd_stream talking_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_read = talking_read,
};

static const void *
talking_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &talking_stream : NULL;
}

GOEVD_PLUGIN(.name = "talking", .description = "talks into the log", .create = talking_create,
             .interface = talking_interface);
