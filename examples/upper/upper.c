/* upper - sends each line back in capitals. A plugin to copy; goevd-plugin(7) explains it. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <goevd/framing.h>
#include <goevd/plugin.h>

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

/* A line has come, without its end. */
static int
upper_line(struct goevd_conn *c, void *state, const char *line, size_t len, unsigned flags)
{
    const struct options *o = goevd_conn_instance(c);
    char out[64 + 1000];

    (void)state, (void)flags;
    if (len > 1000)
        return -EMSGSIZE; /* closes the connection; so does the listener's frame_max */
    memcpy(out, o->prefix.data, o->prefix.len);
    for (size_t i = 0; i < len; i++)
        out[o->prefix.len + i] = (char)toupper((unsigned char)line[i]);
    /* If the peer reads too slowly for this to be queued, the line comes again when it has read. */
    return goevd_conn_write_frame(c, out, o->prefix.len + len);
}

static const struct goevd_framing lines = {
    .version = GOEVD_VERSION_OF(struct goevd_framing),
    .type = GOEVD_FRAMING_LINES,
};

static const struct goevd_stream stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .framing = &lines,
    .on_frame = upper_line,
};

static int
upper_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    (void)self;
    *ret_instance = (void *)options; /* they outlive the instance, and are all of it */
    return 0;
}

static const void *
upper_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &stream : NULL;
}

GOEVD_PLUGIN(.name = "upper", .description = "sends lines back in capitals", .options = &schema,
             .create = upper_create, .interface = upper_interface);
