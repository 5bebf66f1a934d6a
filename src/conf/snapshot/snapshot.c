#include "conf/snapshot/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SNAPSHOT_MAGIC "goevdsnp"
#define SNAPSHOT_ALIGN 8u
#define SNAPSHOT_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

struct snapshot_head {
    char magic[8];
    uint32_t version;
    uint32_t reserved;
};

/* Before each name, which ends with a zero byte, and its data; both are padded. */
struct snapshot_record {
    uint32_t kind;
    int32_t error;
    uint64_t device, inode;
    uint64_t name_bytes;
    uint64_t data_bytes;
};

static size_t
snapshot_padded(size_t len)
{
    return (len + SNAPSHOT_ALIGN - 1) & ~(size_t)(SNAPSHOT_ALIGN - 1);
}

/* ---- Finding --------------------------------------------------------------------------------- */

/* The record at *at, which moves behind it; NULL at the end, or where that is missing. */
static const struct snapshot_record *
snapshot_next(const struct snapshot *s, size_t *at)
{
    const struct snapshot_record *r = (const void *)(s->data + *at);
    size_t left = s->len - *at;

    if (left < sizeof(*r))
        return NULL;
    left -= sizeof(*r);
    if (r->name_bytes == 0 || r->name_bytes > left || r->data_bytes > left ||
        snapshot_padded(r->name_bytes) + snapshot_padded(r->data_bytes) > left)
        return NULL;
    *at += sizeof(*r) + snapshot_padded(r->name_bytes) + snapshot_padded(r->data_bytes);
    return r;
}

bool
snapshot_find(const struct snapshot *s, enum snapshot_kind kind, const char *name,
              struct snapshot_entry *ret)
{
    size_t at = sizeof(struct snapshot_head), bytes = strlen(name) + 1;
    const struct snapshot_record *r;

    if (!s || !s->data)
        return false;
    while ((r = snapshot_next(s, &at))) {
        const char *own = (const char *)(r + 1);

        if (r->kind != (uint32_t)kind || r->name_bytes != bytes || memcmp(own, name, bytes) != 0)
            continue;
        *ret = (struct snapshot_entry){.error = r->error,
                                       .device = r->device,
                                       .inode = r->inode,
                                       .data = own + snapshot_padded(bytes),
                                       .len = r->data_bytes};
        return true;
    }
    return false;
}

/* ---- Recording ------------------------------------------------------------------------------- */

void
snapshot_record(struct snapshot *s)
{
    *s = (struct snapshot){.records = true};
}

/* Without memory a snapshot is like one that is too large. */
static void
snapshot_overflow(struct snapshot *s)
{
    free(s->data);
    *s = (struct snapshot){.overflowed = true};
}

static bool
snapshot_reserve(struct snapshot *s, size_t more)
{
    size_t size = MAX(s->size, (size_t)4096);
    char *data;

    if (more > SNAPSHOT_BYTES_MAX - s->len)
        return false;
    while (size < s->len + more)
        size *= 2;
    if (size == s->size)
        return true;
    data = realloc(s->data, size);
    if (!data)
        return false;
    s->data = data;
    s->size = size;
    return true;
}

/* Room was reserved for it. */
static void
snapshot_append(struct snapshot *s, const void *data, size_t len)
{
    size_t padded = snapshot_padded(len);

    memset(s->data + s->len + len, 0, padded - len);
    if (len > 0)
        memcpy(s->data + s->len, data, len);
    s->len += padded;
}

static bool
snapshot_begin(struct snapshot *s)
{
    const struct snapshot_head head = {.magic = SNAPSHOT_MAGIC, .version = SNAPSHOT_VERSION};

    if (s->len > 0)
        return true;
    if (!snapshot_reserve(s, sizeof(head)))
        return false;
    snapshot_append(s, &head, sizeof(head));
    return true;
}

void
snapshot_add(struct snapshot *s, enum snapshot_kind kind, const char *name,
             const struct snapshot_entry *entry)
{
    const struct snapshot_record r = {.kind = (uint32_t)kind,
                                      .error = entry->error,
                                      .device = entry->device,
                                      .inode = entry->inode,
                                      .name_bytes = strlen(name) + 1,
                                      .data_bytes = entry->len};
    struct snapshot_entry known;

    if (!s || !s->records || snapshot_find(s, kind, name, &known))
        return;
    if (entry->len > SNAPSHOT_BYTES_MAX || !snapshot_begin(s) ||
        !snapshot_reserve(s, sizeof(r) + snapshot_padded(r.name_bytes) +
                                 snapshot_padded(r.data_bytes))) {
        snapshot_overflow(s);
        return;
    }
    snapshot_append(s, &r, sizeof(r));
    snapshot_append(s, name, r.name_bytes);
    snapshot_append(s, entry->data, r.data_bytes);
}

static int
snapshot_write(const struct snapshot *s, int fd)
{
    size_t done = 0;

    while (done < s->len) {
        ssize_t n = pwrite(fd, s->data + done, s->len - done, (off_t)done);

        if (n < 0 && errno != EINTR)
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int
snapshot_seal(struct snapshot *s, int fd, struct err *reterr)
{
    int r = s->records ? snapshot_write(s, fd) : 0;

    if (r < 0)
        err_set_errno(reterr, r, "cannot write the snapshot of the configuration");
    else if (s->overflowed)
        r = err_set(reterr, -EFBIG,
                    "the files of the configuration have more than %u MiB together, or memory is "
                    "short",
                    SNAPSHOT_BYTES_MAX >> 20);
    else if (s->records && fcntl(fd, F_ADD_SEALS, SNAPSHOT_SEALS) < 0)
        r = err_set_errno(reterr, -errno, "cannot seal the snapshot of the configuration");
    snapshot_fini(s);
    return r;
}

/* ---- Replaying ------------------------------------------------------------------------------- */

/* All of it must be there: half a snapshot would lead to a worker of two configurations. */
static int
snapshot_check(const struct snapshot *s, struct err *reterr)
{
    const struct snapshot_head *head = (const void *)s->data;
    size_t at = sizeof(*head);

    if (memcmp(head->magic, SNAPSHOT_MAGIC, sizeof(head->magic)) != 0)
        return err_set(reterr, -EBADMSG, "it is no snapshot");
    if (head->version != SNAPSHOT_VERSION)
        return err_set(reterr, -EPROTO, "it has version %u, and this goevd reads %d", head->version,
                       SNAPSHOT_VERSION);
    while (snapshot_next(s, &at))
        ;
    return at == s->len ? 0 : err_set(reterr, -EBADMSG, "it is damaged");
}

int
snapshot_replay(struct snapshot *s, int fd, struct err *reterr)
{
    struct stat st;
    void *data;
    int r;

    *s = (struct snapshot){0};
    if (fstat(fd, &st) < 0)
        return err_set_errno(reterr, -errno, "it cannot be read");
    if ((size_t)st.st_size < sizeof(struct snapshot_head))
        return err_set(reterr, -EBADMSG, "it is empty");
    data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return err_set_errno(reterr, -errno, "it cannot be read");
    *s = (struct snapshot){
        .replays = true, .data = data, .len = (size_t)st.st_size, .size = (size_t)st.st_size};
    r = snapshot_check(s, reterr);
    if (r < 0)
        snapshot_fini(s);
    return r;
}

void
snapshot_fini(struct snapshot *s)
{
    if (s->replays)
        munmap(s->data, s->size);
    else
        free(s->data);
    *s = (struct snapshot){0};
}
