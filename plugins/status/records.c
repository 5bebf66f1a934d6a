#include "status/records.h"

#include <string.h>

void
status_records_begin(struct status_records *r, char *text)
{
    *r = (struct status_records){.at = text};
}

bool
status_records_next(struct status_records *r)
{
    char *line = r->at, *end = strchr(line, '\n');

    if (*line == '\0')
        return false;
    r->at = end ? end + 1 : line + strlen(line);
    if (end)
        *end = '\0';
    r->count = 0;
    for (size_t i = 0; i < STATUS_FIELDS_MAX; i++) {
        char *tab = strchr(line, '\t');

        r->fields[i] = line;
        r->count += *line != '\0' || tab != NULL || r->count == i;
        if (tab)
            *tab = '\0';
        line = tab ? tab + 1 : line + strlen(line);
    }
    return true;
}

bool
status_records_is(const struct status_records *r, const char *kind)
{
    return strcmp(r->fields[0], kind) == 0;
}
