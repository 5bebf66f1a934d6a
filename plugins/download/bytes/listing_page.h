/* Formats a directory as an HTML page. */
#pragma once

#include <stdio.h>

#include "download/bytes/listing_entry.h"

/* Write the link to an entry, relative to the directory and escaped for HTML and JSON. */
void dl_listing_put_link(FILE *out, const struct dl_entry *entry);

/* Write the page of a directory whose path in the URL is `path`, with its entries in order. */
void dl_listing_put_page(FILE *out, const char *path, struct dl_entry *const *entries,
                         size_t count);
