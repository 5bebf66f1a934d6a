#include "net_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/disk.h"

#define FILE_BYTES 300000

static struct work_pool *pool;
static int file; /* on a disk, and not in memory */

/* Jobs that keep the pool's one thread, and its queue, until the test lets them go. */
static sem_t begun, go;
static struct work jobs[2];

static struct {
    unsigned count;
    int result;
} released;

static void
release(void *arg, int result)
{
    released.count++;
    released.result = result;
}

static int
job_run(struct work *w)
{
    sem_post(&begun);
    sem_wait(&go);
    return 0;
}

static void
job_done(struct work *w, int result)
{
}

static void
hold_pool(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        jobs[i] = (struct work){.run = job_run, .done = job_done, .poller = poller};
        assert_int_equal(work_submit(pool, &jobs[i]), 0);
        if (i == 0)
            sem_wait(&begun);
    }
}

static bool
is_forgotten(void)
{
    unsigned char pages[FILE_BYTES / 4096 + 1];
    void *at = mmap(NULL, FILE_BYTES, PROT_READ, MAP_SHARED, file, 0);
    bool none = true;

    assert_ptr_not_equal(at, MAP_FAILED);
    assert_int_equal(mincore(at, FILE_BYTES, pages), 0);
    assert_int_equal(munmap(at, FILE_BYTES), 0);
    for (size_t i = 0; i <= (FILE_BYTES - 1) / (size_t)sysconf(_SC_PAGESIZE); i++)
        none = none && !(pages[i] & 1);
    return none;
}

/* Let the pages be on the disk alone. One that is in somebody's hands at the moment stays. */
static void
forget(void)
{
    uint64_t end = clock_now_ns() + 10 * NS_PER_S;

    while (!is_forgotten()) {
        assert_true(clock_now_ns() < end);
        assert_int_equal(fdatasync(file), 0);
        assert_int_equal(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED), 0);
    }
}

static void
start(const struct transport *transport)
{
    struct work_pool_config config = {1, 1, 262144};
    char byte;
    struct iovec iov = {&byte, 1};

    if (preadv2(file, &iov, 1, 0, RWF_NOWAIT) < 0 && errno == EOPNOTSUPP)
        skip(); /* a file system in memory, or one that does not tell */
    forget();
    /* asking for a page brings no other */
    assert_int_equal(posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM), 0);
    fixture_start(&stream_full, transport);
    assert_int_equal(work_pool_new(&config, &pool, NULL), 0);
    net->readers = pool;
}

static int
setup(void **state)
{
    static char bytes[FILE_BYTES];
    char name[] = "conn_disk.XXXXXX";

    fixture_setup(state);
    memset(&released, 0, sizeof(released));
    limits.linger_timeout_ns = 0;
    sem_init(&begun, 0, 0);
    sem_init(&go, 0, 0);
    file = mkostemp(name, O_CLOEXEC);
    pattern_fill(bytes, sizeof(bytes));
    return file >= 0 && unlink(name) == 0 && write(file, bytes, sizeof(bytes)) == sizeof(bytes)
               ? 0
               : -1;
}

static int
teardown(void **state)
{
    sem_post(&go);
    sem_post(&go);
    work_pool_stop(pool);
    if (poller)
        calm();
    work_pool_free(pool);
    pool = NULL;
    sem_destroy(&begun);
    sem_destroy(&go);
    fd_close(file);
    return fixture_teardown(state);
}

static void
write_between(struct conn *c)
{
    assert_true(conn_write(c, "<", 1) >= 0);
    assert_true(conn_write_file(c, file, 0, FILE_BYTES, release, NULL) >= 0);
    assert_true(conn_write(c, ">", 1) >= 0);
}

static void
hear_between(int fd)
{
    const char *heard = peer_hear(fd, FILE_BYTES + 2);

    assert_int_equal(heard[0], '<');
    assert_true(pattern_is(heard + 1, FILE_BYTES));
    assert_int_equal(heard[FILE_BYTES + 1], '>');
    until(released.count == 1);
    assert_int_equal(released.result, 0);
}

static void
test_conn_disk_nobody_waits_for_another_one_s_file(void **state)
{
    int reader, other;

    start(&transport_plain);
    script.read = script_echo;
    reader = peer_tcp();
    other = peer_tcp();
    hold_pool(1);
    write_between(seen[0].c);
    assert_memory_equal(peer_hear(reader, 1), "<", 1);
    assert_true(seen[0].c->flags & CONN_DISK);
    assert_false(seen[0].c->flags & CONN_BLOCKED);
    peer_say(other, "hello");
    assert_memory_equal(peer_hear(other, 5), "hello", 5);
    peer_say(reader, "I am here");
    until(seen[0].reads == 1);
    assert_true(seen[0].c->flags & CONN_DISK);
    assert_int_equal(net->figures.disk_reads, 1);
    assert_int_equal(net->figures.disk_bytes, 0);
    sem_post(&go);
    assert_true(pattern_is(peer_hear(reader, FILE_BYTES), FILE_BYTES));
    until(released.count == 1);
    assert_in_range(net->figures.disk_bytes, 1, FILE_BYTES);
    fd_close(reader);
    fd_close(other);
}

