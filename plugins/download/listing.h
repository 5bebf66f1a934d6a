/* What is in a directory, as a page or as JSON. It is read on the work pool, for that may take
 * long. */
#pragma once

#include "download/download.h"

/* Answer with the listing of a directory, soon.
 *
 * name     beneath the root, with a "/" at its end, or empty.
 * Returns  what a callback may return.
 */
int dl_listing_start(struct dl_local *l, struct goevd_http_request *r, struct goevd_str name);
