#include "base/log_writer.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdalign.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"

#define RING_BYTES ((size_t)256 << 10)
#define STACK_BYTES 65536
#define REPORT_S 1 /* between attempts to report lost lines */

/* ---- The ring -------------------------------------------------------------------------------- */

/* Any number of threads and signal handlers add records; one thread takes them. A record is complete
 * when its size is not 0. Whatever is taken is cleared for that reason. */
struct record {
    _Atomic uint32_t size; /* of all of it, a multiple of its alignment */
    uint32_t len;          /* of the line; 0: the record only fills up the end of the ring */
    char line[];
};

static alignas(struct record) char ring[RING_BYTES];
static _Atomic uint64_t ring_head; /* bytes added so far */
static _Atomic uint64_t ring_tail; /* bytes taken so far */

static_assert(RING_BYTES % alignof(struct record) == 0 && alignof(struct record) <= 8 &&
                  sizeof(struct record) == 8,
              "what is left at the end of the ring takes a record");

static struct record *
ring_at(uint64_t position)
{
    return (struct record *)(void *)(ring + position % RING_BYTES);
}

static bool
ring_put(const char *line, size_t len)
{
    uint64_t size = (sizeof(struct record) + len + 7) / 8 * 8, head = atomic_load(&ring_head), fill;
    struct record *r;

    do {
        uint64_t left = RING_BYTES - head % RING_BYTES;

        fill = left < size ? left : 0;
        if (head + fill + size - atomic_load(&ring_tail) > RING_BYTES)
            return false;
    } while (!atomic_compare_exchange_weak(&ring_head, &head, head + fill + size));
    if (fill > 0)
        atomic_store(&ring_at(head)->size, (uint32_t)fill);
    r = ring_at(head + fill);
    memcpy(r->line, line, len);
    r->len = (uint32_t)len;
    atomic_store(&r->size, (uint32_t)size);
    return true;
}

static bool
ring_is_empty(void)
{
    return atomic_load(&ring_head) == atomic_load(&ring_tail);
}

/* The oldest record; NULL: there is none, or its thread has not finished it. */
static struct record *
ring_first(void)
{
    struct record *r = ring_at(atomic_load(&ring_tail));

    return !ring_is_empty() && atomic_load(&r->size) > 0 ? r : NULL;
}

static void
ring_drop_first(struct record *r)
{
    uint32_t size = atomic_load(&r->size);

    memset((void *)r, 0, size);
    atomic_fetch_add(&ring_tail, size);
}

/* ---- The thread ------------------------------------------------------------------------------ */

static struct {
    atomic_bool runs;
    atomic_bool ends;
    sem_t lines; /* posted for each line */
    pthread_t thread;
    struct sink *sink;
    void (*report)(void);
} writer;

static void
log_writer_write(void)
{
    struct record *r;

    while ((r = ring_first())) {
        if (r->len > 0)
            sink_write_waiting(writer.sink, r->line, r->len);
        ring_drop_first(r);
    }
    if (ring_is_empty())
        writer.report();
}

static void
log_writer_wait(void)
{
    struct timespec until;

    if (!sink_has_untold(writer.sink)) {
        sem_wait(&writer.lines);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += REPORT_S;
    sem_clockwait(&writer.lines, CLOCK_MONOTONIC, &until);
}

static void *
log_writer_main(void *arg)
{
    (void)arg;
    while (!atomic_load(&writer.ends)) {
        log_writer_wait();
        log_writer_write();
    }
    return NULL;
}

static void
log_writer_on_fork(void)
{
    atomic_store(&writer.runs, false);
}

int
log_writer_start(struct sink *sink, void (*report)(void))
{
    struct thread_config config = {"log", STACK_BYTES, -1};
    static bool begun;
    int r;

    writer.sink = sink;
    writer.report = report;
    if (!begun)
        sem_init(&writer.lines, 0, 0);
    if (!begun && pthread_atfork(NULL, NULL, log_writer_on_fork) != 0)
        return -ENOMEM;
    begun = true;
    atomic_store(&writer.ends, false);
    r = thread_start(&config, log_writer_main, NULL, &writer.thread);
    atomic_store(&writer.runs, r == 0);
    return r;
}

bool
log_writer_runs(void)
{
    return atomic_load_explicit(&writer.runs, memory_order_relaxed);
}

int
log_writer_put(const char *line, size_t len)
{
    if (!ring_put(line, len)) {
        sink_drop(writer.sink);
        return -EAGAIN;
    }
    sem_post(&writer.lines);
    return 0;
}

bool
log_writer_flush(uint64_t timeout_ns)
{
    uint64_t end_ns = clock_now_ns() + timeout_ns;
    struct pollfd nothing = {.fd = -1};

    if (!log_writer_runs())
        return true;
    while (!ring_is_empty() && clock_now_ns() < end_ns)
        poll(&nothing, 1, 1);
    return ring_is_empty();
}

void
log_writer_stop(uint64_t timeout_ns)
{
    if (!log_writer_runs() || !log_writer_flush(timeout_ns))
        return;
    atomic_store(&writer.ends, true);
    sem_post(&writer.lines);
    pthread_join(writer.thread, NULL);
    atomic_store(&writer.runs, false);
}
