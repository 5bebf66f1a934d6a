/* The certificates that a worker serves: a list for goevd ctl, and warnings in the log. */
#pragma once

#include "worker/setup.h"

/* Log a warning for each certificate that has expired, soon will, or is not valid yet; and for keys
 * that every user can read. */
void certificates_warn(const struct setup *s);

/* A line for each certificate, or JSON; to be freed. 0; -ENOMEM. */
int certificates_text(const struct setup *s, bool json, char **ret_text, size_t *ret_len);
