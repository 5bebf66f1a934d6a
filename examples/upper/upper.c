/* upper - sends each line back in capitals. A plugin to copy; goevd-plugin(7) explains it. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

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
     .help = "what is put before each line"},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema schema = GOEVD_SCHEMA(struct options, rows);

/* Consume whole lines. What follows the last comes again, in front of the bytes to come. */
static ptrdiff_t
upper_read(struct goevd_conn *c, void *s, const char *data, size_t len, size_t fresh, unsigned f)
{
    const struct options *o = goevd_conn_instance(c);
    size_t used = 0, n = 0;
    char out[64 + 1000];

    (void)s, (void)fresh, (void)f;
    for (size_t i = 0; i < len; i++) {
        if (i == used)
            memcpy(out, o->prefix.data, n = o->prefix.len);
        if (i - used == 1000)
            return -EMSGSIZE; /* closes the connection: a line of more than 1000 bytes */
        out[n++] = (char)toupper((unsigned char)data[i]);
        if (data[i] != '\n')
            continue;
        int r = goevd_conn_write(c, out, n);
        if (r < 0) /* ENOBUFS: the peer reads too slowly; the line comes again when it has read */
            return r == -ENOBUFS ? (ptrdiff_t)used : r;
        used = i + 1;
    }
    return (ptrdiff_t)used;
}

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
    static const struct goevd_stream stream = {GOEVD_VERSION_OF(stream), .on_read = upper_read};
    return strcmp(id, GOEVD_STREAM) == 0 ? &stream : NULL;
}

GOEVD_PLUGIN(.name = "upper", .description = "sends lines back in capitals", .options = &schema,
             .create = upper_create, .interface = upper_interface);
