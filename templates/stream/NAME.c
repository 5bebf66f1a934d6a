/* @NAME@ - sends each line back, turned round. goevd-plugin(7) explains these callbacks and the
 * rest: timers, other threads, connections to other servers, options that change. */
#include <errno.h>
#include <string.h>

#include <goevd/framing.h>
#include <goevd/plugin.h>

#define LINE_MAX_BYTES 1000

/* ---- Options --------------------------------------------------------------------------------- */

struct options {
    struct goevd_str prefix;
};

static const struct goevd_option rows[] = {
    {.name = "prefix",
     .type = GOEVD_OPTION_STRING,
     .offset = offsetof(struct options, prefix),
     .def = "",
     .max = 64,
     .help = "Text before each line."},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema schema = GOEVD_SCHEMA(struct options, rows);

/* ---- Connections ----------------------------------------------------------------------------- */

/* A line has come, without its end. `state` is conn_size bytes of the connection's own. */
static int
@NAME@_line(struct goevd_conn *c, void *state, const char *line, size_t len, unsigned flags)
{
    const struct options *o = goevd_conn_instance(c);
    char out[64 + LINE_MAX_BYTES];

    (void)state, (void)flags;
    if (len > LINE_MAX_BYTES)
        return -EMSGSIZE; /* closes the connection */
    memcpy(out, o->prefix.data, o->prefix.len);
    for (size_t i = 0; i < len; i++)
        out[o->prefix.len + i] = line[len - 1 - i];
    /* Where the peer reads too slowly for this to be queued, the line comes again later. */
    return goevd_conn_write_frame(c, out, o->prefix.len + len);
}

static const struct goevd_framing lines = {
    .version = GOEVD_VERSION_OF(struct goevd_framing),
    .type = GOEVD_FRAMING_LINES,
};

static const struct goevd_stream stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .framing = &lines,
    .on_frame = @NAME@_line,
};

/* ---- The plugin ------------------------------------------------------------------------------ */

static int
@NAME@_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct options *o = options;

    /* goevd -t calls create too: refuse wrong options here, but start threads and write files only
     * if this is no check. */
    if (!goevd_checking(self))
        goevd_log(self, GOEVD_LOG_INFO, "the prefix is \"%.*s\"", (int)o->prefix.len,
                  o->prefix.data);
    *ret_instance = (void *)options; /* they outlive the instance, and are all of it */
    return 0;
}

static const void *
@NAME@_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &stream : NULL;
}

GOEVD_PLUGIN(.name = "@NAME@", .description = "sends lines back, turned round", .options = &schema,
             .create = @NAME@_create, .interface = @NAME@_interface);
