#include "net/tls/ticket_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define PAGE_VERSION 1

struct ticket_page {
    uint32_t version;
    _Atomic uint32_t changes; /* odd while a key is written */
    uint32_t present;         /* index of the newest key */
    struct ticket_key keys[TICKET_KEYS_KEPT];
};

/* ---- The maker ------------------------------------------------------------------------------- */

static int
ticket_key_make(struct ticket_key *key)
{
    ssize_t n;

    do
        n = getrandom(key, sizeof(*key), 0);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(*key) ? 0 : n < 0 ? -errno : -EIO;
}

/* Readers that meet a change begin anew. */
static void
ticket_page_put(struct ticket_page *page, uint32_t at, const struct ticket_key *key)
{
    atomic_fetch_add(&page->changes, 1);
    atomic_thread_fence(memory_order_release);
    memcpy(&page->keys[at], key, sizeof(*key));
    page->present = at;
    atomic_fetch_add(&page->changes, 1);
}

static int
ticket_keys_map(struct ticket_keys *k)
{
    int seals = F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
    void *page;

    if (ftruncate(k->fd, sizeof(*k->page)) < 0)
        return -errno;
    page = mmap(NULL, sizeof(*k->page), PROT_READ | PROT_WRITE, MAP_SHARED, k->fd, 0);
    if (page == MAP_FAILED)
        return -errno;
    k->page = page;
    (void)madvise(page, sizeof(*k->page), MADV_DONTDUMP);
    return fcntl(k->fd, F_ADD_SEALS, seals) < 0 ? -errno : 0;
}

int
ticket_keys_new(struct ticket_keys *k, uint64_t now_ns, struct err *reterr)
{
    struct ticket_key key;
    int r;

    *k = (struct ticket_keys){.fd = memfd_create("goevd-tickets", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    r = k->fd < 0 ? -errno : ticket_keys_map(k);
    if (r == 0)
        r = ticket_key_make(&key);
    if (r < 0) {
        ticket_keys_fini(k);
        return err_set_errno(reterr, r, "cannot make keys for TLS tickets");
    }
    k->page->version = PAGE_VERSION;
    ticket_page_put(k->page, 0, &key);
    explicit_bzero(&key, sizeof(key));
    k->next_ns = now_ns + TICKET_KEY_AGE_NS;
    return 0;
}

int
ticket_keys_rotate(struct ticket_keys *k, uint64_t now_ns)
{
    struct ticket_key key;
    int r;

    if (!k->page || now_ns < k->next_ns)
        return 0;
    k->next_ns = now_ns + TICKET_KEY_AGE_NS;
    r = ticket_key_make(&key);
    if (r == 0)
        ticket_page_put(k->page, (k->page->present + 1) % TICKET_KEYS_KEPT, &key);
    explicit_bzero(&key, sizeof(key));
    return r;
}

void
ticket_keys_fini(struct ticket_keys *k)
{
    if (k->page) {
        explicit_bzero(k->page->keys, sizeof(k->page->keys));
        munmap(k->page, sizeof(*k->page));
        fd_close(k->fd);
    } else if (k->fd > 0) {
        fd_close(k->fd);
    }
    *k = (struct ticket_keys){0};
}

/* ---- Readers --------------------------------------------------------------------------------- */

int
ticket_page_map(int fd, const struct ticket_page **ret, struct err *reterr)
{
    const struct ticket_page *page;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_set_errno(reterr, -errno, "cannot read the keys of TLS tickets");
    if (st.st_size < (off_t)sizeof(*page))
        return err_set(reterr, -EPROTO,
                       "the keys of TLS tickets are from another version of goevd");
    page = mmap(NULL, sizeof(*page), PROT_READ, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return err_set_errno(reterr, -errno, "cannot read the keys of TLS tickets");
    if (page->version != PAGE_VERSION) {
        ticket_page_unmap(page);
        return err_set(reterr, -EPROTO,
                       "the keys of TLS tickets are from another version of goevd");
    }
    *ret = page;
    return 0;
}

void
ticket_page_unmap(const struct ticket_page *page)
{
    void *p;

    memcpy(&p, &page, sizeof(p)); /* munmap(2) takes no const */
    munmap(p, sizeof(*page));
}

/* Copy the key at an index, unless a change comes meanwhile. `at` UINT32_MAX: the present one. */
static bool
ticket_page_copy(const struct ticket_page *page, uint32_t at, struct ticket_key *ret,
                 bool *ret_present)
{
    uint32_t before = atomic_load_explicit(&page->changes, memory_order_acquire);
    uint32_t present = page->present % TICKET_KEYS_KEPT;

    if (at == UINT32_MAX)
        at = present;
    memcpy(ret, &page->keys[at], sizeof(*ret));
    *ret_present = at == present;
    atomic_thread_fence(memory_order_acquire);
    return before % 2 == 0 && atomic_load_explicit(&page->changes, memory_order_relaxed) == before;
}

void
ticket_page_present(const struct ticket_page *page, struct ticket_key *ret)
{
    bool present;

    while (!ticket_page_copy(page, UINT32_MAX, ret, &present))
        ;
}

bool
ticket_page_find(const struct ticket_page *page, const unsigned char *name, struct ticket_key *ret,
                 bool *ret_present)
{
    static const unsigned char none[sizeof(ret->name)];

    if (memcmp(name, none, sizeof(none)) == 0) /* places that have no key yet */
        return false;
    for (uint32_t i = 0; i < TICKET_KEYS_KEPT; i++) {
        while (!ticket_page_copy(page, i, ret, ret_present))
            ;
        if (memcmp(ret->name, name, sizeof(ret->name)) == 0)
            return true;
    }
    return false;
}
