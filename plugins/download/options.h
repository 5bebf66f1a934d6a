/* The options of one instance: a directory that is served. */
#pragma once

#include <goevd/plugin.h>

enum dl_options_listing {
    DL_OPTIONS_LISTING_NONE,
    DL_OPTIONS_LISTING_HTML,
    DL_OPTIONS_LISTING_JSON
};
enum dl_options_symlinks { DL_OPTIONS_SYMLINKS_BENEATH, DL_OPTIONS_SYMLINKS_NONE };

enum dl_options_etag { DL_OPTIONS_ETAG_CHANGED, DL_OPTIONS_ETAG_MODIFIED };

struct dl_options {
    struct goevd_str root;
    struct goevd_list index; /* struct goevd_str */
    struct goevd_str fallback;
    int listing; /* enum dl_options_listing */
    int64_t listing_max;
    int symlinks; /* enum dl_options_symlinks */
    bool hidden;
    bool attachment;
    struct goevd_list types; /* struct goevd_pair: extension, type */
    struct goevd_str type_file;
    struct goevd_str default_type;
    struct goevd_str charset;
    int etag; /* enum dl_options_etag */
    struct goevd_str cache_control;
    struct goevd_list precompressed; /* int: enum dl_encoding */
    int64_t ranges_max;
    int64_t open_max;
    int64_t open_time_ns;
    int64_t rate; /* the five rates are read by goevd_options() only, because they change on
                   * reload */
    int64_t client_rate;
    int64_t route_rate;
    int64_t burst;
    int64_t client_max;
};

extern const struct goevd_schema dl_options_schema;
