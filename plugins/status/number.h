/* Numbers for people. */
#pragma once

#include <stdio.h>

enum status_kind { STATUS_TEXT, STATUS_COUNT, STATUS_RATE, STATUS_SECONDS, STATUS_BYTES };

/* "count", "rate", "seconds"; anything else is a text. */
enum status_kind status_kind_of(const char *name);

/* As 12,345, 0.52, 12.3 ms, 3 h or 1.2 MiB; a dash for "". */
void status_number(FILE *out, enum status_kind kind, const char *value);
