/* The supervisor's side: it gives each worker memory to count in, and adds the counts of ended
 * workers to its own totals. Totals never fall. */
#pragma once

#include "metrics/counts.h"
#include "metrics/view.h"

struct ledger_entry {
    uint64_t id; /* 0: free */
    int fd;
    bool named; /* its catalog has given the present names */
    struct counts counts;
    struct catalog catalog;
};

struct ledger {
    int fd; /* of the totals */
    struct counts totals;
    struct view view; /* the totals */
    struct ledger_entry entries[COUNTS_MAX];
    uint64_t last_id;
};

int ledger_init(struct ledger *l, struct err *reterr);
void ledger_fini(struct ledger *l);

/* Memory for a worker that starts. Returns its id, above 0; 0 if there is none: it counts in memory
 * of its own. */
uint64_t ledger_open(struct ledger *l, struct err *reterr);

/* Its descriptor, which stays the ledger's; -1 if there is none. */
int ledger_fd(const struct ledger *l, uint64_t id);

/* The worker serves: its names are the present ones, and its memory is frozen for other writers. 0;
 * a negative errno if its catalog is invalid, and the worker is then left out. */
int ledger_ready(struct ledger *l, uint64_t id);

/* The worker has ended: its counts are added to the totals. */
void ledger_close(struct ledger *l, uint64_t id);

/* How goevd is, for workers to show: see struct counts_head. */
void ledger_set_facts(struct ledger *l, const char *text, size_t len);

/* Count something of the supervisor's own. */
void ledger_count(struct ledger *l, const struct catalog_family *about, const char *const *values,
                  uint64_t n);
