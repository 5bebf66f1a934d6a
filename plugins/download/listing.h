/* Lists a directory as a page or as JSON. The directory is read on the work pool, because that may
 * block. */
#pragma once

#include "download/download.h"

/* Start a job that replies with the listing of a directory.
 *
 * name     Beneath the root, with a "/" at its end, or empty.
 * Returns  The value that the callback has to return.
 */
int dl_listing_start(struct dl_local *l, struct goevd_http_request *r, struct goevd_str name);
