/* Memory that malloc(3) keeps after it has been freed, given back to the system.
 *
 * malloc gives back the end of a heap. A burst leaves holes below it, and a daemon
 * would hold them for good. malloc_trim(3) holds the locks of the heaps, so it is called from a
 * thread that no other waits for, at most every HEAP_FIRST_NS, and less often while it gives
 * nothing back. */
#pragma once

#include "base/util.h"

#define HEAP_FIRST_NS (15 * NS_PER_S)
#define HEAP_MAX_NS (60 * NS_PER_S)

/* Zeroed before heap_begin(). */
struct heap {
    size_t base_bytes; /* resident memory below which nothing is looked for */
    uint64_t delay_ns;
    uint64_t due_ns;
};

/* All that is resident now is needed for good. */
void heap_begin(struct heap *h, uint64_t now_ns);

/* If it is due, give back free memory. */
void heap_trim(struct heap *h, uint64_t now_ns);

/* Resident memory of the process; 0: unknown. */
size_t heap_resident_bytes(void);
