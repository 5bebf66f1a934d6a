#include "metrics/counts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define COUNTS_MAGIC UINT64_C(0x676f6576646d6574) /* "goevdmet" */
#define COUNTS_VERSION 2
#define FACTS_ATTEMPTS 1000 /* a change takes microseconds */

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* Linux 5.1 */
#endif

int
counts_create(struct err *reterr)
{
    int r, fd = memfd_create("goevd-metrics", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return err_set_errno(reterr, -errno, "cannot make memory for metrics");
    if (ftruncate(fd, (off_t)COUNTS_BYTES) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0)
        return fd;
    r = err_set_errno(reterr, -errno, "cannot make memory for metrics");
    fd_close(fd);
    return r;
}

void
counts_reset(struct counts *s)
{
    s->used = 0;
    counts_alloc(s, sizeof(struct counts_head));
}

int
counts_map(struct counts *s, int fd, bool writable, struct err *reterr)
{
    int seals = fcntl(fd, F_GET_SEALS), protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    struct stat st;
    void *base;

    *s = (struct counts){0};
    if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) < 0 ||
        st.st_size != (off_t)COUNTS_BYTES)
        return err_set(reterr, -EBADMSG, "the memory of metrics is not as the supervisor made it");
    base = mmap(NULL, COUNTS_BYTES, protection, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (base == MAP_FAILED)
        return err_set_errno(reterr, -errno, "cannot map memory for metrics");
    *s = (struct counts){.base = base, .size = COUNTS_BYTES};
    if (writable) {
        counts_reset(s);
        counts_head(s)->magic = COUNTS_MAGIC;
        counts_head(s)->version = COUNTS_VERSION;
    }
    return 0;
}

void
counts_unmap(struct counts *s)
{
    if (s->base)
        munmap(s->base, s->size);
    *s = (struct counts){0};
}

void
counts_freeze(int fd)
{
    (void)fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
}

void *
counts_alloc(struct counts *s, size_t bytes)
{
    size_t size = (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    char *p = s->base + s->used;

    if (bytes > s->size || size > s->size - s->used)
        return NULL;
    s->used += size;
    return p;
}

int
counts_set_catalog(struct counts *s, const char *text, size_t len)
{
    struct counts_head *head = counts_head(s);
    char *copy = counts_alloc(s, len);

    if (!copy)
        return -ENOSPC;
    memcpy(copy, text, len);
    atomic_store_explicit(&head->catalog_offset, counts_offset(s, copy), memory_order_relaxed);
    atomic_store_explicit(&head->catalog_len, len, memory_order_release);
    return 0;
}

bool
counts_is_known(const struct counts *s)
{
    const struct counts_head *head = counts_head(s);

    return head->magic == COUNTS_MAGIC && head->version == COUNTS_VERSION;
}

int
counts_read_catalog(const struct counts *s, struct catalog *ret)
{
    const struct counts_head *head = counts_head(s);
    uint64_t len = atomic_load_explicit(&head->catalog_len, memory_order_acquire);
    uint64_t offset = atomic_load_explicit(&head->catalog_offset, memory_order_relaxed);

    *ret = (struct catalog){0};
    if (len == 0)
        return -EAGAIN;
    if (!counts_is_known(s) || offset > s->size || len > s->size - offset)
        return -EBADMSG;
    return catalog_parse(ret, s->base + offset, len, s->size);
}

void
counts_set_facts(struct counts *s, const char *text, size_t len)
{
    struct counts_head *head = counts_head(s);
    char copy[COUNTS_FACTS_MAX] = "";
    uint64_t word;

    len = MIN(len, sizeof(copy) - 1);
    memcpy(copy, text, len);
    while (len == sizeof(copy) - 1 && len > 0 && copy[len - 1] != '\n')
        copy[--len] = '\0';
    atomic_fetch_add(&head->facts_sequence, 1);
    atomic_thread_fence(memory_order_seq_cst);
    for (size_t i = 0; i < ARRAY_LEN(head->facts); i++) {
        memcpy(&word, copy + i * sizeof(word), sizeof(word));
        atomic_store_explicit(&head->facts[i], word, memory_order_relaxed);
    }
    atomic_fetch_add(&head->facts_sequence, 1);
}

int
counts_read_facts(const struct counts *s, char ret[COUNTS_FACTS_MAX])
{
    struct counts_head *head = counts_head(s);

    if (!counts_is_known(s))
        return -EAGAIN;
    for (unsigned attempt = 0; attempt < FACTS_ATTEMPTS; attempt++) {
        uint64_t before = atomic_load(&head->facts_sequence), word;

        for (size_t i = 0; i < ARRAY_LEN(head->facts); i++) {
            word = atomic_load_explicit(&head->facts[i], memory_order_relaxed);
            memcpy(ret + i * sizeof(word), &word, sizeof(word));
        }
        atomic_thread_fence(memory_order_seq_cst);
        ret[COUNTS_FACTS_MAX - 1] = '\0';
        if (before % 2 == 0 && atomic_load(&head->facts_sequence) == before)
            return before && *ret ? 0 : -EAGAIN;
        sched_yield();
    }
    return -EAGAIN;
}
