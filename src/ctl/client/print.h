/* Replies of workers, as records, to people and programs. */
#pragma once

#include "ctl/record.h"
#include "ctl/status.h"

/* The reply of one worker. */
struct print_reply {
    const char *worker; /* its process id */
    char *text;         /* split where it is printed */
};

struct rates;

/* Returns the exit status. rates: NULL if they are not known. */
int print_status(struct record *records, unsigned count, const struct rates *rates, bool json);

/* `filters` are KEY=VALUE. 0; -EINVAL after a line on stderr; -ENOMEM. */
int print_connections(const struct print_reply *replies, unsigned count, char **filters,
                      int filter_count, bool json);

#define PRINT_AMOUNT_MAX 16
#define PRINT_TIME_MAX 32

/* 999, 1.2K, 34M: at most five characters. */
const char *print_amount(uint64_t n, char buf[PRINT_AMOUNT_MAX]);

/* 0.1s, 59s, 12m, 3h, 5d: likewise. */
const char *print_duration(uint64_t ms, char buf[PRINT_AMOUNT_MAX]);

/* 2026-01-31T12:00:00Z */
const char *print_time(uint64_t seconds, char buf[PRINT_TIME_MAX]);
