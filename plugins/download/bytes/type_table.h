/* Media types by file name extension. The table depends on neither options nor host. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct dl_type_table {
    struct dl_type_row *rows; /* sorted by extension once sealed */
    size_t count, room;
};

/* Whether a text is usable as a media type: printable ASCII with a slash. */
bool dl_type_is_valid(const char *type);

/* Add a type. The first one of an extension wins. Both texts must outlive the table. Returns 0;
 * -ENOMEM. */
int dl_type_table_add(struct dl_type_table *table, const char *extension, const char *type);

/* Add the types of a globs2 of shared-mime-info, or of a mime.types(5). The text is split in place
 * and must outlive the table. Returns 0; -ENOMEM. */
int dl_type_table_parse(struct dl_type_table *table, char *text);

/* Add the built-in types. Returns 0; -ENOMEM. */
int dl_type_table_add_common(struct dl_type_table *table);

/* Sort the table: after the last type is added, before the first look-up. */
void dl_type_table_seal(struct dl_type_table *table);

/* The type of the longest extension of a name: "tar.gz" before "gz". NULL: unknown. */
const char *dl_type_table_find(const struct dl_type_table *table, const char *name);

void dl_type_table_fini(struct dl_type_table *table);
