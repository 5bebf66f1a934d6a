/* Writes more than the marks allow, and reports the results. A line is a command:
 *
 *   write N…    one write of so many bytes for each N, all in one callback
 *   report      result of each write, and how often on_drained has come
 *
 * Anything else is answered with "what?".
 */
#include <stdio.h>
#include <stdlib.h>

#include "plain.h"

#define WRITE_MAX 65536

struct filling {
    char results[128];
    unsigned drained;
};

static void
filling_note(struct filling *f, int r)
{
    size_t len = strlen(f->results);

    snprintf(f->results + len, sizeof(f->results) - len, "%s ",
             r == 0          ? "good"
             : r == 1        ? "high"
             : r == -ENOBUFS ? "full"
                             : "bad");
}

static void
filling_write(struct goevd_conn *c, struct filling *f, const char *numbers)
{
    static char bytes[WRITE_MAX];
    char *end;

    for (unsigned long n = strtoul(numbers, &end, 10); n > 0; n = strtoul(numbers, &end, 10)) {
        filling_note(f, n > WRITE_MAX ? -EINVAL : goevd_conn_write(c, bytes, n));
        numbers = end;
    }
}

static int
filling_report(struct goevd_conn *c, const struct filling *f)
{
    char line[160];
    int n = snprintf(line, sizeof(line), "%sdrained %u\n", f->results, f->drained);

    return goevd_conn_write(c, line, (size_t)n);
}

static ptrdiff_t
filling_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
             unsigned flags)
{
    const char *end = memchr(data, '\n', len);
    char line[64];
    int r = 0;

    (void)fresh, (void)flags;
    if (!end)
        return 0;
    snprintf(line, sizeof(line), "%.*s", (int)(end - data), data);
    if (strncmp(line, "write ", 6) == 0)
        filling_write(c, state, line + 6);
    else if (strcmp(line, "report") == 0)
        r = filling_report(c, state);
    else
        r = goevd_conn_write(c, "what?\n", 6);
    return r < 0 ? r : end + 1 - data;
}

static int
filling_drained(struct goevd_conn *c, void *state)
{
    (void)c;
    ((struct filling *)state)->drained++;
    return 0;
}

static const struct goevd_stream filling_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct filling),
    .on_read = filling_read,
    .on_drained = filling_drained,
};

static const void *
filling_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &filling_stream : NULL;
}

GOEVD_PLUGIN(.name = "filling", .description = "writes past the marks", .create = plain_create,
             .interface = filling_interface);