static void
test_conn_disk_keeps_the_order(void **state)
{
    int fd;

    for (int i = 0; i < 4; i++) {
        if (i == 0)
            start(&transport_faulty);
        forget();
        released.count = 0;
        faults.no_send_file = i % 2;
        faults.write_max = i / 2 ? 7777 : 0;
        fd = peer_tcp();
        write_between(seen[i].c);
        hear_between(fd);
        fd_close(fd);
    }
    assert_true(net->figures.disk_reads >= 4);
}

static void
test_conn_disk_file_in_memory_is_sent_at_once(void **state)
{
    static char bytes[FILE_BYTES];
    int fd, memory = memfd_create("file", MFD_CLOEXEC);

    assert_int_equal(ftruncate(memory, FILE_BYTES), 0);
    assert_int_equal(disk_ready(memory, 0, FILE_BYTES), FILE_BYTES);
    fd_close(memory);
    start(&transport_plain);
    assert_int_equal(pread(file, bytes, sizeof(bytes), 0), sizeof(bytes));
    assert_int_equal(disk_ready(file, 0, FILE_BYTES), FILE_BYTES);
    hold_pool(1);
    fd = peer_tcp();
    write_between(seen[0].c);
    hear_between(fd);
    assert_int_equal(net->figures.disk_reads, 0);
    fd_close(fd);
}

/* What is there goes, and only the rest is waited for. */
static void
test_conn_disk_beginning_in_memory(void **state)
{
    char byte;
    size_t ready;

    start(&transport_plain);
    assert_int_equal(pread(file, &byte, 1, 0), 1);
    ready = disk_ready(file, 0, FILE_BYTES);
    assert_in_range(ready, 1, FILE_BYTES - 1);
    assert_int_equal(disk_ready(file, (off_t)ready - 1, 1), 1);
    assert_int_equal(disk_ready(file, FILE_BYTES / 2, FILE_BYTES / 2), 0);
    assert_int_equal(disk_ready(file, FILE_BYTES, 10), 10); /* sendfile(2) says that it is over */
    assert_int_equal(disk_ready(-1, 0, 10), 10);
}

