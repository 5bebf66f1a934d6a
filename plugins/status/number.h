/* Formats numbers for people. */
#pragma once

#include <stdio.h>

enum status_kind { STATUS_TEXT, STATUS_COUNT, STATUS_RATE, STATUS_SECONDS, STATUS_BYTES };

/* The kind of a column named "count", "rate" or "seconds"; any other is a text. */
enum status_kind status_kind_of(const char *name);

/* Write 12,345, 0.52, 12.3 ms, 3 h or 1.2 MiB; "" becomes a dash. */
void status_number(FILE *out, enum status_kind kind, const char *value);
