/* One request at the control socket, and its reply. */
#pragma once

#include "base/util.h"

/* Send a line, without its newline, to the socket at path.
 *
 * Returns  0 with the reply; 1 if it was refused, with the reason in lines; negative if there was
 * no reply, or not all of it. *ret_text is the caller's to free, NULL after a negative return.
 */
int fetch(const char *path, const char *line, char **ret_text);

/* The same, where each piece of the reply comes within so many seconds. */
int fetch_within(const char *path, const char *line, unsigned wait_s, char **ret_text);

/* Print why fetch() returned a negative errno. */
void fetch_complain(const char *path, int r);
