#include "download/options.h"

/* Larger values would overflow int64_t in pace.c. */
#define RATE_MAX (INT64_C(1) << 36)
#define BURST_MAX (INT64_C(1) << 30)

static const struct goevd_option index_table[] = {
    {.type = GOEVD_OPTION_STRING, .min = 1, .max = 255, .help = "a name"},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema index_schema = GOEVD_SCHEMA(struct goevd_str, index_table);

/* In the order of enum dl_encoding. */
static const char *const encoding_choices[] = {"br", "zst", "gz", NULL};

static const struct goevd_option encoding_table[] = {
    {.type = GOEVD_OPTION_ENUM, .choices = encoding_choices, .help = "a file name suffix"},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema encoding_schema = GOEVD_SCHEMA(int, encoding_table);

/* In the order of enum dl_options_listing. */
static const char *const listing_choices[] = {"none", "html", "json", NULL};

/* In the order of enum dl_options_symlinks. */
static const char *const symlinks_choices[] = {"beneath", "none", NULL};

/* In the order of enum dl_options_etag. */
static const char *const etag_choices[] = {"changed", "modified", NULL};

static const struct goevd_option options_table[] = {
    {GOEVD_OPTION(struct dl_options, root, "root", STRING), .min = 1, .max = 4095,
     .help = "Directory whose files are served.",
     .flags = GOEVD_OPTION_REQUIRED | GOEVD_OPTION_PATH},
    {GOEVD_OPTION(struct dl_options, index, "index", LIST), .def = "[index.html]", .max = 16,
     .help = "Files that stand for their directory; the first that exists is sent.",
     .item = &index_schema},
    {GOEVD_OPTION(struct dl_options, fallback, "fallback", STRING), .min = 1, .max = 4095,
     .help = "File beneath root that is sent, with 200, for a name that does not exist."},
    {GOEVD_OPTION(struct dl_options, listing, "listing", ENUM), .def = "none",
     .help = "Reply for a directory without an index: none (403), a page or JSON.",
     .choices = listing_choices},
    {GOEVD_OPTION(struct dl_options, listing_max, "listing_max", INT), .def = "10000", .min = 1,
     .max = 1000000,
     .help = "Files of a directory that is listed; a directory with more gets 403."},
    {GOEVD_OPTION(struct dl_options, symlinks, "symlinks", ENUM), .def = "beneath",
     .help = "Whether symbolic links that stay beneath the root are followed.",
     .choices = symlinks_choices},
    {GOEVD_OPTION(struct dl_options, hidden, "hidden", BOOL), .def = "false",
     .help = "Serve files and directories whose names begin with a dot."},
    {GOEVD_OPTION(struct dl_options, attachment, "attachment", BOOL), .def = "false",
     .help = "Make browsers save files instead of showing them."},
    {GOEVD_OPTION(struct dl_options, types, "types", MAP), .max = 1000,
     .help = "Types of files by the extension of their name."},
    {GOEVD_OPTION(struct dl_options, type_file, "type_file", STRING), .min = 1, .max = 4095,
     .help = "File of media types that replaces the system's, in the format of globs2 or of "
             "mime.types.",
     .flags = GOEVD_OPTION_PATH},
    {GOEVD_OPTION(struct dl_options, default_type, "default_type", STRING),
     .def = "application/octet-stream", .max = 255,
     .help = "Type of all other files; empty: no Content-Type."},
    {GOEVD_OPTION(struct dl_options, charset, "charset", STRING), .def = "utf-8", .max = 64,
     .help = "Charset of types that begin with text/; empty: no charset."},
    {GOEVD_OPTION(struct dl_options, etag, "etag", ENUM), .def = "changed",
     .help = "Time in the ETag: of the last change of any kind, or of the content.",
     .choices = etag_choices},
    {GOEVD_OPTION(struct dl_options, cache_control, "cache_control", STRING), .min = 1, .max = 1024,
     .help = "Value of the header Cache-Control."},
    {GOEVD_OPTION(struct dl_options, precompressed, "precompressed", LIST), .max = 3,
     .help =
         "Compressed siblings of files that are sent to clients that accept them, in this order.",
     .item = &encoding_schema},
    {GOEVD_OPTION(struct dl_options, ranges_max, "ranges_max", INT), .def = "16", .min = 1,
     .max = 256, .help = "Ranges of one request; a request with more gets the whole file."},
    {GOEVD_OPTION(struct dl_options, open_max, "open_max", INT), .def = "512", .max = 1 << 20,
     .help = "Files that each poller keeps open for the next request."},
    {GOEVD_OPTION(struct dl_options, open_time_ns, "open_time", DURATION), .def = "1s",
     .min = GOEVD_MILLISECOND, .max = 3600 * GOEVD_SECOND,
     .help = "Time that a poller keeps a file before it looks at its name again."},
    {GOEVD_OPTION(struct dl_options, rate, "rate", RATE), .def = "0", .max = RATE_MAX,
     .flags = GOEVD_OPTION_RUNTIME, .help = "Bytes per second of each download; 0: no limit."},
    {GOEVD_OPTION(struct dl_options, client_rate, "client_rate", RATE), .def = "0", .max = RATE_MAX,
     .flags = GOEVD_OPTION_RUNTIME,
     .help = "Bytes per second of all downloads of a client's address; 0: no limit."},
    {GOEVD_OPTION(struct dl_options, route_rate, "route_rate", RATE), .def = "0", .max = RATE_MAX,
     .flags = GOEVD_OPTION_RUNTIME, .help = "Bytes per second of all downloads; 0: no limit."},
    {GOEVD_OPTION(struct dl_options, burst, "burst", SIZE), .def = "0", .max = BURST_MAX,
     .flags = GOEVD_OPTION_RUNTIME,
     .help = "Bytes beyond the rates that may be sent at the beginning and after a pause."},
    {GOEVD_OPTION(struct dl_options, client_max, "client_max", INT), .def = "1024", .max = 1 << 24,
     .flags = GOEVD_OPTION_RUNTIME,
     .help = "Downloads of a client's address at the same time; 0: no limit."},
    {.type = GOEVD_OPTION_END},
};

const struct goevd_schema dl_options_schema = GOEVD_SCHEMA(struct dl_options, options_table);
