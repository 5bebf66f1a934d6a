#include "download/options.h"

#include "common/options.h"

/* With these nothing of pace.c passes the greatest int64_t. */
#define RATE_MAX (INT64_C(1) << 36)
#define BURST_MAX (INT64_C(1) << 30)

static const struct goevd_option index_table[] = {
    {.type = GOEVD_OPTION_STRING, .min = 1, .max = 255, .help = "a name"},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema index_schema = GOEVD_SCHEMA(struct goevd_str, index_table);

/* In the order of enum encoding. */
static const char *const encoding_choices[] = {"br", "zst", "gz", NULL};

static const struct goevd_option encoding_table[] = {
    {.type = GOEVD_OPTION_ENUM, .choices = encoding_choices, .help = "what follows the name"},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema encoding_schema = GOEVD_SCHEMA(int, encoding_table);

/* In the order of enum options_listing. */
static const char *const listing_choices[] = {"none", "html", "json", NULL};

/* In the order of enum options_symlinks. */
static const char *const symlinks_choices[] = {"beneath", "none", NULL};

static const struct goevd_option options_table[] = {
    {FIELDS("root", STRING, root, NULL, 1, 4095, "The directory whose files are served."),
     .flags = GOEVD_OPTION_REQUIRED | GOEVD_OPTION_PATH},
    {FIELDS("index", LIST, index, "[index.html]", 0, 16,
            "Files that stand for a directory; the first that is there."),
     .item = &index_schema},
    {FIELDS("listing", ENUM, listing, "none", 0, 0,
            "What is sent of a directory without an index: nothing, a page or JSON."),
     .choices = listing_choices},
    OPTION("listing_max", INT, listing_max, "10000", 1, 1000000,
           "Files of a directory that is listed; one that has more is not."),
    {FIELDS("symlinks", ENUM, symlinks, "beneath", 0, 0,
            "Whether symbolic links are followed that stay beneath the root."),
     .choices = symlinks_choices},
    OPTION("hidden", BOOL, hidden, "false", 0, 0,
           "Whether files and directories are served whose names begin with a dot."),
    OPTION("attachment", BOOL, attachment, "false", 0, 0,
           "Tell browsers to save files, not to show them."),
    OPTION("types", MAP, types, NULL, 0, 1000, "Types of files by what follows the dot."),
    {FIELDS("type_file", STRING, type_file, NULL, 1, 4095,
            "File with more types, read instead of the system's: a globs2 or a mime.types."),
     .flags = GOEVD_OPTION_PATH},
    OPTION("default_type", STRING, default_type, "application/octet-stream", 0, 255,
           "The type of all other files; empty: none is told."),
    OPTION("charset", STRING, charset, "utf-8", 0, 64,
           "The charset that is told of types that begin with text/; empty: none is."),
    OPTION("cache_control", STRING, cache_control, NULL, 1, 1024,
           "Value of the header Cache-Control."),
    {FIELDS("precompressed", LIST, precompressed, NULL, 0, 3,
            "Files beside others that have the same content in less bytes; the best ones first."),
     .item = &encoding_schema},
    OPTION("ranges_max", INT, ranges_max, "16", 1, 256,
           "Ranges of one request that are sent; with more the whole file is."),
    OPTION("open_max", INT, open_max, "512", 0, 1 << 20,
           "Files that each poller keeps open for the next request."),
    OPTION("open_time", DURATION, open_time_ns, "1s", MILLISECOND, 3600 * SECOND,
           "How long it keeps a file before it looks at its name again."),
    RUNTIME("rate", RATE, rate, "0", 0, RATE_MAX,
            "Bytes per second of each download; 0: no limit."),
    RUNTIME("client_rate", RATE, client_rate, "0", 0, RATE_MAX,
            "Bytes per second of all downloads of a client's address."),
    RUNTIME("route_rate", RATE, route_rate, "0", 0, RATE_MAX, "Bytes per second of all downloads."),
    RUNTIME("burst", SIZE, burst, "0", 0, BURST_MAX,
            "Bytes that may be sent at once after a pause, each rate notwithstanding."),
    {.type = GOEVD_OPTION_END},
};

const struct goevd_schema options_schema = GOEVD_SCHEMA(struct options, options_table);
