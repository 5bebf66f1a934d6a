#include "base/heap.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#define SLACK_BYTES ((size_t)4 << 20)   /* more than this above the base is looked at */
#define WORTH_BYTES ((size_t)256 << 10) /* giving back less is not worth the next look */

size_t
heap_resident_bytes(void)
{
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    unsigned long pages = 0;
    char text[128] = "";
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    fd_close(fd);
    if (n <= 0 || sscanf(text, "%*u %lu", &pages) != 1)
        return 0;
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

void
heap_begin(struct heap *h, uint64_t now_ns)
{
    h->base_bytes = heap_resident_bytes();
    h->delay_ns = HEAP_FIRST_NS;
    h->due_ns = now_ns + h->delay_ns;
}

void
heap_trim(struct heap *h, uint64_t now_ns)
{
    size_t before, after;

    if (now_ns < h->due_ns)
        return;
    before = heap_resident_bytes();
    if (before > h->base_bytes + SLACK_BYTES) {
        malloc_trim(0);
        after = heap_resident_bytes();
        h->delay_ns =
            before > after + WORTH_BYTES ? HEAP_FIRST_NS : MIN(2 * h->delay_ns, HEAP_MAX_NS);
    } else {
        h->delay_ns = HEAP_FIRST_NS;
    }
    h->due_ns = now_ns + h->delay_ns;
}