static void
test_conn_disk_connection_that_ends_meanwhile(void **state)
{
    start(&transport_plain);
    for (unsigned i = 0; i < 3; i++) {
        int fd = peer_tcp();

        forget();
        released.count = 0;
        hold_pool(1);
        write_between(seen[i].c);
        until(seen[i].c->flags & CONN_DISK);
        if (i == 0)
            conn_close(seen[i].c, GOEVD_CLOSE_NOW, GOEVD_REASON_HANDLER);
        else
            fd_close(fd);
        if (i == 2) /* it has asked for the time to send the rest */
            conn_close(seen[i].c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
        if (i != 2)
            until(seen[i].closed && released.count == 1);
        sem_post(&go);
        until(seen[i].closed && released.count == 1);
        assert_int_equal(released.result, -EPIPE);
        if (i == 0)
            fd_close(fd);
        work_pool_stop(pool); /* its end is in the mailbox */
        calm();
        work_pool_free(pool);
        assert_int_equal(work_pool_new(&(struct work_pool_config){1, 1, 262144}, &pool, NULL), 0);
        net->readers = pool;
    }
}

static void
test_conn_disk_flushes_at_close(void **state)
{
    static char heard[FILE_BYTES + 2];
    int fd;

    start(&transport_plain);
    fd = peer_tcp();
    hold_pool(1);
    write_between(seen[0].c);
    conn_close(seen[0].c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    calm();
    assert_int_equal(seen[0].closed, 0);
    sem_post(&go);
    assert_int_equal(peer_drain(fd, heard, sizeof(heard)), sizeof(heard));
    assert_true(pattern_is(heard + 1, FILE_BYTES));
    fd_close(fd);
}

/* A job that waits already, and the queue has room for one. */
static void
test_conn_disk_full_pool_is_asked_again(void **state)
{
    int fd;

    start(&transport_plain);
    fd = peer_tcp();
    hold_pool(2);
    write_between(seen[0].c);
    until(net->figures.disk_refused > 0 || released.count > 0);
    while (net->figures.disk_refused == 0) { /* the disk was faster than the question: again */
        hear_between(fd);
        released.count = 0;
        forget();
        write_between(seen[0].c);
        until(net->figures.disk_refused > 0 || released.count > 0);
    }
    assert_int_equal(net->figures.disk_reads, 0);
    sem_post(&go);
    sem_post(&go);
    hear_between(fd);
    fd_close(fd);
}

static void
test_conn_disk_full_pool_while_closing(void **state)
{
    static char heard[FILE_BYTES + 2];
    int fd;

    start(&transport_plain);
    fd = peer_tcp();
    hold_pool(2);
    write_between(seen[0].c);
    conn_close(seen[0].c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    until(net->figures.disk_refused > 0);
    sem_post(&go);
    sem_post(&go);
    assert_int_equal(peer_drain(fd, heard, sizeof(heard)), sizeof(heard));
    fd_close(fd);
}

static void
test_conn_disk_without_file_descriptors_is_asked_again(void **state)
{
    struct rlimit before, none;
    int fd;

    start(&transport_plain);
    fd = peer_tcp();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){0, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    write_between(seen[0].c);
    until(net->figures.disk_refused > 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    hear_between(fd);
    fd_close(fd);
}

static void
test_conn_disk_stopped_pool_is_done_without(void **state)
{
    int fd;

    start(&transport_plain);
    fd = peer_tcp();
    hold_pool(1);
    write_between(seen[0].c);
    until(seen[0].c->flags & CONN_DISK);
    sem_post(&go);
    work_pool_stop(pool);
    hear_between(fd);
    fd_close(fd);
}

static void
test_conn_disk_file_that_ends_early_closes(void **state)
{
    int fd;

    start(&transport_plain);
    fd = peer_tcp();
    hold_pool(1);
    write_between(seen[0].c);
    until(seen[0].c->flags & CONN_DISK);
    assert_int_equal(ftruncate(file, 0), 0);
    sem_post(&go);
    until(seen[0].closed);
    assert_int_equal(seen[0].reason, GOEVD_REASON_ERROR);
    assert_int_equal(released.count, 1);
    assert_int_equal(released.result, -EIO);
    fd_close(fd);
}

/* Who reads what there is does not pay for the disk. */
static void
test_conn_disk_peer_is_not_too_slow(void **state)
{
    static char bytes[FILE_BYTES];
    struct conn *c;
    uint64_t due_ns;
    int fd;

    limits.output_rate = 1000000;
    limits.output_timeout_ns = 20 * NS_PER_MS;
    limits.output_max = 2 * FILE_BYTES;
    start(&transport_plain);
    fd = peer_unix();
    c = seen[0].c;
    hold_pool(1);
    pattern_fill(bytes, sizeof(bytes));
    assert_true(conn_write(c, bytes, sizeof(bytes)) >= 0);
    assert_true(conn_write_file(c, file, 0, FILE_BYTES, release, NULL) >= 0);
    turn(0);
    assert_true(c->flags & CONN_BLOCKED);
    due_ns = conn_slow_due_ns(c);
    peer_hear(fd, FILE_BYTES);
    until(c->flags & CONN_DISK);
    assert_int_equal(conn_slow_due_ns(c), UINT64_MAX);
    until(poller->now_ns > due_ns);
    sem_post(&go);
    until(!(c->flags & CONN_DISK));
    assert_int_equal(seen[0].closed, 0);
    if (c->outq) /* it goes on where it was */
        assert_in_range(conn_slow_due_ns(c), due_ns, UINT64_MAX - 1);
    assert_true(pattern_is(peer_hear(fd, FILE_BYTES), FILE_BYTES));
    fd_close(fd);
}

#define DISK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DISK_TEST(test_conn_disk_nobody_waits_for_another_one_s_file),
        DISK_TEST(test_conn_disk_keeps_the_order),
        DISK_TEST(test_conn_disk_file_in_memory_is_sent_at_once),
        DISK_TEST(test_conn_disk_beginning_in_memory),
        DISK_TEST(test_conn_disk_connection_that_ends_meanwhile),
        DISK_TEST(test_conn_disk_flushes_at_close),
        DISK_TEST(test_conn_disk_full_pool_is_asked_again),
        DISK_TEST(test_conn_disk_full_pool_while_closing),
        DISK_TEST(test_conn_disk_without_file_descriptors_is_asked_again),
        DISK_TEST(test_conn_disk_stopped_pool_is_done_without),
        DISK_TEST(test_conn_disk_file_that_ends_early_closes),
        DISK_TEST(test_conn_disk_peer_is_not_too_slow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
