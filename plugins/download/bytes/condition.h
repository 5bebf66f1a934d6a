/* Evaluates the conditions of a request, RFC 9110 section 13. */
#pragma once

#include <goevd/http.h>

#define DL_CONDITION_DATE_LEN 29 /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* The values of a file that conditions compare. */
struct dl_condition_file {
    struct goevd_str etag;     /* strong, with its quotes */
    struct goevd_str modified; /* value of Last-Modified */
    int64_t modified_s;        /* seconds since 1970 */
};

/* The headers of a request. */
struct dl_condition {
    bool if_match, if_match_holds;
    bool if_none_match, if_none_match_holds;
    struct goevd_str if_unmodified_since; /* data is NULL if the header is missing, as for the
                                           * others */
    struct goevd_str if_modified_since;
    struct goevd_str if_range;
    struct goevd_str range;
    bool range_twice;
};

enum dl_condition_result { DL_CONDITION_HOLDS, DL_CONDITION_NOT_MODIFIED, DL_CONDITION_FAILED };

/* Format an HTTP date, NUL-terminated. */
void dl_condition_date_format(int64_t seconds, char ret_date[DL_CONDITION_DATE_LEN + 1]);

/* Parse an HTTP date in any of its three forms. False: malformed. */
bool dl_condition_date_parse(struct goevd_str text, int64_t *ret_seconds);

/* Pass any header of the request. */
void dl_condition_header(struct dl_condition *c, const struct dl_condition_file *file,
                         struct goevd_str name, struct goevd_str value);

/* Evaluate the conditions in their order of precedence. */
enum dl_condition_result dl_condition_check(const struct dl_condition *c,
                                            const struct dl_condition_file *file);

/* The value of Range; data is NULL without Range, or if If-Range does not hold.
 *
 * now_s    Seconds since 1970.
 */
struct goevd_str dl_condition_range(const struct dl_condition *c,
                                    const struct dl_condition_file *file, int64_t now_s);
